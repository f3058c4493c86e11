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
    Inside,
}

impl Part {
    /// "the lock of compartment 3".
    pub(super) fn of(self, compartment: CompartmentId) -> String {
        match self {
            Self::Lock => format!("the lock of compartment {compartment}"),
            Self::Switch => format!("the door switch of compartment {compartment}"),
            Self::Inside => format!("the occupancy sensor of compartment {compartment}"),
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

/// The lines of all compartments.
pub(super) type AllFound = BTreeMap<(CompartmentId, Part), Found>;

/// Finds the lines of all compartments; no two of them are the same line.
pub(super) fn find_all(
    wiring: &BTreeMap<CompartmentId, GpioWiring>,
) -> Result<AllFound, GpioFault> {
    Board::look().find_all(wiring)
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
    fn look() -> Self {
        let paths = gpiocdev::chip::chips().unwrap_or_default();
        let (mut chips, mut forbidden) = (Vec::new(), None);
        for path in paths {
            match KnownChip::read(&path) {
                Ok(chip) => chips.push(chip),
                Err(error) => forbidden = Some(GpioFault::chip(&path, &error, "")),
            }
        }
        Self { chips, forbidden }
    }

    fn find_all(
        &mut self,
        wiring: &BTreeMap<CompartmentId, GpioWiring>,
    ) -> Result<AllFound, GpioFault> {
        let mut found = BTreeMap::new();
        let mut users: BTreeMap<(PathBuf, Offset), String> = BTreeMap::new();
        for (&compartment, wires) in wiring {
            let inside = wires.inside.as_ref().map(|inside| (Part::Inside, &inside.line));
            let wired = [(Part::Lock, &wires.lock), (Part::Switch, &wires.switch)];
            for (part, address) in wired.into_iter().chain(inside) {
                let user = part.of(compartment);
                let line = self.find(&user, address)?;
                if let Some(first) = users.insert((line.chip.clone(), line.offset), user.clone()) {
                    let (chip, offset) = (line.shown(), line.offset);
                    return Err(GpioFault::TwoUses { chip, offset, first, second: user });
                }
                found.insert((compartment, part), line);
            }
        }
        Ok(found)
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::{LockDrive, SwitchBias};
    use super::*;

    fn chip(number: usize, label: &str, lines: [&str; 3]) -> KnownChip {
        let name = format!("gpiochip{number}");
        let path = Path::new("/dev").join(&name);
        KnownChip { path, name, label: label.into(), lines: lines.map(String::from).into() }
    }

    /// A header and two expanders of the same kind.
    fn board() -> Board {
        let header = chip(0, "header", ["GPIO0", "GPIO1", ""]);
        let expanders = [1, 2].map(|number| chip(number, "expander", ["A0", "A1", ""]));
        Board { chips: [header].into_iter().chain(expanders).collect(), forbidden: None }
    }

    fn at(chip: &str, offset: u32) -> LineAddress {
        LineAddress::Offset { chip: chip.into(), offset }
    }

    fn named(chip: Option<&str>, name: &str) -> LineAddress {
        LineAddress::Name { chip: chip.map(str::to_owned), name: name.into() }
    }

    fn door(lock: LineAddress, switch: LineAddress) -> BTreeMap<CompartmentId, GpioWiring> {
        let drive = LockDrive::PushPull;
        let (active_low, switch_inverted, bias) = (false, false, SwitchBias::PullUp);
        let wires = GpioWiring {
            lock,
            active_low,
            drive,
            switch,
            switch_inverted,
            bias,
            debounce: std::time::Duration::ZERO,
            inside: None,
        };
        [(CompartmentId::new(3).unwrap(), wires)].into()
    }

    fn told(lock: LineAddress) -> String {
        board().find_all(&door(lock, at("header", 2))).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_found_by_path_name_or_label_of_its_chip_and_by_its_own_name() {
        let ways = [
            at("/dev/gpiochip0", 1),
            at("gpiochip0", 1),
            at("header", 1),
            named(None, "GPIO1"),
            named(Some("header"), "GPIO1"),
        ];
        for way in ways {
            let found = board().find_all(&door(way, named(Some("gpiochip2"), "A0"))).unwrap();
            let places: Vec<_> = found.into_values().map(|line| (line.chip, line.offset)).collect();
            assert_eq!(places, [("/dev/gpiochip0".into(), 1), ("/dev/gpiochip2".into(), 0)]);
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let beyond = told(at("header", 3));
        assert!(beyond.contains("the lock of compartment 3 is line 3"), "{beyond}");
        assert!(beyond.contains("has lines 0 to 2 only"), "{beyond}");
        let chip = told(at("heather", 1));
        assert!(chip.contains("heather") && chip.contains("/dev/gpiochip0 [header]"), "{chip}");
        let name = told(named(None, "GPIO9"));
        assert!(name.contains("\"GPIO9\", which the chips of this machine do not have"), "{name}");
        let elsewhere = told(named(Some("header"), "A0"));
        assert!(elsewhere.contains("/dev/gpiochip0 [header] does not have"), "{elsewhere}");
    }

    #[test]
    fn what_is_there_twice_is_told_with_both_places() {
        let label = told(at("expander", 1));
        assert!(label.contains("/dev/gpiochip1, /dev/gpiochip2"), "{label}");
        let name = told(named(None, "A1"));
        assert!(name.contains("line 1 of /dev/gpiochip1 [expander], line 1 of"), "{name}");
        assert!(name.contains("give its chip too"), "{name}");
    }

    #[test]
    fn one_line_by_two_addresses_has_two_uses() {
        let both = door(named(None, "GPIO1"), at("gpiochip0", 1));
        let told = board().find_all(&both).unwrap_err().to_string();
        let expected = "is both the lock of compartment 3 and the door switch of compartment 3";
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn a_sensor_that_looks_inside_is_found_like_the_others() {
        let mut wiring = door(named(None, "GPIO0"), at("header", 2));
        for wires in wiring.values_mut() {
            let line = named(Some("gpiochip1"), "A1");
            wires.inside = Some(super::super::InsideLine { line, inverted: false });
        }
        let found = board().find_all(&wiring).unwrap();
        let inside = &found[&(CompartmentId::new(3).unwrap(), Part::Inside)];
        assert_eq!((inside.chip.as_path(), inside.offset), (Path::new("/dev/gpiochip1"), 1));
        for wires in wiring.values_mut() {
            wires.inside.as_mut().unwrap().line = at("header", 2);
        }
        let told = board().find_all(&wiring).unwrap_err().to_string();
        let expected = "door switch of compartment 3 and the occupancy sensor of compartment 3";
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn without_chips_or_without_permission_that_is_the_reason() {
        let lines = door(named(None, "GPIO1"), at("header", 2));
        let mut none = Board { chips: Vec::new(), forbidden: None };
        let told = none.find_all(&lines).unwrap_err().to_string();
        assert!(told.contains("there is no GPIO chip under /dev"), "{told}");
        let closed = GpioFault::NoPermission { path: "/dev/gpiochip0".into() };
        let mut closed = Board { chips: Vec::new(), forbidden: Some(closed) };
        let told = closed.find_all(&lines).unwrap_err().to_string();
        assert!(told.contains("no permission for /dev/gpiochip0"), "{told}");
        assert!(told.contains("60-locker-agent.rules"), "{told}");
    }
}
