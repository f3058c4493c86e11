//! How a compartment is wired: the fields of one `[[cabinet.compartment]]`, by driver.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::time::Duration;

use super::reader::{Section, WholeOrText};

/// How one compartment is wired to the header of a Raspberry Pi, in BCM numbers.
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
    /// The line of the sensor that looks inside, if there is one.
    pub occupancy: Option<u8>,
    /// Whether that line is high while something lies inside.
    pub occupancy_inverted: bool,
}

/// How one compartment is wired to lines of the kernel's GPIO chips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChipLines {
    /// The line that drives the lock.
    pub lock: LineOfChip,
    /// The line of the door switch.
    pub sensor: LineOfChip,
    /// Whether a low level energises the lock.
    pub active_low: bool,
    /// Whether the lock's line is driven low or not at all, instead of high and low.
    pub open_drain: bool,
    /// Whether the switch is open while the door is shut.
    pub sensor_inverted: bool,
    /// What holds the switch's line while the switch is open, and that of the sensor that looks inside.
    pub sensor_bias: Bias,
    /// How long the switch has to be quiet until its door has moved.
    pub debounce: Duration,
    /// The line of the sensor that looks inside, if there is one.
    pub occupancy: Option<LineOfChip>,
    /// Whether that line is high while something lies inside.
    pub occupancy_inverted: bool,
}

/// A line, by its place on a chip or by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineOfChip {
    /// By its place.
    Offset {
        /// Path, name or label of the chip.
        chip: String,
        /// From 0.
        offset: u32,
    },
    /// By its name.
    Name {
        /// The one chip to look on; all of them without.
        chip: Option<String>,
        /// As `gpioinfo` shows it.
        name: String,
    },
}

/// What holds a line that nothing drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the trade")]
pub enum Bias {
    PullUp,
    PullDown,
    /// A resistor beside the chip.
    External,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    Sim,
    Gpio,
    Rppal,
    Rs485,
}

/// What is the same for all compartments, and the lines taken so far.
pub(super) struct Wiring {
    driver: Option<Driver>,
    /// The chip that numbers count on unless a compartment says otherwise.
    chip: Option<String>,
    /// How long a switch has to be quiet unless a compartment says otherwise.
    debounce: Duration,
    taken: BTreeMap<Place, String>,
}

/// A line as the file gives it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Header(u8),
    Chip(LineOfChip),
}

/// The fields of one compartment, with lines of whichever driver.
pub(super) struct Wires {
    lock: Place,
    sensor: Place,
    active_low: bool,
    open_drain: bool,
    sensor_inverted: bool,
    sensor_bias: Bias,
    debounce: Duration,
    occupancy: Option<Place>,
    occupancy_inverted: bool,
}

impl Wires {
    pub(super) fn on_header(self) -> Option<Lines> {
        let (Place::Header(lock), Place::Header(sensor)) = (self.lock, self.sensor) else {
            return None;
        };
        let occupancy = self.occupancy.and_then(|place| match place {
            Place::Header(line) => Some(line),
            Place::Chip(_) => None,
        });
        Some(Lines {
            lock,
            sensor,
            active_low: self.active_low,
            sensor_inverted: self.sensor_inverted,
            occupancy,
            occupancy_inverted: self.occupancy_inverted,
        })
    }

    pub(super) fn on_chips(self) -> Option<ChipLines> {
        let (Place::Chip(lock), Place::Chip(sensor)) = (self.lock, self.sensor) else {
            return None;
        };
        let occupancy = self.occupancy.and_then(|place| match place {
            Place::Chip(line) => Some(line),
            Place::Header(_) => None,
        });
        Some(ChipLines {
            lock,
            sensor,
            active_low: self.active_low,
            open_drain: self.open_drain,
            sensor_inverted: self.sensor_inverted,
            sensor_bias: self.sensor_bias,
            debounce: self.debounce,
            occupancy,
            occupancy_inverted: self.occupancy_inverted,
        })
    }
}

/// A field that names a line, and of which compartment.
struct LineField<'a> {
    key: &'static str,
    number: Option<u64>,
    /// The compartment's own chip.
    own_chip: Option<&'a String>,
}

impl Display for LineField<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let number = self.number.map_or("?".to_owned(), |number| number.to_string());
        write!(f, "{} of compartment {number}", self.key)
    }
}

impl Wiring {
    pub(super) fn new(driver: Option<Driver>, chip: Option<String>, debounce: Duration) -> Self {
        Self { driver, chip, debounce, taken: BTreeMap::new() }
    }

    pub(super) fn read(
        &mut self,
        door: &mut Section<'_, '_>,
        number: Option<u64>,
    ) -> Option<Wires> {
        let own_chip = door.text("chip");
        let field = |key| LineField { key, number, own_chip: own_chip.as_ref() };
        let lock = self.read_line(door, &field("lock_line"));
        let sensor = self.read_line(door, &field("sensor_line"));
        let occupancy = match door.is_there("occupancy_line") {
            true => self.read_line(door, &field("occupancy_line")),
            false => None,
        };
        let occupancy_inverted = door.boolean("occupancy_inverted", false);
        let active_low = door.boolean("active_low", false);
        let drives = [("push-pull", false), ("open-drain", true)];
        let open_drain = door.choice("lock_drive", &drives).unwrap_or(false);
        let sensor_inverted = door.boolean("sensor_inverted", false);
        let pulls =
            [("pull-up", Bias::PullUp), ("pull-down", Bias::PullDown), ("none", Bias::External)];
        let sensor_bias = door.choice("sensor_bias", &pulls).unwrap_or(Bias::PullUp);
        let debounce = door.optional_whole("debounce_ms", 1..=200).map(Duration::from_millis);
        let debounce = debounce.unwrap_or(self.debounce);
        let (lock, sensor) = lock.zip(sensor)?;
        Some(Wires {
            lock,
            sensor,
            active_low,
            open_drain,
            sensor_inverted,
            sensor_bias,
            debounce,
            occupancy,
            occupancy_inverted,
        })
    }

    fn read_line(&mut self, door: &mut Section<'_, '_>, field: &LineField<'_>) -> Option<Place> {
        let place = match self.driver {
            Some(Driver::Rppal) => read_header(door, field.key).map(Place::Header),
            Some(Driver::Gpio) => self.read_chip_line(door, field).map(Place::Chip),
            // They are not used, but they may stand there for the day that the driver is changed.
            Some(Driver::Sim | Driver::Rs485) | None => {
                door.whole_or_text(field.key, 0..=HIGHEST_OFFSET);
                None
            }
        }?;
        if let Some(other) = self.taken.get(&place) {
            door.refuse(field.key, &format!("is already the {other}: every line has one use"));
            return None;
        }
        self.taken.insert(place.clone(), field.to_string());
        Some(place)
    }

    fn read_chip_line(
        &self,
        door: &mut Section<'_, '_>,
        field: &LineField<'_>,
    ) -> Option<LineOfChip> {
        let own_chip = field.own_chip.cloned();
        match door.whole_or_text(field.key, 0..=HIGHEST_OFFSET) {
            Some(WholeOrText::Text(name)) => Some(LineOfChip::Name { chip: own_chip, name }),
            Some(WholeOrText::Whole(offset)) => {
                let chip = own_chip.or_else(|| self.chip.clone());
                if chip.is_none() {
                    door.refuse(
                        field.key,
                        "is a number on no chip: give chip = \"/dev/gpiochip0\" or the label that gpiodetect \
                         shows, here or in [cabinet]; or the line's name",
                    );
                }
                let (chip, offset) = (chip?, u32::try_from(offset).ok()?);
                Some(LineOfChip::Offset { chip, offset })
            }
            None => {
                door.missing(
                    field.key,
                    "give the name that gpioinfo shows (\"GPIO17\") or the number on the chip",
                );
                None
            }
        }
    }
}

/// Far beyond the largest chip; more is a typing error.
const HIGHEST_OFFSET: u64 = 1023;

/// GPIO0 and GPIO1 belong to the identification chip of add-on boards; the header ends with GPIO27.
fn read_header(door: &mut Section<'_, '_>, key: &'static str) -> Option<u8> {
    let line = door.optional_whole(key, 2..=27);
    if line.is_none() {
        door.missing(key, "give the BCM number it is wired to, 2 to 27 (GPIO17 is 17)");
    }
    u8::try_from(line?).ok()
}
