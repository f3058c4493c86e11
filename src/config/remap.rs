//! Compartments given their right numbers and switches in the file's own text, every comment kept.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::core::ids::CompartmentId;

/// What a trial of all locks has shown, by the numbers that the file gives now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remap {
    /// The number painted on the door that this compartment's lock opened.
    pub numbers: BTreeMap<CompartmentId, CompartmentId>,
    /// The compartment whose switch moved when this one's lock was pulsed.
    pub switches: BTreeMap<CompartmentId, CompartmentId>,
}

/// Why a file cannot be changed by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemapFault {
    /// It is not the file that was read.
    #[error("the file cannot be read any more: {0}")]
    Unreadable(String),
    /// Switches are not described alike, so exchanging the lines alone would be wrong.
    #[error(
        "the switch of compartment {lock}'s door is wired as compartment {switch}'s, and their fields chip, \
         sensor_inverted or sensor_bias differ: exchange them by hand"
    )]
    SwitchesDiffer {
        /// Whose lock was pulsed.
        lock: CompartmentId,
        /// Whose switch moved.
        switch: CompartmentId,
    },
}

/// The fields that say how a switch's line is to be read.
const SWITCH_FIELDS: [&str; 3] = ["chip", "sensor_inverted", "sensor_bias"];

impl Remap {
    /// The text with numbers and switches exchanged, everything else as it was.
    pub fn apply(&self, text: &str) -> Result<String, RemapFault> {
        let table = DeTable::parse(text).map_err(|e| RemapFault::Unreadable(e.to_string()))?;
        let doors = doors(table.get_ref(), text);
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for (now, door) in &doors {
            if let Some(number) = self.numbers.get(now).filter(|number| *number != now) {
                edits.push((door.number.clone(), number.to_string()));
            }
            let Some(switch) = self.switches.get(now).filter(|switch| *switch != now) else {
                continue;
            };
            let other = doors.get(switch);
            let (Some(own), Some(theirs)) =
                (&door.sensor_line, other.and_then(|d| d.sensor_line.as_ref()))
            else {
                continue;
            };
            if other.map(|other| &other.switch_fields) != Some(&door.switch_fields) {
                return Err(RemapFault::SwitchesDiffer { lock: *now, switch: *switch });
            }
            edits.push((own.clone(), text[theirs.clone()].to_owned()));
        }
        edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut changed = text.to_owned();
        for (place, new) in edits {
            changed.replace_range(place, &new);
        }
        Ok(changed)
    }
}

/// Where the fields of one compartment stand.
struct DoorText {
    number: Range<usize>,
    sensor_line: Option<Range<usize>>,
    switch_fields: [Option<String>; 3],
}

fn doors(file: &DeTable<'_>, text: &str) -> BTreeMap<CompartmentId, DoorText> {
    let cabinet = file.get("cabinet").and_then(|cabinet| cabinet.get_ref().as_table());
    let listed = cabinet.and_then(|cabinet| cabinet.get("compartment")?.get_ref().as_array());
    listed.into_iter().flat_map(|doors| doors.iter()).filter_map(|door| read(door, text)).collect()
}

fn read(door: &Spanned<DeValue<'_>>, text: &str) -> Option<(CompartmentId, DoorText)> {
    let fields = door.get_ref().as_table()?;
    let place = |key: &str| fields.get(key).map(Spanned::span);
    let written = |key: &str| place(key).map(|place| text[place].to_owned());
    let number = place("number")?;
    let known = CompartmentId::new(text.get(number.clone())?.parse().ok()?).ok()?;
    let sensor_line = place("sensor_line");
    Some((known, DoorText { number, sensor_line, switch_fields: SWITCH_FIELDS.map(written) }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const FILE: &str = r#"
[cabinet]
driver = "gpio"          # the board's own lines
chip = "gpiochip0"

[[cabinet.compartment]]  # top left
number = 1
lock_line = 17
sensor_line = 27

[[cabinet.compartment]]
number = 2   # painted by hand
lock_line = 22
sensor_line = "GPIO23"
"#;

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    fn remap(numbers: &[(u16, u16)], switches: &[(u16, u16)]) -> Remap {
        let pairs = |list: &[(u16, u16)]| list.iter().map(|(a, b)| (door(*a), door(*b))).collect();
        Remap { numbers: pairs(numbers), switches: pairs(switches) }
    }

    #[test]
    fn numbers_and_switches_change_places_and_comments_stay() {
        let changed = remap(&[(1, 2), (2, 1)], &[(1, 2), (2, 1)]).apply(FILE).unwrap();
        let expected = FILE
            .replace("number = 1", "number = x")
            .replace("number = 2", "number = 1")
            .replace("number = x", "number = 2")
            .replace("= 27", "= x")
            .replace("\"GPIO23\"", "27")
            .replace("= x", "= \"GPIO23\"");
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_is_right_already_is_left_byte_for_byte() {
        assert_eq!(remap(&[(1, 1), (2, 2)], &[(1, 1)]).apply(FILE).unwrap(), FILE);
        assert_eq!(Remap::default().apply(FILE).unwrap(), FILE);
    }

    #[test]
    fn a_list_in_one_line_is_changed_too() {
        let file = "[cabinet]\ncompartment = [{ number = 1 }, { number = 12 }]\n";
        let changed = remap(&[(1, 12), (12, 1)], &[]).apply(file).unwrap();
        assert_eq!(changed, "[cabinet]\ncompartment = [{ number = 12 }, { number = 1 }]\n");
    }

    #[test]
    fn switches_that_are_read_differently_are_left_to_the_installer() {
        let file = FILE.replace("lock_line = 22", "lock_line = 22\nsensor_inverted = true");
        let said = remap(&[], &[(1, 2), (2, 1)]).apply(&file).unwrap_err();
        assert_eq!(said, RemapFault::SwitchesDiffer { lock: door(1), switch: door(2) });
    }
}
