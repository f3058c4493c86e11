//! The whole product on one machine, so that anybody understands it in two minutes.
//!
//! Real models on real photos, a real broker on loopback, the real agent with its real journal, the hall's own client.
//! Simulated are only the cabinet and the camera (`sim`), because no locks hang on this machine; they stand behind
//! the same traits as hardware does.

mod books;
mod loop_on;
mod stage;
mod story;
mod teller;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use stage::Stage;
use teller::Teller;

/// Play one document's life on this machine, then stay up until Ctrl-C
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// End after the story: exit 0 only if every step of it was observed
    #[arg(long)]
    once: bool,
    /// Where the models and sample photos are [default: where `models fetch` puts them]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// A photo of a photo or of a screen, to be refused; without one that step is left out, and said so
    #[arg(long, value_name = "FILE")]
    attack: Option<PathBuf>,
    /// Keep the journal, the templates and the hall's copy of the events here [default: a folder that is deleted]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Plays the story; an error names the step that was not observed.
pub fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    crate::daemon::start_log("error");
    let stop = crate::daemon::stop_signals()?;
    let scratch = Scratch::new(args.state)?;
    let (dir, once) = (scratch.dir.clone(), args.once);
    let story = thread::Builder::new().name("story".into()).spawn(move || {
        let mut teller = Teller::new();
        let mut stage = Stage::set(&dir, args.models, args.attack.as_deref(), &mut teller)?;
        story::play(&mut stage, &mut teller)?;
        if once {
            story::close(stage, &mut teller)?;
            return Ok(None);
        }
        Ok(Some((stage, teller)))
    })?;
    while !story.is_finished() {
        if stop.recv_timeout(GLANCE).is_ok() {
            // The threads end with the process; the simulated cabinet has no lines to release.
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    let told: anyhow::Result<_> = story.join().map_err(|_| anyhow!("the story panicked"))?;
    if let Some((stage, mut teller)) = told? {
        loop_on::until_stopped(&stage, &stop)?;
        story::close(stage, &mut teller)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How often Ctrl-C is looked for while the story runs.
const GLANCE: Duration = Duration::from_millis(50);
/// The exit code of a program that SIGINT ended, by the shell's convention.
const INTERRUPTED: u8 = 130;

/// A folder for this run, deleted afterwards unless the caller named it.
struct Scratch {
    dir: PathBuf,
    ours: bool,
}

impl Scratch {
    fn new(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let ours = named.is_none();
        let name = format!("locker-agent-demo-{}", std::process::id());
        let dir = named.unwrap_or_else(|| std::env::temp_dir().join(name));
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("the folder {} cannot be made", dir.display()))?;
        Ok(Self { dir, ours })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.ours {
            _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
