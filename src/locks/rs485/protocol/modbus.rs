//! Modbus RTU: the CU48's dialect, and relay boards that time their pulses themselves.
//!
//! A write of one coil is answered by its own bytes. An adapter that hears itself looks the same: the bus finds that out
//! with questions whose answers differ, before it opens anything.

use std::time::Duration;

use super::{Dialect, Limits, Question, Reply, doors_of_bits};

const READ_COILS: u8 = 0x01;
const READ_INPUTS: u8 = 0x02;
const WRITE_COIL: u8 = 0x05;
const REFUSED: u8 = 0x80;
/// Relay boards: from here, one address for each relay; the value is the time on, in tenths of a second.
const FLASH_ON: u16 = 0x0200;
/// Relay boards: all of them at once. Only ever written with 0.
const ALL: u16 = 0x00FF;

/// The CU48's dialect: coils are the locks, 1 for a shut door; writing 0 unlocks.
pub(super) struct Cu48Modbus;

impl Dialect for Cu48Modbus {
    fn limits(&self) -> Limits {
        Limits { first_board: 1, last_board: 247, locks: 48 }
    }

    fn request(&self, question: &Question) -> Option<Vec<u8>> {
        match question {
            Question::Open { place, .. } => {
                Some(frame(place.board, WRITE_COIL, u16::from(place.index()), 0))
            }
            Question::Doors { of } => Some(frame(of.board, READ_COILS, 0, 48)),
            Question::AllOff { .. } => None,
        }
    }

    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply> {
        match question {
            Question::Open { .. } => written(&self.request(question)?, heard),
            Question::Doors { of } => read(of.board, READ_COILS, 48, heard),
            Question::AllOff { .. } => None,
        }
    }
}

/// A relay board: relay n drives lock n, input n is door n, active while it is shut.
pub(super) struct Relay {
    pub(super) channels: u8,
}

impl Dialect for Relay {
    fn limits(&self) -> Limits {
        Limits { first_board: 1, last_board: 255, locks: self.channels }
    }

    fn request(&self, question: &Question) -> Option<Vec<u8>> {
        Some(match question {
            Question::Open { place, width } => {
                let relay = FLASH_ON + u16::from(place.index());
                frame(place.board, WRITE_COIL, relay, flash_tenths(*width).0)
            }
            Question::Doors { of } => frame(of.board, READ_INPUTS, 0, u16::from(self.channels)),
            Question::AllOff { board } => frame(*board, WRITE_COIL, ALL, 0),
        })
    }

    fn reply(&self, question: &Question, heard: &[u8]) -> Option<Reply> {
        match question {
            Question::Open { .. } | Question::AllOff { .. } => {
                written(&self.request(question)?, heard)
            }
            Question::Doors { of } => read(of.board, READ_INPUTS, self.channels, heard),
        }
    }
}

/// A pulse in the tenths of a second that a relay board counts, rounded up, and how long that is.
pub(super) fn flash_tenths(width: Duration) -> (u16, Duration) {
    // A pulse is a second at most; the board itself would take hours.
    let tenths = width.as_millis().div_ceil(100).clamp(1, 10);
    let tenths = u16::try_from(tenths).unwrap_or(10);
    (tenths, Duration::from_millis(u64::from(tenths) * 100))
}

fn frame(board: u8, function: u8, address: u16, value: u16) -> Vec<u8> {
    let mut frame = vec![board, function];
    frame.extend(address.to_be_bytes());
    frame.extend(value.to_be_bytes());
    frame.extend(crc(&frame).to_le_bytes());
    frame
}

/// A write is answered by its own bytes.
fn written(request: &[u8], heard: &[u8]) -> Option<Reply> {
    if heard.ends_with(request) {
        return Some(Reply::Done);
    }
    refused(request[0], WRITE_COIL, heard)
}

/// `BOARD FUNCTION COUNT`, the bits, CRC.
fn read(board: u8, function: u8, locks: u8, heard: &[u8]) -> Option<Reply> {
    let bytes = locks.div_ceil(8);
    let length = usize::from(bytes) + 5;
    let frame = heard.len().checked_sub(length).map(|start| &heard[start..]);
    if let Some([from, what, count, bits @ .., _, _]) = frame
        && (*from, *what, *count) == (board, function, bytes)
        && frame.is_some_and(sound)
    {
        return Some(Reply::Doors(doors_of_bits(bits, locks)));
    }
    refused(board, function, heard)
}

/// `BOARD FUNCTION+80 CODE CRC`.
fn refused(board: u8, function: u8, heard: &[u8]) -> Option<Reply> {
    let frame: &[u8; 5] = heard.last_chunk()?;
    let told = frame[0] == board && frame[1] == function | REFUSED && sound(frame);
    told.then(|| {
        let why = match frame[2] {
            1 => "it does not know the function",
            2 => "it has no such address",
            3 => "it does not take the value",
            4 => "it failed",
            6 => "it is busy",
            _ => "it does not say why",
        };
        Reply::Refused(format!("the board answers Modbus exception {:02X}: {why}", frame[2]))
    })
}

/// Whether the last two bytes are the CRC of the others.
fn sound(frame: &[u8]) -> bool {
    frame.split_last_chunk().is_some_and(|(body, check)| crc(body).to_le_bytes() == *check)
}

/// CRC-16/MODBUS; sent with its low byte first.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte),
            |crc, _| {
                if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 }
            },
        )
    })
}
