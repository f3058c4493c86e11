//! `locker-agent face`: compare two photos, measure a set of pairs, calibrate, measure liveness and speed.

mod bench;
mod calibrate;
mod compare;
mod det;
mod eval;
mod folders;
mod pad_eval;
mod proportion;
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
    /// Find the similarity to ask for from a site's own pictures, and print the lines for the configuration
    Calibrate(calibrate::CalibrateArgs),
    /// Measure how many attacks and how many living faces pass the liveness models
    PadEval(pad_eval::PadEvalArgs),
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
        FaceCommand::Calibrate(args) => calibrate::run(&args),
        FaceCommand::PadEval(args) => pad_eval::run(&args),
        FaceCommand::Bench(args) => bench::run(&args),
    };
    outcome.or_else(|error| {
        writeln!(std::io::stderr(), "locker-agent: {error:#}")?;
        Ok(ExitCode::from(UNUSABLE))
    })
}

/// Decimals of similarities, scores and other parts of one.
const SCORE_PLACES: usize = 6;

/// A measured value in the digits that mean something, as JSON shows it: 0.45 and not 0.44999998807907104.
fn rounded(value: f32, places: usize) -> f64 {
    rounded_wide(f64::from(value), places)
}

fn rounded_wide(value: f64, places: usize) -> f64 {
    // Through the decimal text, because the nearest f64 to a short decimal is what prints as short.
    format!("{value:.places$}").parse().unwrap_or(value)
}

/// A small rate as people say it: 0.0001 and not 1e-4, to two digits.
fn say_rate(rate: f64) -> String {
    let places =
        if rate > 0.0 { (1.0 - rate.log10().floor()).clamp(1.0, 12.0) as usize } else { 1 };
    rounded_wide(rate, places).to_string()
}

/// Writes to standard output; a reader that has gone away is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn say_json(value: &serde_json::Value) {
    say(&format!("{value:#}"));
}

#[cfg(test)]
mod tests {
    use super::{rounded, rounded_wide};

    #[test]
    fn json_shows_the_digits_that_mean_something() {
        let shown =
            serde_json::json!([rounded(0.45, 6), rounded(0.812_345_6, 4), rounded(-1.0, 6)]);
        assert_eq!(shown.to_string(), "[0.45,0.8123,-1.0]");
        assert_eq!(serde_json::json!(rounded_wide(12.345_678, 3)).to_string(), "12.346");
        assert!(rounded(f32::NAN, 3).is_nan());
    }
}
