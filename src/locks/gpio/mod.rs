//! Lines of the kernel's GPIO chips, by the character device: any board, any chip, I2C expanders included.
//! The only user of `gpiocdev`.
//!
//! A line belongs to the process that requested it, so two programs cannot drive one lock. What a line does when
//! the process that held it is gone is the chip driver's choice: `docs/hardware.md` has the table, and the service
//! unit does not rely on it.

mod fault;
mod find;
mod inside;
mod switches;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::{Drive, Offset, Value};

pub use fault::GpioFault;
pub use switches::GpioSensors;

use super::pulse::{LockLine, PulsedLines};
use crate::core::ids::CompartmentId;
use crate::ports::{LockBank, LockFault};
use find::{Found, Part, find_all};

/// The name by which the lines' user is shown by `gpioinfo`.
const CONSUMER: &str = "locker-agent";

/// Which line of which chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineAddress {
    /// By its place on a chip.
    Offset {
        /// The chip's path (`/dev/gpiochip0`), name (`gpiochip0`) or label (`pinctrl-rp1`).
        chip: String,
        /// Its place there, from 0.
        offset: u32,
    },
    /// By the name that the board's description gives it.
    Name {
        /// The one chip to look on, path, name or label; all of them without.
        chip: Option<String>,
        /// Its name (`GPIO17`).
        name: String,
    },
}

impl Display for LineAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Offset { chip, offset } => write!(f, "line {offset} of {chip}"),
            Self::Name { chip: Some(chip), name } => write!(f, "line \"{name}\" of {chip}"),
            Self::Name { chip: None, name } => write!(f, "line \"{name}\""),
        }
    }
}

/// How a lock line is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockDrive {
    /// High and low.
    PushPull,
    /// Low or not at all, for inputs that are pulled up beyond the board's own voltage.
    OpenDrain,
}

/// What holds a door switch's line while the switch is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchBias {
    /// The chip's own pull-up, where it has one.
    PullUp,
    /// The chip's own pull-down, where it has one.
    PullDown,
    /// A resistor beside the chip; the chip's own pulls are off.
    External,
}

/// How one compartment is wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpioWiring {
    /// The line that drives the lock.
    pub lock: LineAddress,
    /// Whether a low level energises the lock, as on most relay boards.
    pub active_low: bool,
    /// How the line is driven.
    pub drive: LockDrive,
    /// The line of the door switch.
    pub switch: LineAddress,
    /// Whether the switch is open while the door is shut. Usually it is not: a shut door connects the line to
    /// ground, so that a cut wire reads as an open door.
    pub switch_inverted: bool,
    /// What holds the line while the switch is open, and that of the sensor that looks inside.
    pub bias: SwitchBias,
    /// How long the switch's line has to be quiet until its door has moved.
    pub debounce: Duration,
    /// The sensor that looks inside, if there is one.
    pub inside: Option<InsideLine>,
}

/// How a sensor that looks inside a compartment is wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsideLine {
    /// Its line.
    pub line: LineAddress,
    /// Whether the line is high while something lies inside. Usually it is not: most such sensors pull it to ground,
    /// so that a cut wire reads as empty, which opens no door and is told.
    pub inverted: bool,
}

/// The locks on lines of the kernel's chips.
pub struct GpioLocks(PulsedLines<ChipLine>);

struct ChipLine {
    request: Request,
    offset: Offset,
}

impl ChipLine {
    fn set(&self, value: Value) -> Result<(), String> {
        self.request.set_value(self.offset, value).map_err(|error| error.to_string())
    }
}

impl LockLine for ChipLine {
    fn energise(&self) -> Result<(), String> {
        self.set(Value::Active)
    }

    fn release(&self) -> Result<(), String> {
        self.set(Value::Inactive)
    }
}

impl GpioLocks {
    /// Takes the lines into use, each at its inactive level from the first moment.
    pub fn open(wiring: &BTreeMap<CompartmentId, GpioWiring>) -> Result<Self, GpioFault> {
        let found = find_all(wiring)?;
        let mut lines = BTreeMap::new();
        for (&compartment, wires) in wiring {
            let Some(line) = found.get(&(compartment, Part::Lock)) else { continue };
            lines.insert(compartment, ChipLine::take(compartment, wires, line)?);
        }
        Ok(Self(PulsedLines::new(lines, hold).map_err(GpioFault::Thread)?))
    }
}

impl ChipLine {
    fn take(
        compartment: CompartmentId,
        wires: &GpioWiring,
        line: &Found,
    ) -> Result<Self, GpioFault> {
        let mut builder = Request::builder();
        builder.on_chip(&line.chip).with_consumer(CONSUMER).with_line(line.offset);
        // The kernel sets this level before it makes the line an output, so no lock twitches here.
        builder.as_output(Value::Inactive).with_drive(match wires.drive {
            LockDrive::PushPull => Drive::PushPull,
            LockDrive::OpenDrain => Drive::OpenDrain,
        });
        if wires.active_low {
            builder.as_active_low();
        }
        let request = builder
            .request()
            .map_err(|error| GpioFault::refused(compartment, Part::Lock, line, &error))?;
        Ok(Self { request, offset: line.offset })
    }
}

impl LockBank for GpioLocks {
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault> {
        self.0.pulse(compartment, width)
    }
}

#[allow(clippy::disallowed_methods, reason = "the line is timed here; the thread is its own")]
fn hold(width: Duration) {
    std::thread::sleep(width);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_chip_that_is_not_there_is_named_with_a_remedy() {
        let line = |offset| LineAddress::Offset { chip: "/dev/gpiochip-none".into(), offset };
        let wires = GpioWiring {
            lock: line(1),
            active_low: false,
            drive: LockDrive::PushPull,
            switch: line(2),
            switch_inverted: false,
            bias: SwitchBias::PullUp,
            debounce: Duration::ZERO,
            inside: None,
        };
        let wiring = [(CompartmentId::new(7).unwrap(), wires)].into();
        let told = GpioLocks::open(&wiring).err().unwrap().to_string();
        assert!(told.contains("/dev/gpiochip-none"), "{told}");
        assert!(told.contains("gpiodetect"), "{told}");
    }
}
