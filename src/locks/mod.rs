//! Locks and door sensors on the board's own lines.
//!
//! `pulse` bounds the time a coil is energised and releases it whatever happens; `debounce` turns samples
//! of switches into doors that moved; `rppal` connects both to a Raspberry Pi's header. Everything that can
//! be tested without a board is in the first two.

mod debounce;
mod pulse;
mod rppal;

pub use pulse::{BadPulseWidth, PulseWidth};
pub use rppal::{RppalFault, RppalLocks, RppalSensors, Wiring};
