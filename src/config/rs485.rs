//! Lock boards on RS-485: the ports, and which lock a compartment has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;

/// One port, and how its boards are spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusPort {
    /// The device file.
    pub device: PathBuf,
    /// What the boards speak.
    pub protocol: BusProtocol,
    /// Speed in baud.
    pub baud: u32,
    /// Parity bit.
    pub parity: BusParity,
    /// How long a board may take to tell its doors.
    pub answer_within: Duration,
    /// How long a board may take to answer an open.
    pub open_answer_within: Duration,
    /// The pause between two frames.
    pub gap: Duration,
    /// How often every board is asked for its doors.
    pub poll_every: Duration,
    /// How long a pulse of the boards is, where they keep a time of their own.
    pub board_pulse: Duration,
}

/// A board language, with what differs between boards that speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the trade; docs/hardware.md explains each")]
pub enum BusProtocol {
    KerongCu16 {
        open_is_answered: bool,
        high_nibble_is_board: bool,
    },
    KerongCu48,
    KerongCu48Modbus,
    Wkly,
    Winnsen,
    ModbusRelay {
        /// Relays of a board.
        channels: u8,
    },
}

/// Parity bit of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the trade")]
pub enum BusParity {
    None,
    Even,
    Odd,
}

/// The lock of one compartment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusLock {
    /// Which port, from 0 in the order of the file.
    pub port: usize,
    /// The board's address.
    pub board: u8,
    /// The lock's number on the board, from 1.
    pub lock: u8,
    /// Whether the board tells an open door as shut and the other way round.
    pub sensor_inverted: bool,
}

impl BusProtocol {
    /// The addresses a board may have, and its locks.
    pub fn limits(&self) -> (std::ops::RangeInclusive<u64>, u64) {
        match self {
            Self::KerongCu16 { high_nibble_is_board: true, .. } => (0..=15, 16),
            Self::KerongCu16 { high_nibble_is_board: false, .. } => (0..=0, 16),
            Self::KerongCu48 | Self::Winnsen => (0..=255, 48),
            Self::KerongCu48Modbus => (1..=247, 48),
            Self::Wkly => (0..=31, 48),
            Self::ModbusRelay { channels } => (1..=255, u64::from(*channels)),
        }
    }

    /// The speed that boards leave the factory with, in baud, where that is known.
    pub fn usual_baud(&self) -> Option<u32> {
        match self {
            Self::KerongCu16 { .. } => Some(19_200),
            Self::KerongCu48Modbus => Some(115_200),
            Self::Wkly | Self::Winnsen | Self::ModbusRelay { .. } => Some(9600),
            Self::KerongCu48 => None,
        }
    }
}

/// The ports as read, and which of their locks are taken.
pub(super) struct Ports {
    /// By name; `None` where the port has a problem that was told.
    ports: Vec<(Option<String>, Option<BusPort>)>,
    taken: BTreeMap<(usize, u64, u64), u64>,
}

impl Ports {
    /// Reads `[[cabinet.port]]`; the blocks may stand there without being used.
    pub(super) fn read(cabinet: &mut Section<'_, '_>, used: bool) -> Self {
        let mut ports: Vec<(Option<String>, Option<BusPort>)> = Vec::new();
        cabinet.each("port", |section| {
            let name = section.text("name");
            let device = section.path_value("device");
            if ports.iter().any(|(other, _)| name.is_some() && *other == name) {
                section.refuse("name", "is there twice: every port has its own name");
            }
            let mut same = ports.iter().filter_map(|(_, port)| port.as_ref());
            if same.any(|port| Some(&port.device) == device.as_ref()) {
                section.refuse("device", "is there twice: boards of one device share one port");
            }
            ports.push((name, read_port(section, device)));
            Some(())
        });
        if used && ports.is_empty() {
            cabinet.missing(
                "port",
                "write [[cabinet.port]] with device and protocol for each serial port",
            );
        }
        Self { ports, taken: BTreeMap::new() }
    }

    /// The ports in order, if all of them are good.
    pub(super) fn good(self) -> Option<Vec<BusPort>> {
        self.ports.into_iter().map(|(_, port)| port).collect()
    }

    /// The lock of a compartment, from its own block.
    pub(super) fn read_lock(
        &mut self,
        door: &mut Section<'_, '_>,
        number: Option<u64>,
    ) -> Option<BusLock> {
        let port = self.find_port(door);
        let board = door.optional_whole("board", 0..=255);
        let lock = door.optional_whole("lock", 1..=255);
        if board.is_none() {
            door.missing("board", "give the address that its switches or its maker set");
        }
        if lock.is_none() {
            door.missing("lock", "give the number printed beside the lock's connector, from 1");
        }
        let sensor_inverted = door.boolean("sensor_inverted", false);
        let port = port?;
        let place = (port, board?, lock?);
        if let Some(protocol) = self.ports[port].1.as_ref().map(|port| port.protocol) {
            refuse_outside(door, protocol, place)?;
        }
        if let Some(other) = self.taken.get(&place) {
            let complaint =
                format!("of board {} is already the lock of compartment {other}", place.1);
            door.refuse("lock", &complaint);
            return None;
        }
        self.taken.insert(place, number.unwrap_or_default());
        let (board, lock) = (u8::try_from(place.1).ok()?, u8::try_from(place.2).ok()?);
        Some(BusLock { port, board, lock, sensor_inverted })
    }

    /// They are not used, but they may stand there for the day that the driver is changed.
    pub(super) fn pass_over(door: &mut Section<'_, '_>) {
        door.text("port");
        door.optional_whole("board", 0..=255);
        door.optional_whole("lock", 1..=255);
    }

    fn find_port(&self, door: &mut Section<'_, '_>) -> Option<usize> {
        let names: Vec<_> = self.ports.iter().map(|(name, _)| name.as_deref()).collect();
        let known = || {
            let quoted: Vec<_> = names.iter().flatten().map(|name| format!("\"{name}\"")).collect();
            quoted.join(" or ")
        };
        match door.text("port") {
            Some(given) => {
                let found = names.iter().position(|name| *name == Some(given.as_str()));
                if found.is_none() && names.iter().any(Option::is_some) {
                    door.refuse("port", &format!("is not known: give {}", known()));
                } else if found.is_none() {
                    door.refuse("port", "is not known: no [[cabinet.port]] has a name");
                }
                found
            }
            None if names.len() == 1 => Some(0),
            None => {
                if !names.is_empty() {
                    door.missing("port", "there are several ports: give the name of its own");
                }
                None
            }
        }
    }
}

fn refuse_outside(
    door: &mut Section<'_, '_>,
    protocol: BusProtocol,
    (_, board, lock): (usize, u64, u64),
) -> Option<()> {
    let (boards, locks) = protocol.limits();
    let (first, last) = (boards.start(), boards.end());
    if !boards.contains(&board) {
        let complaint = format!("is out of range for these boards: give {first} to {last}");
        door.refuse("board", &complaint);
    }
    if lock > locks {
        door.refuse("lock", &format!("is out of range for these boards: give 1 to {locks}"));
    }
    (boards.contains(&board) && lock <= locks).then_some(())
}

fn read_port(section: &mut Section<'_, '_>, device: Option<PathBuf>) -> Option<BusPort> {
    if device.is_none() {
        section.missing("device", "give the port's path, best one below /dev/serial/by-id");
    }
    let protocol = read_protocol(section);
    let given = section.optional_whole("baud", 1200..=1_000_000);
    let given = given.and_then(|baud| u32::try_from(baud).ok());
    let baud = given.or_else(|| protocol?.usual_baud());
    if protocol.is_some() && baud.is_none() {
        section
            .missing("baud", "no source tells the speed of these boards: try 9600, 19200, 115200");
    }
    let parities = [("none", BusParity::None), ("even", BusParity::Even), ("odd", BusParity::Odd)];
    let parity = section.choice("parity", &parities).unwrap_or(BusParity::None);
    let answer_within = section.millis("answer_ms", 20..=500, 200);
    let open_answer_within = section.millis("open_answer_ms", 100..=2500, 2000);
    let gap = section.millis("gap_ms", 0..=200, 50);
    let poll_every = section.millis("poll_ms", 100..=5000, 250);
    let board_pulse = section.millis("board_pulse_ms", 50..=1000, 550);
    Some(BusPort {
        device: device?,
        protocol: protocol?,
        baud: baud?,
        parity,
        answer_within,
        open_answer_within,
        gap,
        poll_every,
        board_pulse,
    })
}

fn read_protocol(section: &mut Section<'_, '_>) -> Option<BusProtocol> {
    // Asked for with every protocol, so that a file may keep them when the boards are changed.
    let open_is_answered = section.boolean("open_is_answered", false);
    let high_nibble_is_board = section.boolean("high_nibble_is_board", true);
    let channels = section.count("channels", 1..=32, 8);
    let channels = u8::try_from(channels).ok()?;
    let cu16 = BusProtocol::KerongCu16 { open_is_answered, high_nibble_is_board };
    let words = [
        ("kerong-cu16", cu16),
        ("kerong-cu48", BusProtocol::KerongCu48),
        ("kerong-cu48-modbus", BusProtocol::KerongCu48Modbus),
        ("wkly", BusProtocol::Wkly),
        ("winnsen", BusProtocol::Winnsen),
        ("modbus-relay", BusProtocol::ModbusRelay { channels }),
    ];
    let protocol = section.choice("protocol", &words);
    if protocol.is_none() {
        section.missing("protocol", "say what the boards speak; docs/hardware.md tells them apart");
    }
    protocol
}
