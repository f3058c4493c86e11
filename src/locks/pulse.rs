//! One lock at a time, never longer than a solenoid bears, released also when the thread panics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::limit::Limit;
use crate::core::ids::CompartmentId;
use crate::ports::{LockBank, LockFault};

/// How long a lock is energised: 50 to 1000 ms.
///
/// Solenoid locks open within 400–550 ms and are rated for intermittent duty; a coil that is held burns out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PulseWidth(Duration);

/// A pulse that would not open a lock, or would burn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pulse of {} ms is refused: a lock may be energised for {} to {} ms",
    .0.as_millis(), PulseWidth::SHORTEST.as_millis(), PulseWidth::LONGEST.as_millis()
)]
pub struct BadPulseWidth(Duration);

impl PulseWidth {
    /// Shorter pulses do not pull the bolt.
    pub const SHORTEST: Duration = Duration::from_millis(50);
    /// The hard limit: nothing energises a lock for longer.
    pub const LONGEST: Duration = Duration::from_millis(1000);
    /// Opens the usual 12 V solenoid lock with a margin.
    pub const DEFAULT: Self = Self(Duration::from_millis(500));

    /// Checks the bounds.
    pub fn new(width: Duration) -> Result<Self, BadPulseWidth> {
        if (Self::SHORTEST..=Self::LONGEST).contains(&width) {
            Ok(Self(width))
        } else {
            Err(BadPulseWidth(width))
        }
    }

    /// As a span of time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

/// An output line that drives one lock.
pub(crate) trait LockLine: Send + Sync + 'static {
    /// Lets current through the coil. The error says what the driver said.
    fn energise(&self) -> Result<(), String>;
    /// Takes the current away; repeating it does no harm.
    fn release(&self) -> Result<(), String>;
}

/// The lines of a cabinet's locks, by compartment.
pub(super) type LockLines<L> = Arc<BTreeMap<CompartmentId, L>>;

/// How a pulse waits until its width is over.
type Hold = Box<dyn FnMut(Duration) + Send>;

/// The locks of a cabinet, each on a line of its own.
pub(crate) struct PulsedLines<L: LockLine> {
    lines: LockLines<L>,
    hold: Hold,
    limit: Limit,
    /// Locks that would not switch off. Until they do, no lock is driven: two coils would be live at once.
    stuck: BTreeSet<CompartmentId>,
}

impl<L: LockLine> PulsedLines<L> {
    /// Takes the lines, releases them all, and keeps a line energised by calling `hold`. Fails if the system
    /// gives no thread for the limit.
    pub(crate) fn new(
        lines: BTreeMap<CompartmentId, L>,
        hold: impl FnMut(Duration) + Send + 'static,
    ) -> std::io::Result<Self> {
        let lines = Arc::new(lines);
        let limit = Limit::watch(Arc::clone(&lines))?;
        let hold = Box::new(hold);
        let stuck = lines.keys().copied().collect();
        let mut bank = Self { lines, hold, limit, stuck };
        // One that will not switch off is tried again, and told of, by the first pulse.
        let _ = bank.release_stuck();
        Ok(bank)
    }

    /// Switches off what would not switch off before.
    fn release_stuck(&mut self) -> Result<(), LockFault> {
        let mut refused = Ok(());
        self.stuck.retain(|&compartment| {
            let released = self.lines.get(&compartment).map_or(Ok(()), release);
            let failed = released.is_err();
            if let Err(reason) = released {
                refused = Err(LockFault { compartment, problem: still_on(&reason) });
            }
            failed
        });
        refused
    }
}

impl<L: LockLine> LockBank for PulsedLines<L> {
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault> {
        let fault = |problem: String| LockFault { compartment, problem };
        let width = PulseWidth::new(width).map_err(|refused| fault(refused.to_string()))?;
        self.release_stuck()?;
        let line = self.lines.get(&compartment).ok_or_else(|| {
            fault("no line is wired to it; add it to [[cabinet.compartment]]".to_owned())
        })?;
        let limited = self.limit.begin(compartment, width.duration());
        let mut energised = Energised { line, on: true };
        let switched_on = line.energise();
        if switched_on.is_ok() {
            (self.hold)(width.duration());
        }
        let switched_off = energised.end();
        let in_time = limited.end();
        if let Err(reason) = switched_off {
            self.stuck.insert(compartment);
            return Err(fault(still_on(&reason)));
        }
        switched_on.map_err(|reason| {
            fault(format!("its line cannot be switched on: {reason}; check the board's wiring"))
        })?;
        in_time.map_err(|overdue| fault(overdue.to_string()))
    }
}

impl<L: LockLine> Drop for PulsedLines<L> {
    fn drop(&mut self) {
        for (number, line) in self.lines.iter() {
            if let Err(reason) = release(line) {
                tracing::error!(compartment = %number, "{}", still_on(&reason));
            }
        }
    }
}

/// How often a line is told to switch off before that counts as impossible: a bus may miss one message.
const RELEASES: u32 = 3;

/// Takes the current away, and tries again if the driver refuses.
pub(super) fn release<L: LockLine>(line: &L) -> Result<(), String> {
    let mut released = line.release();
    for _ in 1..RELEASES {
        if released.is_ok() {
            break;
        }
        released = line.release();
    }
    released
}

fn still_on(reason: &str) -> String {
    format!(
        "its line cannot be switched off: {reason}; the coil may be live: cut the supply of the locks. \
         No lock is driven until this line can be switched off"
    )
}

/// An energised line; released when this goes out of scope, by whichever way.
struct Energised<'a, L: LockLine> {
    line: &'a L,
    on: bool,
}

impl<L: LockLine> Energised<'_, L> {
    fn end(&mut self) -> Result<(), String> {
        self.on = false;
        release(self.line)
    }
}

impl<L: LockLine> Drop for Energised<'_, L> {
    fn drop(&mut self) {
        if self.on {
            // Only a panic comes here; the bank's owner hears of that, and dropping the bank releases once more.
            let _ = release(self.line);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Writes down what is done to it, and refuses to switch off while it is told to.
    struct Line(u16, Seen, Arc<AtomicBool>);

    impl LockLine for Line {
        fn energise(&self) -> Result<(), String> {
            self.1.lock().unwrap().push((self.0, true));
            Ok(())
        }
        fn release(&self) -> Result<(), String> {
            if self.2.load(Ordering::Relaxed) {
                return Err("bus error".to_owned());
            }
            self.1.lock().unwrap().push((self.0, false));
            Ok(())
        }
    }

    type Seen = Arc<Mutex<Vec<(u16, bool)>>>;

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    fn bank(hold: fn(Duration)) -> (PulsedLines<Line>, Seen) {
        let (bank, seen, _) = bank_on_a_bus(hold);
        (bank, seen)
    }

    /// The same with a bus that can be broken.
    fn bank_on_a_bus(hold: fn(Duration)) -> (PulsedLines<Line>, Seen, Arc<AtomicBool>) {
        let (seen, broken) = (Seen::default(), Arc::new(AtomicBool::new(false)));
        let lines = [1, 2].map(|n| (door(n), Line(n, Arc::clone(&seen), Arc::clone(&broken))));
        (PulsedLines::new(lines.into(), hold).unwrap(), seen, broken)
    }

    #[test]
    fn lines_are_released_when_the_bank_is_made_and_when_it_is_dropped() {
        let (bank, seen) = bank(|_| ());
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [(1, false), (2, false)]);
        drop(bank);
        assert_eq!(*seen.lock().unwrap(), [(1, false), (2, false)]);
    }

    #[test]
    fn a_pulse_energises_the_one_line_and_releases_it() {
        let (mut bank, seen) = bank(|width| assert_eq!(width, Duration::from_millis(300)));
        seen.lock().unwrap().clear();
        bank.pulse(door(2), Duration::from_millis(300)).unwrap();
        assert_eq!(*seen.lock().unwrap(), [(2, true), (2, false)]);
    }

    #[test]
    fn a_panic_in_the_middle_of_a_pulse_releases_the_line() {
        let (mut bank, seen) = bank(|_| panic!("killed in the middle"));
        seen.lock().unwrap().clear();
        let pulse = AssertUnwindSafe(|| bank.pulse(door(1), Duration::from_millis(300)));
        assert!(catch_unwind(pulse).is_err());
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen[..2], [(1, true), (1, false)]);
        // Where unwinding takes long, the second hand has released it too.
        assert!(seen[2..].iter().all(|&(line, on)| line == 1 && !on), "{seen:?}");
    }

    #[test]
    fn a_pulse_out_of_bounds_or_for_an_unknown_door_moves_no_line() {
        let (mut bank, seen) = bank(|_| ());
        seen.lock().unwrap().clear();
        for millis in [0, 49, 1001, 60_000] {
            let fault = bank.pulse(door(1), Duration::from_millis(millis)).unwrap_err();
            assert!(fault.to_string().contains("50 to 1000 ms"), "{fault}");
        }
        let fault = bank.pulse(door(3), Duration::from_millis(500)).unwrap_err();
        assert!(fault.to_string().contains("compartment 3"), "{fault}");
        assert!(seen.lock().unwrap().is_empty());
    }
    #[test]
    fn a_lock_that_does_not_switch_off_is_told_and_stops_all_others_until_it_does() {
        let (mut bank, seen, broken) = bank_on_a_bus(|_| ());
        broken.store(true, Ordering::Relaxed);
        let width = Duration::from_millis(300);
        let fault = bank.pulse(door(1), width).unwrap_err().to_string();
        assert!(fault.contains("compartment 1") && fault.contains("cut the supply"), "{fault}");
        seen.lock().unwrap().clear();
        let fault = bank.pulse(door(2), width).unwrap_err().to_string();
        assert!(fault.contains("compartment 1") && fault.contains("bus error"), "{fault}");
        assert!(seen.lock().unwrap().is_empty(), "a second coil was energised");
        broken.store(false, Ordering::Relaxed);
        bank.pulse(door(2), width).unwrap();
        assert_eq!(*seen.lock().unwrap(), [(1, false), (2, true), (2, false)]);
    }
}
