//! The only reader of the board's clocks for decisions.
#![expect(clippy::disallowed_methods, reason = "this is where time comes from")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::core::time::{Monotonic, Now, WallTime};

/// Both clocks of the board.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts the monotonic clock at zero.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// What both clocks say now.
    pub fn now(&self) -> Now {
        Now { wall: wall(), mono: Monotonic(self.started.elapsed()) }
    }
}

/// The board's idea of the date; a clock set before 1970 counts as 1970.
fn wall() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    WallTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
