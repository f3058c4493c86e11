//! WKLY: `57 4B 4C 59 LEN BOARD CMD DATA XOR`, the length being that of the whole frame.
//!
//! Commands 86 and 87 (open all, open in sequence) and 88 (hold on) are not written here on purpose.

use super::{Dialect, Limits, Place, Question, Reply, position};

const START: [u8; 4] = *b"WKLY";
const OPEN: u8 = 0x82;
const STATUS: u8 = 0x84;
const WELL: u8 = 0x00;
const LOCKS: u8 = 48;
/// Start, length, board, command, check.
const FRAME: usize = 8;

pub(super) struct Wkly;

impl Dialect for Wkly {
    fn limits(&self) -> Limits {
        Limits { first_board: 0, last_board: 31, locks: LOCKS }
    }

    fn request(&self, question: &Question) -> Option<Vec<u8>> {
        let (command, lock) = match question {
            Question::Open { place, .. } => (OPEN, Some(place.lock)),
            Question::Doors { .. } => (STATUS, None),
            Question::AllOff { .. } => return None,
        };
        let length = if lock.is_some() { 9 } else { 8 };
        let mut frame = START.to_vec();
        frame.extend([length, question.board(), command]);
        frame.extend(lock);
        frame.push(xor(&frame));
        Some(frame)
    }

    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply> {
        let (board, command, data) = last_frame(heard)?;
        if board != question.board() {
            return None;
        }
        match (question, command) {
            (Question::Open { place, .. }, OPEN) => opened(*place, data),
            (Question::Doors { .. }, STATUS) => doors(data),
            (Question::Open { .. } | Question::Doors { .. } | Question::AllOff { .. }, _) => None,
        }
    }
}

/// `STATUS LOCK STATE`. The request's own echo has the lock alone; a board that fails may leave the lock out.
fn opened(place: Place, data: &[u8]) -> Option<Reply> {
    match data {
        [WELL, lock, ..] if *lock == place.lock => Some(Reply::Done),
        [0xFF] => Some(failed()),
        [0xFF, lock, ..] if *lock == place.lock => Some(failed()),
        _ => None,
    }
}

fn failed() -> Reply {
    Reply::Refused("the board answers FF, failed".to_owned())
}

/// `STATUS COUNT` and a byte for each lock, 01 for a shut door.
fn doors(data: &[u8]) -> Option<Reply> {
    match data {
        [WELL, count, states @ ..] if usize::from(*count) == states.len() => {
            let known = (1..=LOCKS).zip(states);
            let doors = known.filter_map(|(lock, &state)| match state {
                0 | 1 => Some((lock, position(state == 1))),
                _ => None,
            });
            Some(Reply::Doors(doors.collect()))
        }
        [0xFF, ..] => Some(failed()),
        _ => None,
    }
}

/// Board, command and data of the frame that ends here.
fn last_frame(heard: &[u8]) -> Option<(u8, u8, &[u8])> {
    let starts = heard.windows(START.len()).enumerate().rev();
    let mut starts = starts.filter(|(_, window)| *window == START).map(|(start, _)| start);
    starts.find_map(|start| {
        let frame = &heard[start..];
        let [_, _, _, _, length, board, command, data @ .., check] = frame else { return None };
        let whole = frame.len() >= FRAME && usize::from(*length) == frame.len();
        let sound = whole && *check == xor(&frame[..frame.len() - 1]);
        sound.then_some((*board, *command, data))
    })
}

fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |xor, byte| xor ^ byte)
}
