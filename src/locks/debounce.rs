//! From samples of switches to doors that moved.

use std::collections::{BTreeMap, VecDeque};

use crate::core::ids::CompartmentId;
use crate::ports::{DoorEdge, DoorPosition};

/// A door counts as moved once so many samples in a row show it elsewhere; fewer are contact bounce.
const SAMPLES_TO_BELIEVE: u8 = 2;

/// Where each door is believed to be, and the moves not handed out yet.
pub(crate) struct Debounce {
    doors: BTreeMap<CompartmentId, Door>,
    moves: VecDeque<DoorEdge>,
}

struct Door {
    believed: DoorPosition,
    contrary: u8,
}

impl Debounce {
    /// Believes the first samples.
    pub(crate) fn new(first: BTreeMap<CompartmentId, DoorPosition>) -> Self {
        let doors = first
            .into_iter()
            .map(|(number, believed)| (number, Door { believed, contrary: 0 }))
            .collect();
        Self { doors, moves: VecDeque::new() }
    }

    /// Takes the next sample of one door.
    pub(crate) fn sample(&mut self, compartment: CompartmentId, seen: DoorPosition) {
        let Some(door) = self.doors.get_mut(&compartment) else { return };
        if seen == door.believed {
            door.contrary = 0;
            return;
        }
        door.contrary += 1;
        if door.contrary >= SAMPLES_TO_BELIEVE {
            *door = Door { believed: seen, contrary: 0 };
            self.moves.push_back(DoorEdge { compartment, position: seen });
        }
    }

    /// The oldest move not handed out yet.
    pub(crate) fn next_move(&mut self) -> Option<DoorEdge> {
        self.moves.pop_front()
    }

    /// Where every door is believed to be. Moves up to here are told by this answer, so they are dropped.
    pub(crate) fn positions(&mut self) -> BTreeMap<CompartmentId, DoorPosition> {
        self.moves.clear();
        self.doors.iter().map(|(&number, door)| (number, door.believed)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::DoorPosition::{Closed, Open};
    use super::*;

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    #[test]
    fn a_bounce_of_one_sample_is_no_move() {
        let mut doors = Debounce::new([(door(1), Closed)].into());
        for seen in [Open, Closed, Open, Closed] {
            doors.sample(door(1), seen);
        }
        assert_eq!(doors.next_move(), None);
    }

    #[test]
    fn moves_come_once_and_in_order() {
        let mut doors = Debounce::new([(door(1), Closed), (door(2), Closed)].into());
        for (number, seen) in [(2, Open), (2, Open), (2, Open), (1, Open), (1, Open), (2, Closed)] {
            doors.sample(door(number), seen);
        }
        doors.sample(door(2), Closed);
        let moves: Vec<_> = std::iter::from_fn(|| doors.next_move()).collect();
        let edge = |number, position| DoorEdge { compartment: door(number), position };
        assert_eq!(moves, [edge(2, Open), edge(1, Open), edge(2, Closed)]);
    }

    #[test]
    fn what_positions_tell_is_not_told_again_as_a_move() {
        let mut doors = Debounce::new([(door(1), Closed)].into());
        doors.sample(door(1), Open);
        doors.sample(door(1), Open);
        assert_eq!(doors.positions(), [(door(1), Open)].into());
        assert_eq!(doors.next_move(), None);
    }
}
