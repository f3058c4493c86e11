//! Arguments, and which command they mean.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use locker_agent::cli::face::{self, FaceArgs};
use locker_agent::cli::models::{self, ModelsArgs};

/// The daemon inside a smart document locker.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
enum Command {
    /// Fetch, list or verify the models, the ONNX Runtime library and the sample photos
    Models(ModelsArgs),
    /// Compare photos, measure recognition and speed
    Face(FaceArgs),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Models(args) => models::run(args),
        Command::Face(args) => face::run(args),
    };
    done.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "locker-agent: {error:#}");
        ExitCode::FAILURE
    })
}
