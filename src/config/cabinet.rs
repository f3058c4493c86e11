//! The cabinet's section: which doors there are, how they are wired, how long things take.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::{Section, in_millis};
use super::rs485::{BusLock, BusPort, Ports};
use super::wiring::{ChipLines, Driver, Lines, Wires, Wiring};
use crate::core::fitting::{Fitting, Size};
use crate::core::ids::CompartmentId;
use crate::core::policy::{DoorPolicy, FlapPolicy, LockPolicy};

/// Locks, doors and their timing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CabinetConfig {
    /// What drives the doors.
    pub doors: Doors,
    /// How locks are driven.
    pub locks: LockPolicy,
    /// What doors may do.
    pub door_rules: DoorPolicy,
    /// What is behind each door.
    pub fittings: BTreeMap<CompartmentId, Fitting>,
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
    /// Lines of the kernel's GPIO chips.
    Gpio {
        /// How each compartment is wired.
        doors: BTreeMap<CompartmentId, ChipLines>,
    },
    /// The header of a Raspberry Pi, through its registers.
    Rppal(BTreeMap<CompartmentId, Lines>),
    /// Lock boards on RS-485.
    Rs485 {
        /// Which lock each compartment has.
        doors: BTreeMap<CompartmentId, BusLock>,
        /// The serial ports.
        ports: Vec<BusPort>,
    },
}

impl Doors {
    /// The numbers on the doors, in order.
    pub fn numbers(&self) -> Vec<CompartmentId> {
        match self {
            Self::Sim { doors, .. } => doors.clone(),
            Self::Gpio { doors, .. } => doors.keys().copied().collect(),
            Self::Rppal(doors) => doors.keys().copied().collect(),
            Self::Rs485 { doors, .. } => doors.keys().copied().collect(),
        }
    }
}

impl CabinetConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let words = [
            ("gpio", Driver::Gpio),
            ("rppal", Driver::Rppal),
            ("rs485", Driver::Rs485),
            ("sim", Driver::Sim),
        ];
        let driver = section.choice("driver", &words);
        if driver.is_none() {
            section.missing("driver", "give \"gpio\" on a board, \"sim\" without hardware");
        }
        let (doors, fittings) = read_doors(section, driver);
        let locks = read_locks(section);
        let door_rules = read_door_rules(section);
        Some(Self { locks, door_rules, fittings, doors: doors? })
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
        rest: section.millis("rest_ms", 50..=10_000, in_millis(usual.rest)),
    }
}

fn read_door_rules(section: &mut Section<'_, '_>) -> DoorPolicy {
    let usual = DoorPolicy::default();
    let FlapPolicy { moves, within } = usual.flapping;
    DoorPolicy {
        ajar_after: section.seconds("ajar_after_s", 5..=3600, usual.ajar_after.as_secs()),
        stuck_after: section.count("stuck_after_reminders", 1..=10, usual.stuck_after),
        visit: section.seconds("visit_s", 0..=600, usual.visit.as_secs()),
        reopen_within: section.seconds("reopen_within_s", 0..=300, usual.reopen_within.as_secs()),
        flapping: FlapPolicy {
            moves: section.count("flapping_moves", 4..=100, moves),
            within: section.seconds("flapping_within_s", 1..=60, within.as_secs()),
        },
    }
}

/// The doors as read, and what was taken so far.
struct Taken {
    driver: Option<Driver>,
    wiring: Wiring,
    ports: Ports,
    doors: BTreeMap<CompartmentId, Option<Wired>>,
    fittings: BTreeMap<CompartmentId, Fitting>,
}

/// A compartment's lock and switch: on lines, or on a board.
enum Wired {
    Lines(Wires),
    Board(BusLock),
}

impl Wired {
    fn lines(self) -> Option<Wires> {
        match self {
            Self::Lines(wires) => Some(wires),
            Self::Board(_) => None,
        }
    }

    fn board(self) -> Option<BusLock> {
        match self {
            Self::Lines(_) => None,
            Self::Board(lock) => Some(lock),
        }
    }
}

fn read_doors(
    section: &mut Section<'_, '_>,
    driver: Option<Driver>,
) -> (Option<Doors>, BTreeMap<CompartmentId, Fitting>) {
    let (chip, debounce) = (section.text("chip"), section.millis("debounce_ms", 1..=200, 15));
    let wiring = Wiring::new(driver, chip, debounce);
    let ports = Ports::read(section, driver == Some(Driver::Rs485));
    let (doors, fittings) = (BTreeMap::new(), BTreeMap::new());
    let mut taken = Taken { driver, wiring, ports, doors, fittings };
    let good = section.each("compartment", |door| taken.read_door(door)).len();
    if good == 0 {
        section.missing(
            "compartment",
            "a cabinet without doors is none; write [[cabinet.compartment]] and number = 1 for each",
        );
    }
    let close_after = section.millis("sim_close_after_ms", 100..=600_000, 3000);
    let fittings = std::mem::take(&mut taken.fittings);
    (taken.wired(close_after), fittings)
}

impl Taken {
    /// The doors with their lines or boards, if all of them have what the driver needs.
    fn wired(self, close_after: Duration) -> Option<Doors> {
        let Self { doors, ports, .. } = self;
        match self.driver? {
            Driver::Sim => Some(Doors::Sim { doors: doors.into_keys().collect(), close_after }),
            Driver::Gpio => {
                let wired = doors
                    .into_iter()
                    .map(|(number, wires)| Some((number, wires?.lines()?.on_chips()?)));
                wired.collect::<Option<_>>().map(|doors| Doors::Gpio { doors })
            }
            Driver::Rppal => {
                let wired = doors
                    .into_iter()
                    .map(|(number, wires)| Some((number, wires?.lines()?.on_header()?)));
                wired.collect::<Option<_>>().map(Doors::Rppal)
            }
            Driver::Rs485 => {
                let wired =
                    doors.into_iter().map(|(number, wires)| Some((number, wires?.board()?)));
                let doors = wired.collect::<Option<_>>()?;
                ports.good().map(|ports| Doors::Rs485 { doors, ports })
            }
        }
    }

    fn read_door(&mut self, door: &mut Section<'_, '_>) -> Option<()> {
        let number = door.optional_whole("number", 1..=999);
        if number.is_none() {
            door.missing("number", "give the number painted on the door, 1 to 999");
        }
        let lines = self.wiring.read(door, number).map(Wired::Lines);
        let wires = match self.driver {
            Some(Driver::Rs485) => self.ports.read_lock(door, number).map(Wired::Board),
            Some(Driver::Gpio | Driver::Rppal | Driver::Sim) | None => {
                Ports::pass_over(door);
                lines
            }
        };
        let sizes = Size::ALL.map(|size| (size.name(), size));
        let size = door.choice("size", &sizes).unwrap_or_default();
        let fitting = Fitting { size, low: door.boolean("low", false) };
        let number =
            u16::try_from(number?).ok().and_then(|number| CompartmentId::new(number).ok())?;
        if self.doors.contains_key(&number) {
            door.refuse("number", "is there twice: every door has its own number");
            return None;
        }
        self.doors.insert(number, wires);
        self.fittings.insert(number, fitting);
        Some(())
    }
}
