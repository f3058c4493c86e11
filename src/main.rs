//! The command line: arguments, exit code, nothing else.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use locker_agent::cli::face;

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare photos, measure recognition and speed
    Face(face::FaceArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Face(args) => face::run(args),
    }
}
