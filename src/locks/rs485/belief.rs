//! Where the doors of one port are believed to be, from what the boards tell.

use std::collections::BTreeMap;

use super::protocol::Place;
use crate::core::ids::CompartmentId;
use crate::ports::{DoorEdge, DoorPosition};

/// The doors of one port.
pub(super) struct Belief {
    doors: BTreeMap<Place, Door>,
}

struct Door {
    compartment: CompartmentId,
    inverted: bool,
    /// Unknown while its board is silent.
    believed: Option<DoorPosition>,
    /// Whether the last sample said otherwise.
    doubted: bool,
    /// Whether it was told already that the board does not know this lock.
    absent: bool,
}

/// What samples changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Doors that moved, or are known again.
    pub(super) edges: Vec<DoorEdge>,
    /// Some door seems to have moved: ask again at once.
    pub(super) doubt: bool,
}

impl Belief {
    pub(super) fn new(doors: impl Iterator<Item = (Place, CompartmentId, bool)>) -> Self {
        let doors = doors.map(|(place, compartment, inverted)| {
            (place, Door { compartment, inverted, believed: None, doubted: false, absent: false })
        });
        Self { doors: doors.collect() }
    }

    /// Takes what a board tells of its locks. A door has moved when two samples in a row say so: one alone may be a
    /// bouncing switch, or a garbled frame of a protocol without a checksum.
    pub(super) fn sample(&mut self, board: u8, seen: &BTreeMap<u8, DoorPosition>) -> Changes {
        let mut changes = Changes::default();
        for (place, door) in &mut self.doors {
            let Some(&position) = seen.get(&place.lock()).filter(|_| place.board() == board) else {
                continue;
            };
            let position = if door.inverted { opposite(position) } else { position };
            let moved = door.believed != Some(position);
            let sure = door.believed.is_none() || door.doubted;
            door.doubted = moved && !sure;
            changes.doubt |= door.doubted;
            if moved && sure {
                door.believed = Some(position);
                changes.edges.push(DoorEdge { compartment: door.compartment, position });
            }
        }
        changes
    }

    /// Where a sample puts this door, whatever is believed.
    pub(super) fn seen(
        &self,
        place: Place,
        seen: &BTreeMap<u8, DoorPosition>,
    ) -> Option<DoorPosition> {
        let position = *seen.get(&place.lock())?;
        let inverted = self.doors.get(&place)?.inverted;
        Some(if inverted { opposite(position) } else { position })
    }

    pub(super) fn believed(&self, place: Place) -> Option<DoorPosition> {
        self.doors.get(&place)?.believed
    }

    /// The board has told all its locks: which compartments have none of them. Each is told once.
    pub(super) fn absent(
        &mut self,
        board: u8,
        seen: &BTreeMap<u8, DoorPosition>,
    ) -> Vec<CompartmentId> {
        let doors = self.doors.iter_mut().filter(|(place, _)| place.board() == board);
        let missing =
            doors.filter(|(place, door)| !door.absent && !seen.contains_key(&place.lock()));
        let told = missing.map(|(_, door)| {
            door.absent = true;
            door.compartment
        });
        told.collect()
    }

    /// The board is silent: its doors are unknown.
    pub(super) fn forget(&mut self, board: u8) {
        for (_, door) in self.doors.iter_mut().filter(|(place, _)| place.board() == board) {
            door.believed = None;
            door.doubted = false;
        }
    }

    /// The compartments behind a board, for the log.
    pub(super) fn compartments(&self, board: u8) -> Vec<CompartmentId> {
        let doors = self.doors.iter().filter(|(place, _)| place.board() == board);
        doors.map(|(_, door)| door.compartment).collect()
    }
}

fn opposite(position: DoorPosition) -> DoorPosition {
    match position {
        DoorPosition::Open => DoorPosition::Closed,
        DoorPosition::Closed => DoorPosition::Open,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::DoorPosition::{Closed, Open};
    use super::*;
    use crate::locks::rs485::Protocol;

    fn belief() -> Belief {
        let door = |board, lock, inverted| {
            let number = u16::from(board) * 100 + u16::from(lock);
            let place = Protocol::Wkly.place(board, lock).unwrap();
            (place, CompartmentId::new(number).unwrap(), inverted)
        };
        Belief::new([door(1, 1, false), door(1, 2, true), door(2, 1, false)].into_iter())
    }

    fn edges(changes: Changes) -> Vec<(u16, DoorPosition)> {
        changes.edges.into_iter().map(|edge| (edge.compartment.number(), edge.position)).collect()
    }

    #[test]
    fn the_first_sample_is_believed_and_a_later_one_only_when_it_is_repeated() {
        let mut belief = belief();
        let shut = [(1, Closed), (2, Open), (3, Open)].into();
        assert_eq!(edges(belief.sample(1, &shut)), [(101, Closed), (102, Closed)]);
        let open = [(1, Open)].into();
        let first = belief.sample(1, &open);
        assert!(first.doubt && first.edges.is_empty());
        assert!(!belief.sample(1, &shut).doubt, "a bounce is over");
        assert!(belief.sample(1, &open).doubt);
        assert_eq!(edges(belief.sample(1, &open)), [(101, Open)]);
        assert_eq!(belief.sample(1, &open), Changes::default());
    }

    #[test]
    fn a_lock_that_its_board_does_not_have_is_told_once() {
        let mut belief = belief();
        let seen = [(1, Closed)].into();
        assert_eq!(belief.absent(1, &seen), [CompartmentId::new(102).unwrap()]);
        assert!(belief.absent(1, &seen).is_empty() && belief.absent(2, &seen).is_empty());
    }

    #[test]
    fn a_board_speaks_for_its_own_doors_and_is_news_again_after_a_silence() {
        let mut belief = belief();
        let shut = [(1, Closed), (2, Open)].into();
        belief.sample(1, &shut);
        assert_eq!(edges(belief.sample(2, &shut)), [(201, Closed)]);
        belief.forget(1);
        assert_eq!(edges(belief.sample(1, &shut)), [(101, Closed), (102, Closed)]);
        assert_eq!(belief.sample(2, &shut), Changes::default());
    }
}
