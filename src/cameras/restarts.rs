//! When a program that has died is started again. No clock: times are spans since some beginning.

use std::time::Duration;

/// The pause after the first death; each further one is twice as long,
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who has worked for so long has earned a quick restart.
const PROVEN: Duration = Duration::from_secs(60);

/// The memory of deaths.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    deaths: u32,
    not_before: Duration,
}

impl Restarts {
    /// Notes that the program has failed after having worked for `worked`.
    pub(super) fn failed(&mut self, now: Duration, worked: Duration) {
        self.deaths = if worked >= PROVEN { 1 } else { self.deaths.saturating_add(1) };
        let doublings = (self.deaths - 1).min(16);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        self.not_before = now.saturating_add(pause);
    }

    /// How long still to wait; zero if it may be started.
    pub(super) fn pause(&self, now: Duration) -> Duration {
        self.not_before.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut restarts = Restarts::default();
        assert_eq!(restarts.pause(seconds(5)), Duration::ZERO);
        let pauses = [1, 2, 4, 8, 16, 30, 30].map(|_| {
            restarts.failed(seconds(100), seconds(59));
            restarts.pause(seconds(100)).as_secs()
        });
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(restarts.pause(seconds(129)), seconds(1));
        assert_eq!(restarts.pause(seconds(130)), Duration::ZERO);
    }

    #[test]
    fn who_has_worked_well_is_started_soon() {
        let mut restarts = Restarts::default();
        for _ in 0..100 {
            restarts.failed(seconds(0), seconds(0));
        }
        restarts.failed(seconds(1000), seconds(60));
        assert_eq!(restarts.pause(seconds(1000)), seconds(1));
    }
}
