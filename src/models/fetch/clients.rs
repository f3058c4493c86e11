//! The registries' own clients, found on the PATH and run as a person would run them.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::super::manifest::{Archive, ArchiveKind};
use super::failure::{FetchError, Refusal, Trouble, last_words};

/// Writes one member of an archive to the standard output.
const READ_MEMBER: &str = "
import shutil, sys, tarfile, zipfile
kind, archive, member = sys.argv[1:]
if kind == 'zip':
    source = zipfile.ZipFile(archive).open(member)
else:
    source = tarfile.open(archive, 'r:gz').extractfile(member)
shutil.copyfileobj(source, sys.stdout.buffer)
";

/// Where the clients are looked for, and whether a person is watching.
#[derive(Debug, Clone)]
pub struct Clients {
    search_path: OsString,
    watched: bool,
    /// Fetched when the PATH has no npm.
    pub(super) private_npm: Option<Archive>,
}

/// A client with its arguments, ready to be run as often as needed.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) client: &'static str,
    pub(super) command: Command,
}

impl Clients {
    /// The clients in the folders of a `PATH`. If `watched`, pip draws its progress bar on the standard output.
    pub fn new(search_path: impl Into<OsString>, watched: bool) -> Self {
        let private_npm = super::private_npm::wheel(std::env::consts::ARCH);
        Self { search_path: search_path.into(), watched, private_npm }
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        let runnable = |path: &PathBuf| {
            path.metadata()
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        std::env::split_paths(&self.search_path).map(|folder| folder.join(name)).find(runnable)
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.search_path).stdin(Stdio::null());
        command
    }

    fn python(&self) -> Result<Command, FetchError> {
        let python = self.find("python3").ok_or(FetchError::NoPython)?;
        Ok(self.command(python))
    }

    /// `pip download` of one archive into a folder.
    pub(super) fn pip_download(&self, archive: &Archive, into: &Path) -> Result<Order, FetchError> {
        let mut command = self.python()?;
        command.args(["-m", "pip", "download", "--disable-pip-version-check", "--no-input"]);
        command.args(["--no-cache-dir", "--no-deps", "--retries", "2", "--dest"]).arg(into);
        match archive.kind {
            ArchiveKind::Wheel => command.arg("--only-binary=:all:"),
            // Not ":all:": what pip needs to read the package's own metadata may well come as a wheel.
            ArchiveKind::Sdist | ArchiveKind::NpmPack => {
                command.arg(format!("--no-binary={}", archive.package))
            }
        };
        if let Some(platform) = &archive.platform {
            command.args(platform.platforms.iter().flat_map(|tag| ["--platform", tag]));
            command.args(["--implementation", "cp", "--python-version", &platform.python]);
        }
        command.arg(format!("{}=={}", archive.package, archive.version));
        if self.watched {
            command.stdout(Stdio::inherit());
        } else {
            command.arg("--quiet").stdout(Stdio::null());
        }
        Ok(Order { client: "pip", command })
    }

    /// `npm pack` of one archive into a folder, if there is an npm.
    pub(super) fn npm_pack(&self, archive: &Archive, into: &Path) -> Option<Order> {
        Some(pack(self.command(self.find("npm")?), archive, into))
    }

    /// The bytes of one member of an archive.
    pub(super) fn member(
        &self,
        archive: &Path,
        kind: ArchiveKind,
        member: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let form = match kind {
            ArchiveKind::Wheel => "zip",
            ArchiveKind::NpmPack | ArchiveKind::Sdist => "tar",
        };
        let mut python = self.python()?;
        python.args(["-c", READ_MEMBER, form]).arg(archive).arg(member);
        read(python).map_err(|said| FetchError::Unpack {
            archive: archive.to_owned(),
            member: member.to_owned(),
            said,
        })
    }

    /// Unpacks a whole zip into a folder.
    pub(super) fn unpack_all(&self, archive: &Path, into: &Path) -> Result<(), FetchError> {
        let mut python = self.python()?;
        python.args(["-m", "zipfile", "-e"]).arg(archive).arg(into);
        read(python).map(drop).map_err(|said| FetchError::Unpack {
            archive: archive.to_owned(),
            member: "everything".to_owned(),
            said,
        })
    }
}

/// `npm pack`, whichever npm it is. Its cache stays in the folder, so that it goes with it.
pub(super) fn pack(mut npm: Command, archive: &Archive, into: &Path) -> Order {
    npm.args(["pack", "--loglevel=error", "--no-update-notifier", "--cache", "npm-cache"]);
    npm.arg(format!("{}@{}", archive.package, archive.version));
    npm.current_dir(into).stdin(Stdio::null()).stdout(Stdio::null());
    Order { client: "npm", command: npm }
}

fn read(mut command: Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|cause| cause.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(last_words(&String::from_utf8_lossy(&output.stderr)))
}

impl Order {
    /// Runs the client to its end.
    pub(super) fn carry_out(&mut self) -> Result<(), Refusal> {
        let run = self.command.stderr(Stdio::piped()).spawn().and_then(Child::wait_with_output);
        let (trouble, said) = match run {
            Err(cause) => (Trouble::NotStarted, cause.to_string()),
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                (Trouble::read(&said), last_words(&said))
            }
        };
        Err(Refusal { client: self.client, trouble, said })
    }
}
