//! Arguments, and which command they mean.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use locker_agent::cli::camera::{self, CameraArgs};
use locker_agent::cli::door::{self, DoorArgs};
use locker_agent::cli::face::{self, FaceArgs};
use locker_agent::cli::journal::{self, JournalArgs};
use locker_agent::cli::models::{self, ModelsArgs};
use locker_agent::cli::release::{self, ReleaseArgs};
use locker_agent::cli::run::{self, RunArgs};
use locker_agent::cli::templates::{self, TemplatesArgs};

/// The daemon inside a smart document locker.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
enum Command {
    /// Play one document's life on this machine, then stay up until Ctrl-C
    #[cfg(feature = "demo")]
    Demo(locker_agent::demo::DemoArgs),
    /// Run the daemon
    Run(RunArgs),
    /// Check whether the camera works and what it sees
    Camera(CameraArgs),
    /// List, open, test or map the doors
    Door(DoorArgs),
    /// Switch every lock off
    Release(ReleaseArgs),
    /// Compare photos, measure recognition and speed
    Face(FaceArgs),
    /// Verify, show or export the record of what happened
    Journal(JournalArgs),
    /// Count the face templates, or encrypt them under a new key
    Templates(TemplatesArgs),
    /// Fetch, list or verify the models, the ONNX Runtime library and the sample photos
    Models(ModelsArgs),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        #[cfg(feature = "demo")]
        Command::Demo(args) => locker_agent::demo::run(args),
        Command::Run(args) => run::run(&args),
        Command::Camera(args) => camera::run(&args),
        Command::Door(args) => door::run(args),
        Command::Release(args) => release::run(&args),
        Command::Face(args) => face::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Templates(args) => templates::run(&args),
        Command::Models(args) => models::run(args),
    };
    done.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "locker-agent: {error:#}");
        ExitCode::FAILURE
    })
}
