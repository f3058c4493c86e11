//! `locker-agent door`: what an installer does with locks and switches.
//!
//! While a daemon runs, it is asked through its control socket; otherwise the command takes doors and journal into use
//! itself. Either way the same core decides and the same journal records who did it.

mod access;
mod map;
mod questions;
mod trial;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::Config;
use crate::contract::state::{CompartmentState, DoorState};
use crate::core::command::{Answer, Failure, Rejection};
use crate::core::ids::CompartmentId;
use crate::hallctl::describe;
use access::Access;
use map::MapArgs;
use trial::TestArgs;

/// List, open, test or map the doors
#[derive(Debug, Args)]
pub struct DoorArgs {
    /// The configuration of the cabinet
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        default_value = "/etc/locker-agent/config.toml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: DoorCommand,
}

#[derive(Debug, Subcommand)]
enum DoorCommand {
    /// How every door stands
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Open one door; the journal keeps who did it and why
    Open {
        /// The number on the door
        number: CompartmentId,
        /// Why, for the record
        #[arg(long)]
        reason: String,
        /// Open it although a document lies behind it
        #[arg(long)]
        even_loaded: bool,
    },
    /// Open doors, watch their switches, and print a table (exit 1 if one fails)
    Test(TestArgs),
    /// Find out which line opens which door, and write it into the configuration (the daemon must be stopped)
    Map(MapArgs),
}

/// Exit code 0 if every door did what was asked.
pub fn run(args: DoorArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    match args.command {
        DoorCommand::List { json } => Access::with(&config, |doors| list(doors, json)),
        DoorCommand::Open { number, reason, even_loaded } => {
            Access::with(&config, |doors| open(doors, number, &reason, even_loaded))
        }
        DoorCommand::Test(test) => Access::with(&config, |doors| trial::run(doors, &config, &test)),
        DoorCommand::Map(how) => map::run(&config, &args.config, &how),
    }
}

fn list(doors: &mut Access, json: bool) -> anyhow::Result<ExitCode> {
    let doors = doors.look()?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&doors)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "number  door     state           document")?;
    for CompartmentState { number, lifecycle, door, deposit, contents_verified } in &doors {
        let door = match door {
            DoorState::Closed => "shut",
            DoorState::Open => "open",
            DoorState::Unknown => "unknown",
        };
        let place = format!("{lifecycle:?}").to_lowercase();
        let document = deposit.as_ref().map_or("-", |deposit| deposit.as_str());
        let doubt =
            if *contents_verified == Some(false) { "  (look whether it is there)" } else { "" };
        writeln!(out, "{number:>6}  {door:<7}  {place:<14}  {document}{doubt}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn open(
    doors: &mut Access,
    number: CompartmentId,
    reason: &str,
    even_loaded: bool,
) -> anyhow::Result<ExitCode> {
    match doors.open(number, reason, even_loaded)? {
        Answer::Done { .. } => {
            writeln!(std::io::stdout(), "door {number} is open")?;
            Ok(ExitCode::SUCCESS)
        }
        Answer::Rejected { reason } => {
            anyhow::bail!("door {number} stays shut: {}", why_not(&reason))
        }
        Answer::Failed { reason } => anyhow::bail!("door {number}: {}", what_failed(&reason)),
        Answer::Accepted => anyhow::bail!("door {number}: the daemon did not say how it ended"),
    }
}

/// A refusal, for whoever stands at the cabinet.
fn why_not(reason: &Rejection) -> String {
    if let Rejection::WrongState { .. } = reason {
        return "a document lies behind it: recall it first, or say --even-loaded".to_owned();
    }
    describe::rejection(reason)
}

fn what_failed(reason: &Failure) -> String {
    if *reason == Failure::DoorDidNotOpen {
        return "the lock was pulsed, and the switch saw no opening: if the door did open, look at the switch; else \
                at the lock and its supply. It is out of service until somebody returns it"
            .to_owned();
    }
    describe::failure(reason)
}
