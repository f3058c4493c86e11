//! What lock boards are asked and what they answer, byte by byte; without a port, a clock or a thread.
//!
//! No vendor's document was at hand: the frames are those of public third-party programs, told apart in
//! `docs/hardware.md` with what to verify on a board. There is no way to say "hold this lock on" here: a coil that is
//! held burns, so every request leaves the end of its pulse to the board.

mod cu16;
mod cu48;
mod listener;
mod modbus;
mod winnsen;
mod wkly;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::time::Duration;

pub use listener::Listener;

use crate::ports::DoorPosition;

/// Which language the boards of one port speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// KERONG CU16: 16 locks.
    KerongCu16 {
        /// Whether an unlock is answered, by the board's status. Sources disagree.
        open_is_answered: bool,
        /// Whether the high half of the address byte is the board. If not there is one board, number 0.
        high_nibble_is_board: bool,
    },
    /// KERONG CU48 in its own frames: 48 locks.
    KerongCu48,
    /// KERONG CU48 in its Modbus RTU dialect.
    KerongCu48Modbus,
    /// WKLY: frames that begin with these four letters.
    Wkly,
    /// Winnsen: frames without a checksum.
    Winnsen,
    /// Relay boards on Modbus RTU that time a pulse themselves ("flash on"), of the Waveshare kind.
    ModbusRelay {
        /// Relays, and inputs, that a board has.
        channels: u8,
    },
}

/// One lock: which board, and which lock on it. Made by [`Protocol::place`], so it can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    board: u8,
    lock: u8,
}

impl Place {
    /// The board's address.
    pub fn board(self) -> u8 {
        self.board
    }

    /// The lock's number as printed on the board, from 1.
    pub fn lock(self) -> u8 {
        self.lock
    }

    /// The lock's number in frames that count from 0.
    fn index(self) -> u8 {
        self.lock - 1
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "lock {} of board {}", self.lock, self.board)
    }
}

/// A lock that a protocol cannot name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "lock {lock} of board {board} does not exist: boards are {} to {}, locks 1 to {}",
    .limits.first_board, .limits.last_board, .limits.locks
)]
pub struct BadPlace {
    board: u8,
    lock: u8,
    limits: Limits,
}

/// What a protocol can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The lowest address of a board.
    pub first_board: u8,
    /// The highest.
    pub last_board: u8,
    /// Locks of a board, from 1.
    pub locks: u8,
}

/// What a board is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Give one lock a pulse.
    Open {
        /// Which lock.
        place: Place,
        /// For how long, where the board lets itself be told.
        width: Duration,
    },
    /// Tell the doors of the board that this lock is on; of this lock only, where the board tells one at a time.
    Doors {
        /// Which lock.
        of: Place,
    },
    /// Switch everything off.
    AllOff {
        /// Which board.
        board: u8,
    },
}

impl Question {
    /// The board it is for.
    pub fn board(&self) -> u8 {
        match self {
            Self::Open { place, .. } => place.board,
            Self::Doors { of } => of.board,
            Self::AllOff { board } => *board,
        }
    }
}

/// What a board answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It does as it was told.
    Done,
    /// It will not, and why by its own account.
    Refused(String),
    /// Where its doors are, by the lock's number.
    Doors(BTreeMap<u8, DoorPosition>),
}

/// Parity bit of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the trade")]
pub enum Parity {
    None,
    Even,
    Odd,
}

/// One board language. `heard` is what came since the question, its last 255 bytes at least.
trait Dialect {
    fn limits(&self) -> Limits;
    /// The bytes that ask it; `None` where the boards have no such request.
    fn request(&self, question: &Question) -> Option<Vec<u8>>;
    /// What was answered, if what was heard *ends* with an answer to this question.
    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply>;
}

impl Protocol {
    fn dialect(&self) -> Box<dyn Dialect> {
        match *self {
            Self::KerongCu16 { open_is_answered, high_nibble_is_board } => {
                Box::new(cu16::Cu16 { open_is_answered, high_nibble_is_board })
            }
            Self::KerongCu48 => Box::new(cu48::Cu48),
            Self::KerongCu48Modbus => Box::new(modbus::Cu48Modbus),
            Self::Wkly => Box::new(wkly::Wkly),
            Self::Winnsen => Box::new(winnsen::Winnsen),
            Self::ModbusRelay { channels } => Box::new(modbus::Relay { channels }),
        }
    }

    /// What it can name.
    pub fn limits(&self) -> Limits {
        self.dialect().limits()
    }

    /// A lock, if there can be such a one.
    pub fn place(&self, board: u8, lock: u8) -> Result<Place, BadPlace> {
        let limits = self.limits();
        let boards = limits.first_board..=limits.last_board;
        if boards.contains(&board) && (1..=limits.locks).contains(&lock) {
            Ok(Place { board, lock })
        } else {
            Err(BadPlace { board, lock, limits })
        }
    }

    /// The bytes that ask it; `None` where these boards have no such request.
    pub fn request(&self, question: &Question) -> Option<Vec<u8>> {
        self.dialect().request(question)
    }

    /// Whether a board says that it has taken an open.
    pub fn answers_open(&self) -> bool {
        match self {
            Self::KerongCu16 { open_is_answered, .. } => *open_is_answered,
            Self::KerongCu48
            | Self::KerongCu48Modbus
            | Self::Wkly
            | Self::Winnsen
            | Self::ModbusRelay { .. } => true,
        }
    }

    /// Whether one question tells all doors of a board.
    pub fn tells_whole_boards(&self) -> bool {
        !matches!(self, Self::Winnsen)
    }

    /// The pulse that a board will give when it is asked for this one; `None` if the board keeps a time of its own.
    pub fn pulse_given(&self, width: Duration) -> Option<Duration> {
        match self {
            Self::ModbusRelay { .. } => Some(modbus::flash_tenths(width).1),
            Self::KerongCu16 { .. }
            | Self::KerongCu48
            | Self::KerongCu48Modbus
            | Self::Wkly
            | Self::Winnsen => None,
        }
    }
}

impl Display for Protocol {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::KerongCu16 { .. } => "kerong-cu16",
            Self::KerongCu48 => "kerong-cu48",
            Self::KerongCu48Modbus => "kerong-cu48-modbus",
            Self::Wkly => "wkly",
            Self::Winnsen => "winnsen",
            Self::ModbusRelay { .. } => "modbus-relay",
        })
    }
}

/// Bytes as people compare them with a manual.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{byte:02X}")?;
        }
        Ok(())
    }
}

/// The low byte of the sum.
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

fn position(closed: bool) -> DoorPosition {
    if closed { DoorPosition::Closed } else { DoorPosition::Open }
}

/// Doors of a field of bits, lowest bit first, lock 1 first; a set bit is a shut door.
fn doors_of_bits(bytes: &[u8], locks: u8) -> BTreeMap<u8, DoorPosition> {
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    (1..=locks).zip(bits).map(|(lock, closed)| (lock, position(closed))).collect()
}

#[cfg(test)]
mod tests;
