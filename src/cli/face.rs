//! `locker-agent face`: compare two photos, measure a set of pairs, measure the speed.

mod bench;
mod compare;
mod eval;
mod rates;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::models::{Manifest, ModelStore, default_dir};

/// The exit code for input that cannot be judged: a picture without a usable face, a file that is missing
/// or broken.
const UNUSABLE: u8 = 2;

/// Arguments of `locker-agent face`.
#[derive(Debug, clap::Args)]
pub struct FaceArgs {
    #[command(subcommand)]
    command: FaceCommand,
}

#[derive(Debug, clap::Subcommand)]
enum FaceCommand {
    /// Say whether two photos show the same person (exit code 0: same, 1: different, 2: cannot be said)
    Compare(compare::CompareArgs),
    /// Measure genuine and impostor scores over a list of photo pairs
    Eval(eval::EvalArgs),
    /// Measure how long each stage takes for one 640x480 JPEG frame
    Bench(bench::BenchArgs),
}

/// Which models, where, and on how many threads.
#[derive(Debug, clap::Args)]
struct SetArgs {
    /// Directory with the model files [default: $LOCKER_AGENT_MODELS or ~/.cache/locker-agent/models]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Manifest of another model set
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Threads for each model
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
}

impl SetArgs {
    fn store(&self) -> anyhow::Result<ModelStore> {
        let dir = self.models.clone().unwrap_or_else(default_dir);
        let Some(path) = &self.manifest else {
            return Ok(ModelStore::new(Manifest::default_set(), dir));
        };
        let beside = path.parent().unwrap_or(Path::new(".")).to_owned();
        let manifest = Manifest::read(path).with_context(|| path.display().to_string())?;
        Ok(ModelStore::new(manifest, dir).beside(beside))
    }

    fn threads(&self) -> usize {
        usize::from(self.threads)
    }
}

/// Runs the subcommand. What cannot be judged is said on standard error and ends with exit code 2.
pub fn run(args: FaceArgs) -> anyhow::Result<ExitCode> {
    let outcome = match args.command {
        FaceCommand::Compare(args) => compare::run(&args),
        FaceCommand::Eval(args) => eval::run(&args),
        FaceCommand::Bench(args) => bench::run(&args),
    };
    outcome.or_else(|error| {
        writeln!(std::io::stderr(), "locker-agent: {error:#}")?;
        Ok(ExitCode::from(UNUSABLE))
    })
}

/// Writes to standard output; a reader that has gone away is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn say_json(value: &serde_json::Value) {
    say(&format!("{value:#}"));
}
