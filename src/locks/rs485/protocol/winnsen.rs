//! Winnsen: `90 06 COMMAND STATION LOCK 03`, answered by `90 07 COMMAND+80 STATION LOCK STATUS 03`; no checksum.

use super::{Dialect, Limits, Place, Question, Reply, position};

const START: u8 = 0x90;
const END: u8 = 0x03;
const OPEN: u8 = 0x05;
const STATUS: u8 = 0x12;
const REPLY: u8 = 0x80;

pub(super) struct Winnsen;

impl Dialect for Winnsen {
    fn limits(&self) -> Limits {
        Limits { first_board: 0, last_board: 255, locks: 48 }
    }

    fn request(&self, question: &Question) -> Option<Vec<u8>> {
        let (command, place) = match question {
            Question::Open { place, .. } => (OPEN, place),
            Question::Doors { of } => (STATUS, of),
            Question::AllOff { .. } => return None,
        };
        Some(vec![START, 6, command, place.board, place.lock, END])
    }

    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply> {
        let [START, 7, command, station, first, second, END] = *heard.last_chunk::<7>()? else {
            return None;
        };
        if station != question.board() {
            return None;
        }
        match question {
            Question::Open { place, .. } if command == OPEN | REPLY && first == place.lock => {
                Some(match second {
                    1 => Reply::Done,
                    2 => Reply::Refused("the board answers 02, its coil is cooling".to_owned()),
                    other => Reply::Refused(format!("the board answers {other:02X}, failed")),
                })
            }
            Question::Doors { of } if command == STATUS | REPLY => doors(*of, first, second),
            Question::Open { .. } | Question::Doors { .. } | Question::AllOff { .. } => None,
        }
    }
}

/// Sources have lock and state in either order. Locks count from 1 and states are 0 or 1, so with the lock known there is
/// never a doubt which is which.
fn doors(of: Place, first: u8, second: u8) -> Option<Reply> {
    let state = match (first, second) {
        (lock, state @ (0 | 1)) if lock == of.lock => state,
        (state @ (0 | 1), lock) if lock == of.lock => state,
        _ => return None,
    };
    Some(Reply::Doors([(of.lock, position(state == 0))].into()))
}
