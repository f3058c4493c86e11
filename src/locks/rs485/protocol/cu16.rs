//! KERONG CU16: `02 ADDR CMD 03 SUM`, the sum being the low byte of all bytes before it.

use super::{Dialect, Limits, Question, Reply, doors_of_bits, sum};

const START: u8 = 0x02;
const END: u8 = 0x03;
const STATUS: u8 = 0x30;
const UNLOCK: u8 = 0x31;
const STATUS_REPLY: u8 = 0x35;
const LOCKS: u8 = 16;

pub(super) struct Cu16 {
    pub(super) open_is_answered: bool,
    pub(super) high_nibble_is_board: bool,
}

impl Dialect for Cu16 {
    fn limits(&self) -> Limits {
        let last_board = if self.high_nibble_is_board { 15 } else { 0 };
        Limits { first_board: 0, last_board, locks: LOCKS }
    }

    fn request(&self, question: &Question) -> Option<Vec<u8>> {
        let (address, command) = match question {
            // The low half is the lock; the high half is the board, which is 0 where there is only one.
            Question::Open { place, .. } => (place.board << 4 | place.index(), UNLOCK),
            Question::Doors { of } => (of.board << 4, STATUS),
            Question::AllOff { .. } => return None,
        };
        let mut frame = vec![START, address, command, END];
        frame.push(sum(&frame));
        Some(frame)
    }

    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply> {
        let frame: &[u8; 9] = heard.last_chunk()?;
        let [START, address, STATUS_REPLY, low, high, _, _, END, check] = *frame else {
            return None;
        };
        if check != sum(&frame[..8]) {
            return None;
        }
        match question {
            Question::Doors { of } if address == of.board << 4 => {
                Some(Reply::Doors(doors_of_bits(&[low, high], LOCKS)))
            }
            // Boards that answer an unlock answer with their status, with the lock's own address or the board's.
            Question::Open { place, .. } if self.open_is_answered => {
                let own = place.board << 4 | place.index();
                (address == own || address == place.board << 4).then_some(Reply::Done)
            }
            Question::Doors { .. } | Question::Open { .. } | Question::AllOff { .. } => None,
        }
    }
}
