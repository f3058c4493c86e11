//! The cabinet's section: which doors there are, how they are wired, how long things take.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::{Section, in_millis};
use crate::core::ids::CompartmentId;
use crate::core::policy::{DoorPolicy, LockPolicy};

/// Locks, doors and their timing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CabinetConfig {
    /// What drives the doors.
    pub doors: Doors,
    /// How locks are driven.
    pub locks: LockPolicy,
    /// How long doors may stand open.
    pub standing_open: DoorPolicy,
    /// How long the supply recovers between two pulses, whichever their doors.
    pub rest_between_pulses: Duration,
}

/// What drives the doors; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doors {
    /// A simulated cabinet.
    Sim {
        /// Its doors.
        doors: Vec<CompartmentId>,
        /// How long a door stands open until somebody pushes it shut.
        close_after: Duration,
    },
    /// The header of a Raspberry Pi.
    Rppal(BTreeMap<CompartmentId, Lines>),
}

impl Doors {
    /// The numbers on the doors, in order.
    pub fn numbers(&self) -> Vec<CompartmentId> {
        match self {
            Self::Sim { doors, .. } => doors.clone(),
            Self::Rppal(doors) => doors.keys().copied().collect(),
        }
    }
}

/// How one compartment is wired, in BCM numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// The line that drives the lock.
    pub lock: u8,
    /// The line of the door switch.
    pub sensor: u8,
    /// Whether a low level energises the lock.
    pub active_low: bool,
    /// Whether the switch is open while the door is shut.
    pub sensor_inverted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Driver {
    Sim,
    Rppal,
}

impl CabinetConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let driver = section.choice("driver", &[("sim", Driver::Sim), ("rppal", Driver::Rppal)]);
        if driver.is_none() {
            section.missing("driver", "give \"rppal\" on a Raspberry Pi, \"sim\" without hardware");
        }
        let doors = read_doors(section, driver);
        let locks = read_locks(section);
        let usual = DoorPolicy::default();
        let ajar_after = section.seconds("ajar_after_s", 5..=3600, usual.ajar_after.as_secs());
        Some(Self {
            locks,
            standing_open: DoorPolicy { ajar_after },
            rest_between_pulses: section.millis("rest_ms", 100..=10_000, 500),
            doors: doors?,
        })
    }
}

fn read_locks(section: &mut Section<'_, '_>) -> LockPolicy {
    let usual = LockPolicy::default();
    let pulse = section.millis("pulse_ms", 50..=1000, in_millis(usual.pulse));
    let open_within = section.millis("open_within_ms", 500..=30_000, in_millis(usual.open_within));
    if open_within < pulse {
        let least = pulse.as_millis();
        section.refuse(
            "open_within_ms",
            &format!("ends before the pulse does: give at least {least}, or shorten pulse_ms"),
        );
    }
    LockPolicy {
        pulse,
        attempts: section.count("pulse_attempts", 1..=5, usual.attempts),
        open_within,
    }
}

/// The doors as read, and what was taken so far.
struct Taken {
    driver: Option<Driver>,
    lines: BTreeMap<u64, String>,
    doors: BTreeMap<CompartmentId, Option<Lines>>,
}

fn read_doors(section: &mut Section<'_, '_>, driver: Option<Driver>) -> Option<Doors> {
    let mut taken = Taken { driver, lines: BTreeMap::new(), doors: BTreeMap::new() };
    let good = section.each("compartment", |door| taken.read_door(door)).len();
    if good == 0 {
        section.missing(
            "compartment",
            "a cabinet without doors is none; write [[cabinet.compartment]] and number = 1 for each",
        );
    }
    let close_after = section.millis("sim_close_after_ms", 100..=600_000, 3000);
    let Taken { doors, .. } = taken;
    match driver? {
        Driver::Sim => Some(Doors::Sim { doors: doors.into_keys().collect(), close_after }),
        Driver::Rppal => {
            let wired = doors.into_iter().map(|(number, lines)| Some((number, lines?)));
            wired.collect::<Option<_>>().map(Doors::Rppal)
        }
    }
}

impl Taken {
    fn read_door(&mut self, door: &mut Section<'_, '_>) -> Option<()> {
        let number = door.optional_whole("number", 1..=999);
        if number.is_none() {
            door.missing("number", "give the number painted on the door, 1 to 999");
        }
        let lock = self.read_line(door, "lock_line", number);
        let sensor = self.read_line(door, "sensor_line", number);
        let active_low = door.boolean("active_low", false);
        let sensor_inverted = door.boolean("sensor_inverted", false);
        let number =
            u16::try_from(number?).ok().and_then(|number| CompartmentId::new(number).ok())?;
        if self.doors.contains_key(&number) {
            door.refuse("number", "is there twice: every door has its own number");
            return None;
        }
        let lines = lock.zip(sensor).map(|(lock, sensor)| Lines {
            lock,
            sensor,
            active_low,
            sensor_inverted,
        });
        self.doors.insert(number, lines);
        Some(())
    }

    /// GPIO0 and GPIO1 belong to the identification chip of add-on boards; the header ends with GPIO27.
    fn read_line(
        &mut self,
        door: &mut Section<'_, '_>,
        key: &'static str,
        number: Option<u64>,
    ) -> Option<u8> {
        let Some(line) = door.optional_whole(key, 2..=27) else {
            if self.driver == Some(Driver::Rppal) {
                door.missing(key, "give the BCM number it is wired to, 2 to 27 (GPIO17 is 17)");
            }
            return None;
        };
        let number = number.map_or("?".to_owned(), |number| number.to_string());
        let user = format!("{key} of compartment {number}");
        if let Some(other) = self.lines.get(&line) {
            door.refuse(key, &format!("is already the {other}: every line has one use"));
            return None;
        }
        self.lines.insert(line, user);
        u8::try_from(line).ok()
    }
}
