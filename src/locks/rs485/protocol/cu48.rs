//! KERONG CU48 in its own frames: `02 DEVICE LOCK CMD 03 SUM`, locks counted from 0.

use super::{Dialect, Limits, Question, Reply, doors_of_bits, sum};

const START: u8 = 0x02;
const END: u8 = 0x03;
const STATUS: u8 = 0x60;
const OPEN: u8 = 0x61;
const WELL: u8 = 0x75;
const FAILED: u8 = 0x00;
const LOCKS: u8 = 48;
/// Bytes of 48 bits.
const BITMAP: u8 = 6;

pub(super) struct Cu48;

impl Dialect for Cu48 {
    fn limits(&self) -> Limits {
        Limits { first_board: 0, last_board: 255, locks: LOCKS }
    }

    fn request(&self, question: &Question) -> Option<Vec<u8>> {
        let (lock, command) = match question {
            Question::Open { place, .. } => (place.index(), OPEN),
            Question::Doors { .. } => (0, STATUS),
            Question::AllOff { .. } => return None,
        };
        let mut frame = vec![START, question.board(), lock, command, END];
        frame.push(sum(&frame));
        Some(frame)
    }

    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply> {
        let lock = match question {
            Question::Open { place, .. } => place.index(),
            Question::Doors { of } => {
                if let Some(doors) = doors(of.board, heard) {
                    return Some(doors);
                }
                0
            }
            Question::AllOff { .. } => return None,
        };
        let frame: &[u8; 6] = heard.last_chunk()?;
        let [START, device, on, outcome, _, check] = *frame else { return None };
        if device != question.board() || on != lock || check != sum(&frame[..5]) {
            return None;
        }
        match (outcome, question) {
            (WELL, Question::Open { .. }) => Some(Reply::Done),
            (FAILED, _) => Some(Reply::Refused("the board answers 00, failed".to_owned())),
            // Among these is the program's own request, where the adapter hears itself.
            _ => None,
        }
    }
}

/// `02 DEVICE 00 75 06`, six bytes, `SUM`.
fn doors(board: u8, heard: &[u8]) -> Option<Reply> {
    let frame: &[u8; 12] = heard.last_chunk()?;
    let [START, device, 0, WELL, BITMAP, bits @ .., check] = frame else { return None };
    (*device == board && *check == sum(&frame[..11]))
        .then(|| Reply::Doors(doors_of_bits(bits, LOCKS)))
}
