//! From addresses to lines of chips, and whether they make sense together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gpiocdev::Chip;
use gpiocdev::line::Offset;

use super::{GpioFault, GpioWiring, LineAddress};
use crate::core::ids::CompartmentId;

/// Which of a compartment's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Lock,
    Switch,
}

impl Part {
    /// "the lock of compartment 3".
    pub(super) fn of(self, compartment: CompartmentId) -> String {
        match self {
            Self::Lock => format!("the lock of compartment {compartment}"),
            Self::Switch => format!("the door switch of compartment {compartment}"),
        }
    }
}

/// A line that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) chip: PathBuf,
    label: String,
    pub(super) offset: Offset,
}

impl Found {
    /// The chip as an installer knows it.
    pub(super) fn shown(&self) -> String {
        format!("{} [{}]", self.chip.display(), self.label)
    }
}

/// Finds the lines of all compartments; no two of them are the same line.
pub(super) fn find_all(
    wiring: &BTreeMap<CompartmentId, GpioWiring>,
) -> Result<BTreeMap<(CompartmentId, Part), Found>, GpioFault> {
    let mut board = Board::look()?;
    let mut found = BTreeMap::new();
    let mut users: BTreeMap<(PathBuf, Offset), String> = BTreeMap::new();
    for (&compartment, wires) in wiring {
        for (part, address) in [(Part::Lock, &wires.lock), (Part::Switch, &wires.switch)] {
            let user = part.of(compartment);
            let line = board.find(&user, address)?;
            if let Some(first) = users.insert((line.chip.clone(), line.offset), user.clone()) {
                let (chip, offset) = (line.shown(), line.offset);
                return Err(GpioFault::TwoUses { chip, offset, first, second: user });
            }
            found.insert((compartment, part), line);
        }
    }
    Ok(found)
}

/// The chips of this machine.
struct Board {
    chips: Vec<KnownChip>,
    /// The first chip that may not be looked at, if any.
    forbidden: Option<GpioFault>,
}

struct KnownChip {
    path: PathBuf,
    name: String,
    label: String,
    /// The lines' names, by offset; empty for none.
    lines: Vec<String>,
}

impl KnownChip {
    fn read(path: &Path) -> gpiocdev::Result<Self> {
        let chip = Chip::from_path(path)?;
        let info = chip.info()?;
        let lines: gpiocdev::Result<_> =
            chip.line_info_iter()?.map(|line| Ok(line?.name)).collect();
        let path = chip.path().to_owned();
        Ok(Self { path, name: info.name, label: info.label, lines: lines? })
    }

    fn line(&self, offset: Offset) -> Found {
        Found { chip: self.path.clone(), label: self.label.clone(), offset }
    }

    fn goes_by(&self, chip: &str) -> bool {
        self.name == chip || self.label == chip || self.path == Path::new(chip)
    }
}

impl Board {
    fn look() -> Result<Self, GpioFault> {
        let paths = gpiocdev::chip::chips().unwrap_or_default();
        let (mut chips, mut forbidden) = (Vec::new(), None);
        for path in paths {
            match KnownChip::read(&path) {
                Ok(chip) => chips.push(chip),
                Err(error) => forbidden = Some(GpioFault::chip(&path, &error, "")),
            }
        }
        Ok(Self { chips, forbidden })
    }

    fn find(&mut self, user: &str, address: &LineAddress) -> Result<Found, GpioFault> {
        match address {
            LineAddress::Offset { chip, offset } => {
                let chip = self.chip(chip)?;
                let count = u32::try_from(chip.lines.len()).unwrap_or(u32::MAX);
                if *offset >= count {
                    return Err(GpioFault::OutOfRange {
                        user: user.to_owned(),
                        chip: chip.line(*offset).shown(),
                        offset: *offset,
                        last: count.saturating_sub(1),
                    });
                }
                Ok(chip.line(*offset))
            }
            LineAddress::Name { chip: Some(chip), name } => {
                let chip = self.chip(chip)?;
                let place = format!("{} does", chip.line(0).shown());
                one_of(user, name, &place, named(chip, name).collect())
            }
            LineAddress::Name { chip: None, name } => {
                if self.chips.is_empty() {
                    return Err(self.forbidden.take().unwrap_or(GpioFault::NoChips));
                }
                let lines = self.chips.iter().flat_map(|chip| named(chip, name)).collect();
                let found = one_of(user, name, "the chips of this machine do", lines);
                // It may be on the one that may not be looked at.
                found.map_err(|missing| self.forbidden.take().unwrap_or(missing))
            }
        }
    }

    /// The chip of this path, name or label.
    fn chip(&mut self, wanted: &str) -> Result<&KnownChip, GpioFault> {
        let fits: Vec<usize> =
            (0..self.chips.len()).filter(|&index| self.chips[index].goes_by(wanted)).collect();
        match fits[..] {
            [one] => Ok(&self.chips[one]),
            [] => self.chip_by_path(wanted),
            [..] => {
                let paths = fits.iter().map(|&index| self.chips[index].path.display().to_string());
                let paths = paths.collect::<Vec<_>>().join(", ");
                Err(GpioFault::AmbiguousChip { chip: wanted.to_owned(), paths })
            }
        }
    }

    /// A link to a chip, as udev rules make them; or the sentence why it cannot be used.
    fn chip_by_path(&mut self, wanted: &str) -> Result<&KnownChip, GpioFault> {
        let path = Path::new(wanted);
        if path.is_absolute() {
            let chip = KnownChip::read(path)
                .map_err(|error| GpioFault::chip(path, &error, &self.present()))?;
            self.chips.retain(|known| known.path != chip.path);
            self.chips.push(chip);
            return Ok(&self.chips[self.chips.len() - 1]);
        }
        Err(self.forbidden.take().unwrap_or_else(|| GpioFault::NoSuchChip {
            chip: wanted.to_owned(),
            reason: "no chip has this name or label".to_owned(),
            present: self.present(),
        }))
    }

    fn present(&self) -> String {
        let chips = self.chips.iter().map(|chip| chip.line(0).shown());
        let chips = chips.collect::<Vec<_>>().join(", ");
        if chips.is_empty() { "none that may be used".to_owned() } else { chips }
    }
}

fn named<'a>(chip: &'a KnownChip, name: &'a str) -> impl Iterator<Item = Found> + 'a {
    let numbered = (0..).zip(&chip.lines);
    numbered.filter(move |(_, line)| *line == name).map(|(offset, _)| chip.line(offset))
}

fn one_of(user: &str, name: &str, place: &str, mut lines: Vec<Found>) -> Result<Found, GpioFault> {
    let (user, name) = (user.to_owned(), name.to_owned());
    match (lines.pop(), lines.as_slice()) {
        (Some(one), []) => Ok(one),
        (None, _) => Err(GpioFault::NoSuchName { user, name, place: place.to_owned() }),
        (Some(last), others) => {
            let places = others.iter().chain([&last]);
            let places =
                places.map(|line| format!("line {} of {}", line.offset, line.shown())).collect();
            let places: Vec<String> = places;
            Err(GpioFault::AmbiguousName { user, name, places: places.join(", ") })
        }
    }
}
