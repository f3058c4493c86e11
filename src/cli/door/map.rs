//! `door map`: pulses lock after lock, asks which door opened, and writes numbers and switches into the configuration.
//!
//! The locks are driven without the core, which would take a wrong wire for a forced door; so nothing may lie behind
//! any door, and every pulse is on record before it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use super::questions::{Seen, which_door};
use crate::app::Clock;
use crate::config::{Config, Remap};
use crate::contract::command::check_reason;
use crate::control::{Client, ControlFault, local_user};
use crate::core::cabinet::Cabinet;
use crate::core::compartment::Content;
use crate::core::event::Event;
use crate::core::ids::CompartmentId;
use crate::core::input::DoorPosition;
use crate::daemon::open_doors;
use crate::journal::Store;
use crate::ports::{DoorSensors, Journal, LockBank};

#[derive(Debug, Args)]
pub(super) struct MapArgs {
    /// Only show what would be written
    #[arg(long)]
    dry_run: bool,
    /// Why, for the record
    #[arg(long, default_value = "mapping the wires")]
    reason: String,
}

/// What one lock did.
struct Trial {
    /// The compartment it is wired as.
    wired_as: CompartmentId,
    /// The number on the door that the installer saw opening.
    opened: Option<CompartmentId>,
    /// The compartments whose switches moved.
    moved: BTreeSet<CompartmentId>,
}

pub(super) fn run(config: &Config, file: &Path, args: &MapArgs) -> anyhow::Result<ExitCode> {
    if let Err(problem) = check_reason(&args.reason) {
        bail!("the reason {problem}");
    }
    match Client::connect(&config.control_socket) {
        Err(ControlFault::NobodyThere { .. }) => {}
        Ok(_) => bail!("the daemon runs: stop it first (systemctl stop locker-agent)"),
        Err(fault) => return Err(fault.into()),
    }
    let (mut journal, _outbox) = Store::open(&config.device.state_dir)
        .context("the journal cannot be opened; is a daemon running?")?;
    ensure_empty(config, &journal)?;
    let (mut locks, mut switches) = open_doors(&config.cabinet.doors)?;
    let mut bench =
        Bench { config, args, journal: &mut journal, locks: &mut *locks, switches: &mut *switches };
    let Some(trials) = bench.try_all()? else {
        println_to(&mut std::io::stdout(), "Stopped; nothing is written.")?;
        return Ok(ExitCode::FAILURE);
    };
    finish(config, file, &trials, args.dry_run)
}

/// A number that changes would send somebody's document to another door.
fn ensure_empty(config: &Config, journal: &impl Journal) -> anyhow::Result<()> {
    let fitted = config.cabinet.doors.numbers().into_iter().collect();
    let mut cabinet = Cabinet::new(config.policy(), fitted);
    journal.replay(&mut |recorded| cabinet.replay(recorded.at, &recorded.event))?;
    let mut used = cabinet.compartments().filter(|(_, c)| c.content != Content::Vacant);
    if let Some((number, _)) = used.next() {
        bail!(
            "compartment {number} holds a document or is kept for one: recall or cancel it first"
        );
    }
    Ok(())
}

/// Everything that a trial of the locks moves.
struct Bench<'a> {
    config: &'a Config,
    args: &'a MapArgs,
    journal: &'a mut dyn Journal,
    locks: &'a mut dyn LockBank,
    switches: &'a mut dyn DoorSensors,
}

impl Bench<'_> {
    /// `None` when the installer stopped.
    fn try_all(&mut self) -> anyhow::Result<Option<Vec<Trial>>> {
        let mut out = std::io::stdout();
        let positions = self.switches.positions()?;
        let open = positions.iter().find(|(_, position)| **position == DoorPosition::Open);
        if let Some((door, _)) = open {
            bail!(
                "the switch of compartment {door} says that its door is open: shut all doors first"
            );
        }
        let mut trials = Vec::new();
        for wired_as in self.config.cabinet.doors.numbers() {
            println_to(&mut out, &format!("Lock of compartment {wired_as}:"))?;
            let moved = self.pulse(wired_as)?;
            let told = match moved.len() {
                0 => "no switch moved".to_owned(),
                _ => format!("the switch of {} moved", list(&moved)),
            };
            println_to(&mut out, &format!("  pulsed; {told}."))?;
            let likely = moved.first().copied().unwrap_or(wired_as);
            let opened = match which_door(&mut std::io::stdin().lock(), &mut out, likely)? {
                Seen::Door(number) => Some(number),
                Seen::Nothing => None,
                Seen::Quit => return Ok(None),
            };
            self.wait_until_shut(&moved, &mut out)?;
            trials.push(Trial { wired_as, opened, moved });
        }
        Ok(Some(trials))
    }

    /// Records, pulses, and gives the compartments whose switches moved.
    fn pulse(&mut self, compartment: CompartmentId) -> anyhow::Result<BTreeSet<CompartmentId>> {
        let (operator, reason) = (local_user(), self.args.reason.clone());
        let event = Event::LockTried { compartment, operator, reason };
        self.journal.append(Clock::start().now().wall, &[event])?;
        self.locks.pulse(compartment, self.config.cabinet.locks.pulse)?;
        let clock = Clock::start();
        let mut moved = BTreeSet::new();
        let patience = self.config.cabinet.locks.open_within;
        while let Some(left) = patience.checked_sub(clock.now().mono.0) {
            // One door opens; what bounces or answers late comes within a moment of it.
            let wait = if moved.is_empty() { left } else { left.min(SETTLE) };
            match self.switches.next_edge(wait)? {
                Some(edge) if edge.position == DoorPosition::Open => {
                    moved.insert(edge.compartment);
                }
                None if !moved.is_empty() => break,
                Some(_) | None => {}
            }
        }
        Ok(moved)
    }

    fn wait_until_shut(
        &mut self,
        moved: &BTreeSet<CompartmentId>,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut asked = false;
        while self
            .switches
            .positions()?
            .iter()
            .any(|(door, position)| moved.contains(door) && *position == DoorPosition::Open)
        {
            if !asked {
                println_to(out, "  Shut it.")?;
                asked = true;
            }
            self.switches.next_edge(Duration::from_secs(1))?;
        }
        Ok(())
    }
}

/// What follows the first switch within this time belongs to the same door.
const SETTLE: Duration = Duration::from_millis(500);

/// Numbers and switches as they ought to be, or the sentences that say why that cannot be told.
fn conclude(trials: &[Trial]) -> Result<Remap, Vec<String>> {
    let mut problems = Vec::new();
    let (mut numbers, mut switches) = (BTreeMap::new(), BTreeMap::new());
    for Trial { wired_as, opened, moved } in trials {
        match opened {
            None => problems.push(format!(
                "the lock of compartment {wired_as} opened no door: look at its wires and supply"
            )),
            Some(number) => {
                if let Some(other) = numbers.iter().find(|(_, taken)| **taken == *number) {
                    let other: &CompartmentId = other.0;
                    problems.push(format!(
                        "door {number} was opened by the locks of {other} and {wired_as}: one of them is wrong"
                    ));
                }
                numbers.insert(*wired_as, *number);
            }
        }
        match moved.first() {
            Some(switch) if moved.len() == 1 => {
                switches.insert(*wired_as, *switch);
            }
            Some(_) => problems.push(format!(
                "the lock of compartment {wired_as} moved the switches of {}: only one door may open",
                list(moved)
            )),
            None if opened.is_some() => problems.push(format!(
                "no switch saw the door open that the lock of compartment {wired_as} opened: look at its switch"
            )),
            None => {}
        }
    }
    if problems.is_empty() { Ok(Remap { numbers, switches }) } else { Err(problems) }
}

fn finish(
    config: &Config,
    file: &Path,
    trials: &[Trial],
    dry_run: bool,
) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    let remap = match conclude(trials) {
        Ok(remap) => remap,
        Err(problems) => {
            bail!("nothing is written:\n  {}", problems.join("\n  "));
        }
    };
    let before = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read any more", file.display()))?;
    let after = remap.apply(&before)?;
    if after == before {
        println_to(
            &mut out,
            "Every lock opens the door it is configured as; nothing has to be written.",
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let checked = Config::parse(&after, file)?;
    ensure!(
        checked.cabinet.doors.numbers().len() == config.cabinet.doors.numbers().len(),
        "the changed file would lose doors; nothing is written"
    );
    for (wired_as, number) in remap.numbers.iter().filter(|(was, is)| was != is) {
        println_to(&mut out, &format!("compartment {wired_as} becomes {number}"))?;
    }
    for (lock, switch) in remap.switches.iter().filter(|(lock, switch)| lock != switch) {
        println_to(&mut out, &format!("the lock of {lock} gets the switch of {switch}"))?;
    }
    if dry_run {
        println_to(&mut out, "Nothing is written, as you asked.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let old = replace(file, &before, &after)?;
    println_to(&mut out, &format!("{} is written; what it was is {old}.", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The new text takes the file's place at once, and the old one stays beside it.
fn replace(file: &Path, before: &str, after: &str) -> anyhow::Result<String> {
    let beside = |ending: &str| format!("{}.{ending}", file.display());
    let (old, new) = (beside("old"), beside("new"));
    let permissions = std::fs::metadata(file)?.permissions();
    for (path, text) in [(&old, before), (&new, after)] {
        std::fs::write(path, text).with_context(|| format!("{path} cannot be written"))?;
        std::fs::set_permissions(path, permissions.clone())?;
        std::fs::File::open(path)?.sync_all()?;
    }
    std::fs::rename(&new, file)
        .with_context(|| format!("{} cannot be replaced", file.display()))?;
    Ok(old)
}

fn list(doors: &BTreeSet<CompartmentId>) -> String {
    doors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn println_to(out: &mut impl Write, line: &str) -> std::io::Result<()> {
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    fn trial(wired_as: u16, opened: Option<u16>, moved: &[u16]) -> Trial {
        let moved = moved.iter().map(|number| door(*number)).collect();
        Trial { wired_as: door(wired_as), opened: opened.map(door), moved }
    }

    #[test]
    fn crossed_wires_are_told_apart() {
        let remap = conclude(&[trial(1, Some(2), &[1]), trial(2, Some(1), &[2])]).unwrap();
        assert_eq!(remap.numbers, BTreeMap::from([(door(1), door(2)), (door(2), door(1))]));
        assert_eq!(remap.switches, BTreeMap::from([(door(1), door(1)), (door(2), door(2))]));
    }

    #[test]
    fn what_cannot_be_told_is_said_for_every_lock_and_changes_nothing() {
        let said = conclude(&[
            trial(1, None, &[]),
            trial(2, Some(2), &[2, 3]),
            trial(3, Some(2), &[3]),
            trial(4, Some(4), &[]),
        ])
        .unwrap_err();
        assert_eq!(said.len(), 4, "{said:?}");
        for word in ["1 opened no door", "2 and 3", "locks of 2 and 3", "compartment 4 opened"] {
            assert!(said.iter().any(|sentence| sentence.contains(word)), "{word}: {said:?}");
        }
    }
}
