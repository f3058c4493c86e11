//! `door test`: opens doors one after another, watches their switches, and prints what each did.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::access::Access;
use super::{what_failed, why_not};
use crate::app::Clock;
use crate::config::Config;
use crate::contract::state::{CompartmentState, DoorState};
use crate::core::command::{Answer, Rejection};
use crate::core::ids::CompartmentId;

/// How often a door that shall be shut is looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// How long another door's pulse is waited for.
const BUSY_AT_MOST: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The numbers on the doors
    #[arg(required_unless_present = "all")]
    numbers: Vec<CompartmentId>,
    /// Every door of the configuration
    #[arg(long, conflicts_with = "numbers")]
    all: bool,
    /// Open doors with a document behind them too
    #[arg(long)]
    even_loaded: bool,
    /// How long somebody has to push a door shut; 0 goes on at once
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    shut_within: u64,
    /// Why, for the record
    #[arg(long, default_value = "door test")]
    reason: String,
}

/// What one door did.
enum Outcome {
    /// It opened after so long, and was seen shut again, or not.
    Opened { after: Duration, shut: bool },
    /// It did not open, for this reason.
    Not(String),
}

pub(super) fn run(
    doors: &mut Access,
    config: &Config,
    args: &TestArgs,
) -> anyhow::Result<ExitCode> {
    let numbers = if args.all { config.cabinet.doors.numbers() } else { args.numbers.clone() };
    let mut out = std::io::stdout().lock();
    writeln!(out, "number  opened  after      shut  remark")?;
    let mut failed = 0;
    for number in numbers {
        let outcome = try_door(doors, number, args)?;
        failed += usize::from(!matches!(outcome, Outcome::Opened { shut: true, .. }));
        match outcome {
            Outcome::Opened { after, shut } => {
                let (word, remark) = match shut {
                    true => ("yes", ""),
                    false => ("no", "not shut in time: shut it, or look at its switch"),
                };
                let after = after.as_millis();
                writeln!(out, "{number:>6}  yes     {after:>6} ms  {word:<4}  {remark}")?;
            }
            Outcome::Not(why) => writeln!(out, "{number:>6}  no              -  -     {why}")?,
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn try_door(doors: &mut Access, number: CompartmentId, args: &TestArgs) -> anyhow::Result<Outcome> {
    let waited = Clock::start();
    let (answer, after) = loop {
        let clock = Clock::start();
        let answer = doors.open(number, &args.reason, args.even_loaded)?;
        let busy = answer == Answer::Rejected { reason: Rejection::Busy };
        if !busy || waited.now().mono.0 >= BUSY_AT_MOST {
            break (answer, clock.now().mono.0);
        }
        pause();
    };
    Ok(match answer {
        Answer::Done { .. } => {
            Outcome::Opened { after, shut: wait_until_shut(doors, number, args)? }
        }
        Answer::Rejected { reason } => Outcome::Not(why_not(&reason)),
        Answer::Failed { reason } => Outcome::Not(what_failed(&reason)),
        Answer::Accepted => Outcome::Not("the daemon did not say how it ended".to_owned()),
    })
}

fn wait_until_shut(
    doors: &mut Access,
    number: CompartmentId,
    args: &TestArgs,
) -> anyhow::Result<bool> {
    let clock = Clock::start();
    loop {
        let mut now = doors.look()?.into_iter();
        let shut = |door: CompartmentState| door.number == number && door.door == DoorState::Closed;
        if now.any(shut) {
            return Ok(true);
        }
        if clock.now().mono.0 >= Duration::from_secs(args.shut_within) {
            return Ok(false);
        }
        pause();
    }
}

fn pause() {
    #[expect(clippy::disallowed_methods, reason = "the state is a picture, not a stream")]
    std::thread::sleep(GLANCE);
}
