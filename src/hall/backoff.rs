//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// The wait before the second attempt, before jitter.
const FIRST: Duration = Duration::from_secs(1);
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait before attempt `failures + 1`: doubling to a minute, for ever.
///
/// `random`, 0 to 1, picks a point in the upper half, so that the cabinets of a building do not return all at once
/// when its power does.
pub fn backoff(failures: u32, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX));
    let whole = doubled.min(LONGEST);
    whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_never_end() {
        let waits: Vec<u64> =
            [0, 1, 2, 5, 6, 7, 40, u32::MAX].map(|n| backoff(n, 1.0).as_secs()).into();
        assert_eq!(waits, [1, 2, 4, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        assert_eq!(backoff(3, 0.0), Duration::from_secs(4));
        assert_eq!(backoff(3, 1.0), Duration::from_secs(8));
        assert_eq!(backoff(3, 17.0), Duration::from_secs(8));
    }
}
