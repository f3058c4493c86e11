//! One lock at a time, never longer than a solenoid bears, released also when the thread panics.

use std::collections::BTreeMap;
use std::time::Duration;

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
pub(crate) trait LockLine: Send {
    /// Lets current through the coil.
    fn energise(&mut self);
    /// Takes the current away; repeating it does no harm.
    fn release(&mut self);
}

/// The locks of a cabinet, each on a line of its own.
pub(crate) struct PulsedLines<L: LockLine> {
    lines: BTreeMap<CompartmentId, L>,
    hold: fn(Duration),
}

impl<L: LockLine> PulsedLines<L> {
    /// Takes the lines, releases them all, and keeps a line energised by calling `hold`.
    pub(crate) fn new(mut lines: BTreeMap<CompartmentId, L>, hold: fn(Duration)) -> Self {
        lines.values_mut().for_each(LockLine::release);
        Self { lines, hold }
    }
}

impl<L: LockLine> LockBank for PulsedLines<L> {
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault> {
        let fault = |problem: String| LockFault { compartment, problem };
        let width = PulseWidth::new(width).map_err(|refused| fault(refused.to_string()))?;
        let line = self.lines.get_mut(&compartment).ok_or_else(|| {
            fault("no line is wired to it; add it to [[cabinet.compartment]]".to_owned())
        })?;
        let energised = Energised::new(line);
        (self.hold)(width.duration());
        drop(energised);
        Ok(())
    }
}

impl<L: LockLine> Drop for PulsedLines<L> {
    fn drop(&mut self) {
        self.lines.values_mut().for_each(LockLine::release);
    }
}

/// An energised line; released when this goes out of scope, by whichever way.
struct Energised<'a, L: LockLine>(&'a mut L);

impl<'a, L: LockLine> Energised<'a, L> {
    fn new(line: &'a mut L) -> Self {
        line.energise();
        Self(line)
    }
}

impl<L: LockLine> Drop for Energised<'_, L> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Writes down what is done to it.
    struct Line(u16, Arc<Mutex<Vec<(u16, bool)>>>);

    impl LockLine for Line {
        fn energise(&mut self) {
            self.1.lock().unwrap().push((self.0, true));
        }
        fn release(&mut self) {
            self.1.lock().unwrap().push((self.0, false));
        }
    }

    type Seen = Arc<Mutex<Vec<(u16, bool)>>>;

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    fn bank(hold: fn(Duration)) -> (PulsedLines<Line>, Seen) {
        let seen = Seen::default();
        let lines = [1, 2].map(|n| (door(n), Line(n, Arc::clone(&seen))));
        (PulsedLines::new(lines.into(), hold), seen)
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
        assert_eq!(*seen.lock().unwrap(), [(1, true), (1, false)]);
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
}
