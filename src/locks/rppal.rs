//! The header of a Raspberry Pi. The only user of `rppal`.
//!
//! What this driver cannot promise: the registers keep their levels when the process is killed outright, so
//! a kill in the middle of a pulse leaves that coil energised until the program starts again, when all lines
//! are released first. The service unit restarts it at once; a board that times its own pulses needs no such care.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::rppal::gpio::{Error, Gpio, InputPin, Level, OutputPin, Pin};

use super::debounce::Debounce;
use super::pulse::{LockLine, PulsedLines};
use crate::core::ids::CompartmentId;
use crate::ports::{DoorEdge, DoorPosition, DoorSensors, LockBank, LockFault, SensorFault};

/// Where one compartment is wired to, in BCM numbers (GPIO17 is 17, whatever the header's pin is).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wiring {
    /// The line that drives the lock.
    pub lock_line: u8,
    /// The line of the door switch.
    pub sensor_line: u8,
    /// Whether a low level energises the lock, as on most relay boards.
    pub active_low: bool,
    /// Whether the switch is open while the door is shut. Usually it is not: a shut door connects the line to
    /// ground, so that a cut wire reads as an open door.
    pub sensor_inverted: bool,
    /// The line of the sensor that looks inside, if there is one.
    pub occupancy_line: Option<u8>,
    /// Whether that line is high while something lies inside.
    pub occupancy_inverted: bool,
}

/// The header could not be taken into use.
#[derive(Debug, thiserror::Error)]
pub enum RppalFault {
    /// Not a Raspberry Pi, or one that rppal does not know.
    #[error(
        "the GPIO header cannot be used: this machine is not a Raspberry Pi that the driver knows; \
         run on a Pi, or set cabinet.driver = \"sim\" to try the program without locks"
    )]
    NotAPi,
    /// No access to the device file.
    #[error(
        "the GPIO header cannot be used: no permission for {path}; add the service's user to the group \
         gpio (usermod -aG gpio USER) and start it again"
    )]
    NoPermission {
        /// The device file.
        path: String,
    },
    /// The kernel does not offer the header.
    #[error(
        "the GPIO header cannot be used: {reason}; check that /dev/gpiomem exists and that the service's \
         sandbox lets it through"
    )]
    Unavailable {
        /// What the driver says.
        reason: String,
    },
    /// A line that does not exist or is taken.
    #[error(
        "line GPIO{line} of compartment {compartment} cannot be used: {reason}; check the wiring"
    )]
    Line {
        /// Which door.
        compartment: CompartmentId,
        /// Which line.
        line: u8,
        /// What the driver says.
        reason: String,
    },
}

impl RppalFault {
    fn opening(error: Error) -> Self {
        match error {
            Error::UnknownModel => Self::NotAPi,
            Error::PermissionDenied(path) => Self::NoPermission { path },
            Error::PinUsed(_) | Error::PinNotAvailable(_) | Error::Io(_) | Error::ThreadPanic => {
                Self::Unavailable { reason: error.to_string() }
            }
        }
    }
}

/// The locks on the header.
pub struct RppalLocks(PulsedLines<HeaderLine>);

struct HeaderLine {
    pin: Mutex<OutputPin>,
    active_low: bool,
}

impl HeaderLine {
    fn write(&self, level: Level) {
        // Writing a register cannot be left half done by a panic.
        self.pin.lock().unwrap_or_else(PoisonError::into_inner).write(level);
    }
}

impl LockLine for HeaderLine {
    fn energise(&self) -> Result<(), String> {
        self.write(if self.active_low { Level::Low } else { Level::High });
        Ok(())
    }

    fn release(&self) -> Result<(), String> {
        self.write(if self.active_low { Level::High } else { Level::Low });
        Ok(())
    }
}

impl RppalLocks {
    /// Takes the lines into use, each at its inactive level from the first moment.
    pub fn open(wiring: &BTreeMap<CompartmentId, Wiring>) -> Result<Self, RppalFault> {
        let gpio = Gpio::new().map_err(RppalFault::opening)?;
        let mut lines = BTreeMap::new();
        for (&compartment, wires) in wiring {
            let line = wires.lock_line;
            let pin = gpio.get(line).map_err(|error| {
                let reason = error.to_string();
                RppalFault::Line { compartment, line, reason }
            })?;
            // rppal sets the level before it makes the line an output, so no lock twitches here.
            let mut pin =
                if wires.active_low { pin.into_output_high() } else { pin.into_output_low() };
            // A floating line may drift: it stays an output at its inactive level after us.
            pin.set_reset_on_drop(false);
            let pin = Mutex::new(pin);
            lines.insert(compartment, HeaderLine { pin, active_low: wires.active_low });
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "the line is timed here; the thread is its own"
        )]
        let locks = PulsedLines::new(lines, std::thread::sleep);
        locks.map(Self).map_err(|error| RppalFault::Unavailable { reason: error.to_string() })
    }
}

impl LockBank for RppalLocks {
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault> {
        self.0.pulse(compartment, width)
    }
}

/// Between two looks at the switches. A hand cannot open and shut a door within two of them, and bounce is over.
const SAMPLE_EVERY: Duration = Duration::from_millis(15);

/// The door switches on the header, sampled: at this pace that costs nothing, and unlike an interrupt a
/// sample cannot be lost to bounce.
pub struct RppalSensors {
    lines: BTreeMap<CompartmentId, Switch>,
    inside: BTreeMap<CompartmentId, Switch>,
    doors: Debounce,
    sampled: Option<Instant>,
}

struct Switch {
    pin: InputPin,
    inverted: bool,
}

impl Switch {
    fn position(&self) -> DoorPosition {
        if self.is_grounded() { DoorPosition::Closed } else { DoorPosition::Open }
    }

    /// Whether the line is low, as it is while a door is shut or something lies inside; inverted, whether it is high.
    fn is_grounded(&self) -> bool {
        self.pin.is_low() != self.inverted
    }
}

impl RppalSensors {
    /// Takes the lines into use as inputs with pull-up.
    pub fn open(wiring: &BTreeMap<CompartmentId, Wiring>) -> Result<Self, RppalFault> {
        let gpio = Gpio::new().map_err(RppalFault::opening)?;
        let input = |compartment, line| {
            let pin = gpio.get(line).map_err(|error| {
                let reason = error.to_string();
                RppalFault::Line { compartment, line, reason }
            });
            pin.map(Pin::into_input_pullup)
        };
        let (mut lines, mut inside) = (BTreeMap::new(), BTreeMap::new());
        for (&compartment, wires) in wiring {
            let pin = input(compartment, wires.sensor_line)?;
            lines.insert(compartment, Switch { pin, inverted: wires.sensor_inverted });
            if let Some(line) = wires.occupancy_line {
                let pin = input(compartment, line)?;
                inside.insert(compartment, Switch { pin, inverted: wires.occupancy_inverted });
            }
        }
        let first = lines.iter().map(|(&number, switch)| (number, switch.position())).collect();
        Ok(Self { lines, inside, doors: Debounce::new(first), sampled: None })
    }

    /// Samples all switches if it is time to, and says how long until the next time.
    #[allow(clippy::disallowed_methods, reason = "the sampling clock of a blocking driver")]
    fn sample(&mut self) -> Duration {
        if let Some(sampled) = self.sampled {
            let left = SAMPLE_EVERY.saturating_sub(sampled.elapsed());
            if !left.is_zero() {
                return left;
            }
        }
        self.sampled = Some(Instant::now());
        for (&compartment, switch) in &self.lines {
            self.doors.sample(compartment, switch.position());
        }
        SAMPLE_EVERY
    }
}

impl DoorSensors for RppalSensors {
    fn positions(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, SensorFault> {
        Ok(self.doors.positions())
    }

    #[allow(clippy::disallowed_methods, reason = "the sampling loop of a blocking driver")]
    fn next_edge(&mut self, wait: Duration) -> Result<Option<DoorEdge>, SensorFault> {
        let began = Instant::now();
        loop {
            let until_sample = self.sample();
            if let Some(edge) = self.doors.next_move() {
                return Ok(Some(edge));
            }
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(until_sample));
        }
    }

    fn occupied(&mut self) -> Result<BTreeMap<CompartmentId, bool>, SensorFault> {
        let inside = self.inside.iter();
        Ok(inside.map(|(&number, sensor)| (number, sensor.is_grounded())).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn wiring() -> BTreeMap<CompartmentId, Wiring> {
        let wires = Wiring {
            lock_line: 17,
            sensor_line: 27,
            active_low: true,
            sensor_inverted: false,
            occupancy_line: None,
            occupancy_inverted: false,
        };
        [(CompartmentId::new(1).unwrap(), wires)].into()
    }

    #[test]
    fn off_a_pi_opening_is_an_error_with_a_remedy() {
        if std::path::Path::new("/dev/gpiomem").exists() {
            return; // On a Pi this would take real lines into use.
        }
        let problems = [
            RppalLocks::open(&wiring()).err().unwrap().to_string(),
            RppalSensors::open(&wiring()).err().unwrap().to_string(),
        ];
        for problem in problems {
            assert!(problem.contains("not a Raspberry Pi"), "{problem}");
            assert!(problem.contains("cabinet.driver = \"sim\""), "{problem}");
        }
    }
}
