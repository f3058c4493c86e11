//! `locker-agent models`: fetch the files of a manifest, list them, verify them, choose each model's faster form.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::models_table::table;
use super::models_tune;
use crate::models::fetch::{ARCHIVES, Clients, Fetcher, Patience, Progress, Wanted};
use crate::models::prepared::RECORD;
use crate::models::{
    Content, FileEntry, Form, Manifest, ModelStore, Record, StoreError, default_dir,
};

/// Fetch, list, verify or tune the models, the ONNX Runtime library and the sample photos.
#[derive(Debug, clap::Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Fetch what is missing, with pip and npm. What is right already is not fetched again.
    Fetch {
        #[command(flatten)]
        place: Place,
        /// The photos for tests, demonstration and benchmark as well
        #[arg(long)]
        samples: bool,
    },
    /// Check each model's faster form against the shipped one on this machine, measure both, keep the faster.
    Tune {
        #[command(flatten)]
        place: Place,
        /// Runs of each form
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
        runs: u16,
    },
    /// Show every file of the manifest: role, version, licence, source, form, and whether it is there.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Hash every file that this machine needs; ends with 1 and its name if one is missing or altered.
    Verify {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The model directory [default: $LOCKER_AGENT_MODELS, else ~/.cache/locker-agent/models]
    #[arg(long, visible_alias = "models", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Another model set than the built-in one
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// For another machine: x86_64 or aarch64
    #[arg(long, value_name = "ARCH", default_value = std::env::consts::ARCH)]
    arch: String,
}

impl Place {
    fn store(&self) -> anyhow::Result<ModelStore> {
        let dir = self.dir.clone().unwrap_or_else(default_dir);
        let Some(path) = &self.manifest else {
            return Ok(ModelStore::new(Manifest::default_set(), dir));
        };
        let store = ModelStore::new(Manifest::read(path)?, dir);
        Ok(match path.parent() {
            Some(beside) => store.beside(beside),
            None => store,
        })
    }
}

/// Runs the command; a failure is an error whose text says what to do.
pub fn run(args: ModelsArgs) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Fetch { place, samples } => fetch(&place, samples),
        Action::Tune { place, runs } => {
            models_tune::tune(&place.store()?, Some(usize::from(runs))).map(|()| ExitCode::SUCCESS)
        }
        Action::List { place } => list(&place),
        Action::Verify { place } => verify(&place),
    }
}

fn fetch(place: &Place, samples: bool) -> anyhow::Result<ExitCode> {
    let store = place.store()?;
    let watched = std::io::stdout().is_terminal();
    let clients = Clients::new(std::env::var_os("PATH").unwrap_or_default(), watched);
    let wanted = Wanted { arch: place.arch.clone(), samples };
    let mut tell = |progress: &Progress| say(&line(progress));
    let outcome = Fetcher::new(&store, &clients, Patience::default(), &mut tell).fetch(&wanted)?;
    let fetched = match outcome.placed {
        0 => "nothing to fetch".to_owned(),
        placed => format!("{placed} put in place"),
    };
    let dir = store.dir().display();
    say(&format!("{fetched}: all {} files are right in {dir}", outcome.right));
    if place.arch == std::env::consts::ARCH {
        models_tune::tune_what_is_new(&store);
    } else {
        say(
            "on the machine itself run: locker-agent models tune (until then models run as shipped)",
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Progress goes to the error output, so that the standard output stays free for what was asked.
pub(super) fn say(line: &str) {
    // Whoever closed the output does not want to hear of it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn line(progress: &Progress) -> String {
    match progress {
        Progress::Fetching { what, bytes } => format!("fetching {what} ({})", megabytes(*bytes)),
        Progress::Fetched { what, took } => {
            format!("fetched  {what} in {:.1} s, SHA-256 as listed", took.as_secs_f64())
        }
        Progress::NoNpm => "npm is not installed here: fetching a private copy with pip, which is \
                            thrown away afterwards"
            .to_owned(),
        Progress::Again { what, because, pause } => {
            format!("{what} did not come ({because}); trying again in {} s", pause.as_secs())
        }
        Progress::Placed { file } => format!("placed   {file}"),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", (bytes as f64 / 1e6).max(1.0))
}

fn list(place: &Place) -> anyhow::Result<ExitCode> {
    let store = place.store()?;
    // A record that cannot be read is as good as none; the daemon says so when it starts.
    let record = Record::read(store.dir()).ok().flatten();
    let files = store.manifest().files().iter();
    let rows = files.map(|file| row(&store, file, &place.arch, record.as_ref()));
    let header =
        ["FILE", "ROLE", "VERSION", "LICENCE", "SOURCE", "FORM", "STATE"].map(str::to_owned);
    let text = table(&std::iter::once(header).chain(rows).collect::<Vec<_>>());
    let set = &store.manifest().set().name;
    let mut page = format!("set {set} in {}\n\n{text}", store.dir().display());
    for name in strangers(&store) {
        page += &format!("{name} is not in the manifest, so it is never used\n");
    }
    match std::io::stdout().write_all(page.as_bytes()) {
        // Somebody looked at the beginning only.
        Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        written => written.map(|()| ExitCode::SUCCESS).context("the list cannot be written"),
    }
}

fn row(store: &ModelStore, file: &FileEntry, arch: &str, record: Option<&Record>) -> [String; 7] {
    let archive = file.origin.as_ref().and_then(|o| store.manifest().archive(&o.archive));
    let (version, source) = match archive {
        Some(archive) => {
            (archive.version.clone(), format!("{} {}", archive.registry.name(), archive.package))
        }
        None => ("-".to_owned(), "by hand".to_owned()),
    };
    let role = role(store.manifest(), file);
    let (licence, form) = (file.licence.clone(), form(file, record));
    [file.file.clone(), role, version, licence, source, form, state(store, file, arch)]
}

/// In which form a model runs here, and what that gains where it was measured.
fn form(file: &FileEntry, record: Option<&Record>) -> String {
    if !matches!(file.content, Content::Model { .. }) {
        return "-".to_owned();
    }
    let line = record.and_then(|record| record.line(&file.name, file.sha256));
    let Some(line) = line else { return Form::Shipped.name().to_owned() };
    match (line.form, line.shipped_ms, line.prepared_ms) {
        (Form::Prepared, Some(shipped), Some(prepared)) => {
            format!("prepared ({:.1}x as fast)", shipped / prepared)
        }
        (form, _, _) => form.name().to_owned(),
    }
}

/// What a file is for, and whether the set uses it.
fn role(manifest: &Manifest, file: &FileEntry) -> String {
    let set = manifest.set();
    match &file.content {
        Content::Runtime { arch } => format!("runtime {arch}"),
        Content::Sample => "sample".to_owned(),
        Content::Model { task, .. } => {
            let mut used = set.liveness.iter().chain(&set.landmarks);
            let in_use = used.any(|name| *name == file.name)
                || [&set.detector, &set.embedder].contains(&&file.name);
            if in_use { task.name().to_owned() } else { format!("{} (spare)", task.name()) }
        }
    }
}

fn state(store: &ModelStore, file: &FileEntry, arch: &str) -> String {
    match store.bytes(&file.name) {
        Ok(_) => "present",
        Err(StoreError::Missing { .. }) if !file.serves(arch) => "not needed here",
        Err(StoreError::Missing { .. }) => "missing",
        Err(StoreError::Altered { .. }) => "CHANGED",
        Err(StoreError::Unreadable { .. } | StoreError::Unlisted(_) | StoreError::NoRuntime(_)) => {
            "UNREADABLE"
        }
    }
    .to_owned()
}

/// Files in the model directory that the manifest does not list.
fn strangers(store: &ModelStore) -> Vec<String> {
    let entries = std::fs::read_dir(store.dir()).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let listed = |name: &String| store.manifest().files().iter().any(|file| file.file == *name);
    let mut strangers: Vec<_> =
        names.filter(|name| name != ARCHIVES && name != RECORD && !listed(name)).collect();
    strangers.sort();
    strangers
}

/// Samples may be absent, but not altered.
fn verify(place: &Place) -> anyhow::Result<ExitCode> {
    let store = place.store()?;
    let (mut right, mut wrong) = (0, Vec::new());
    let needed = store.manifest().files().iter().filter(|file| file.serves(&place.arch));
    for file in needed {
        match store.bytes(&file.name) {
            Ok(_) => right += 1,
            Err(StoreError::Missing { .. }) if file.content == Content::Sample => {}
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() {
        say(&format!("all {right} files are right in {}", store.dir().display()));
        return Ok(ExitCode::SUCCESS);
    }
    for sentence in &wrong {
        say(sentence);
    }
    say(&format!("{} of {} files are not right", wrong.len(), right + wrong.len()));
    Ok(ExitCode::FAILURE)
}
