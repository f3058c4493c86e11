//! Keeps a flood of refused messages from becoming a flood of log lines.

use std::time::Duration;

use crate::core::time::Monotonic;

/// One line in this time.
const PAUSE: Duration = Duration::from_secs(10);

/// Lets one through now and then, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    quiet_until: Monotonic,
    suppressed: u64,
}

impl Throttle {
    /// `Some(n)` if this one may be said; `n` were kept quiet since the last.
    pub(super) fn admit(&mut self, now: Monotonic) -> Option<u64> {
        if now < self.quiet_until {
            self.suppressed += 1;
            return None;
        }
        self.quiet_until = now.plus(PAUSE);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_ten_seconds_says_how_many_were_left_out() {
        let at = |seconds| Monotonic(Duration::from_secs(seconds));
        let mut throttle = Throttle::default();
        assert_eq!(throttle.admit(at(0)), Some(0));
        assert_eq!([throttle.admit(at(1)), throttle.admit(at(9))], [None, None]);
        assert_eq!(throttle.admit(at(10)), Some(2));
    }
}
