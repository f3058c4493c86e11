//! Locks and door sensors on the board's own lines.
//!
//! `pulse` bounds the time a coil is energised and releases it whatever happens, `limit` does so once more from
//! another thread; `debounce` turns samples of switches into doors that moved; `gpio` connects them to the kernel's
//! GPIO chips, `rppal` to the registers of a Raspberry Pi's header. Everything that can be tested without a board is
//! in the first three; `gpio` is proven on a real kernel by `make hil`. `rs485` drives boards that time their pulses
//! themselves, and is proven against simulated ones.

mod debounce;
mod gpio;
mod limit;
mod pulse;
mod rppal;
pub mod rs485;

pub use gpio::{
    GpioFault, GpioLocks, GpioSensors, GpioWiring, InsideLine, LineAddress, LockDrive, SwitchBias,
};
pub use pulse::{BadPulseWidth, PulseWidth};
pub use rppal::{RppalFault, RppalLocks, RppalSensors, Wiring};
