//! Simulated lock boards at the other end of a pty. They are written from the description of the frames, not with the
//! program's own code, and can be told to misbehave.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use locker_agent::locks::rs485::Protocol;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What goes wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It comes only together with the answer to the next request of any board.
    Late,
    /// One byte of it is another.
    Garbled,
    /// Its second half is missing.
    Truncated,
    /// It comes from another address.
    OtherAddress,
    /// It does not come.
    Silent,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Open { board: u8, lock: u8 },
    Doors { board: u8 },
    AllOff { board: u8 },
}

pub(crate) struct World {
    protocol: Protocol,
    /// By board: whether each of its doors is shut, from lock 1.
    pub(crate) shut: BTreeMap<u8, Vec<bool>>,
    /// Boards that say nothing at all.
    pub(crate) dead: Vec<u8>,
    /// Boards that open, but do not tell their doors.
    pub(crate) blind: Vec<u8>,
    /// Whether doors spring open when their lock is given a pulse.
    pub(crate) doors_open: bool,
    /// Whether the adapter hears what it sends.
    pub(crate) echoes: bool,
    /// Faults of the next answers to opens.
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) asked: Vec<Asked>,
    late: Vec<u8>,
    ended: bool,
}

/// The boards of one port.
pub(crate) struct Boards {
    world: Arc<(Mutex<World>, Condvar)>,
    folder: tempfile::TempDir,
    thread: Option<JoinHandle<()>>,
}

impl Boards {
    /// Boards with these addresses and four locks each, all shut, at the other end of a port.
    pub(crate) fn new(protocol: Protocol, boards: &[u8]) -> Self {
        let world = World {
            protocol,
            shut: boards.iter().map(|&board| (board, vec![true; 4])).collect(),
            dead: Vec::new(),
            blind: Vec::new(),
            doors_open: true,
            echoes: false,
            faults: VecDeque::new(),
            asked: Vec::new(),
            late: Vec::new(),
            ended: false,
        };
        let world = Arc::new((Mutex::new(world), Condvar::new()));
        let mut boards = Self { world, folder: tempfile::tempdir().unwrap(), thread: None };
        boards.plug_in();
        boards
    }

    pub(crate) fn device(&self) -> PathBuf {
        self.folder.path().join("port")
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.0.lock().unwrap()
    }

    /// Waits until this has come true.
    pub(crate) fn wait_until(&self, what: impl Fn(&World) -> bool) {
        let patience = Duration::from_secs(20);
        let waited = self.world.1.wait_timeout_while(self.world(), patience, |world| !what(world));
        assert!(!waited.unwrap().1.timed_out(), "the boards were not asked what they should be");
    }

    /// Makes a port of the same name. The boards are as they were.
    pub(crate) fn plug_in(&mut self) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        // While somebody has this end open, the other does not report a hang-up that nobody caused.
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let other_end = rustix::fs::open(Path::new(&name), flags, Mode::empty()).unwrap();
        _ = std::fs::remove_file(self.device());
        symlink(name, self.device()).unwrap();
        self.world().ended = false;
        let world = Arc::clone(&self.world);
        self.thread = Some(std::thread::spawn(move || serve(&master, &other_end, &world)));
    }

    /// Pulls the adapter out.
    pub(crate) fn pull_out(&mut self) {
        self.world().ended = true;
        std::fs::remove_file(self.device()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Boards {
    fn drop(&mut self) {
        self.world().ended = true;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn serve(master: &OwnedFd, _other_end: &OwnedFd, world: &(Mutex<World>, Condvar)) {
    let mut request = Vec::new();
    let glance = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    while !world.0.lock().unwrap().ended {
        let mut files = [PollFd::new(master, PollFlags::IN)];
        if poll(&mut files, Some(&glance)).unwrap() == 0 {
            continue;
        }
        let mut room = [0; 64];
        let Ok(count) = rustix::io::read(master, &mut room) else { return };
        request.extend(&room[..count]);
        let mut world_now = world.0.lock().unwrap();
        while let Some(length) = whole(world_now.protocol, &request) {
            let frame: Vec<u8> = request.drain(..length).collect();
            let answer = world_now.hear(&frame);
            // In two pieces, as adapters deliver them.
            let (first, second) = answer.split_at(answer.len() / 2);
            for piece in [first, second] {
                _ = rustix::io::write(master, piece);
            }
        }
        world.1.notify_all();
    }
}

/// How long the request at the front is, once it is whole.
fn whole(protocol: Protocol, bytes: &[u8]) -> Option<usize> {
    let length = match protocol {
        Protocol::KerongCu16 { .. } => 5,
        Protocol::KerongCu48 | Protocol::Winnsen => 6,
        Protocol::KerongCu48Modbus | Protocol::ModbusRelay { .. } => 8,
        Protocol::Wkly => usize::from(*bytes.get(4)?),
    };
    (bytes.len() >= length).then_some(length)
}

impl World {
    pub(crate) fn opens(&self) -> usize {
        self.asked.iter().filter(|asked| matches!(asked, Asked::Open { .. })).count()
    }

    /// What comes back over the wire.
    fn hear(&mut self, frame: &[u8]) -> Vec<u8> {
        let mut back = if self.echoes { frame.to_vec() } else { Vec::new() };
        let asked = self.understand(frame);
        self.asked.push(asked);
        back.append(&mut self.late);
        let (Asked::Open { board, .. } | Asked::Doors { board } | Asked::AllOff { board }) = asked;
        if self.dead.contains(&board) || !self.shut.contains_key(&board) {
            return back;
        }
        match asked {
            Asked::Open { board, lock } => {
                if self.doors_open {
                    self.shut.get_mut(&board).unwrap()[usize::from(lock) - 1] = false;
                }
                let answer = self.opened(board, lock, frame);
                match self.faults.pop_front() {
                    None => back.extend(answer),
                    Some(Fault::Silent) => {}
                    Some(Fault::Late) => self.late = answer,
                    Some(Fault::Truncated) => back.extend(&answer[..answer.len() / 2]),
                    Some(Fault::OtherAddress) => back.extend(self.opened(board ^ 2, lock, frame)),
                    Some(Fault::Garbled) => {
                        let mut answer = answer;
                        answer[0] ^= 0x10;
                        back.extend(answer);
                    }
                }
            }
            Asked::Doors { board } if self.blind.contains(&board) => {}
            Asked::Doors { board } => back.extend(self.doors(board, frame)),
            Asked::AllOff { .. } => back.extend(frame),
        }
        back
    }

    fn understand(&self, frame: &[u8]) -> Asked {
        match self.protocol {
            Protocol::KerongCu16 { .. } => match frame[2] {
                0x31 => Asked::Open { board: frame[1] >> 4, lock: (frame[1] & 15) + 1 },
                _ => Asked::Doors { board: frame[1] >> 4 },
            },
            Protocol::KerongCu48 => match frame[3] {
                0x61 => Asked::Open { board: frame[1], lock: frame[2] + 1 },
                _ => Asked::Doors { board: frame[1] },
            },
            Protocol::Wkly => match frame[6] {
                0x82 => Asked::Open { board: frame[5], lock: frame[7] },
                _ => Asked::Doors { board: frame[5] },
            },
            Protocol::Winnsen => match frame[2] {
                0x05 => Asked::Open { board: frame[3], lock: frame[4] },
                _ => Asked::Doors { board: frame[3] },
            },
            Protocol::KerongCu48Modbus | Protocol::ModbusRelay { .. } => match frame[1] {
                5 if frame[3] == 0xFF => Asked::AllOff { board: frame[0] },
                5 => Asked::Open { board: frame[0], lock: frame[3] + 1 },
                _ => Asked::Doors { board: frame[0] },
            },
        }
    }

    fn opened(&self, board: u8, lock: u8, frame: &[u8]) -> Vec<u8> {
        match self.protocol {
            Protocol::KerongCu16 { open_is_answered: false, .. } => Vec::new(),
            Protocol::KerongCu16 { .. } => self.doors(board, frame),
            Protocol::KerongCu48 => summed(&[2, board, lock - 1, 0x75, 0]),
            Protocol::Wkly => xored(&[board, 0x82, 0, lock, 0]),
            Protocol::Winnsen => vec![0x90, 7, 0x85, board, lock, 1, 3],
            Protocol::KerongCu48Modbus | Protocol::ModbusRelay { .. } => {
                let mut answer = frame[..6].to_vec();
                answer[0] = board;
                checked(answer)
            }
        }
    }

    fn doors(&self, board: u8, frame: &[u8]) -> Vec<u8> {
        let all_shut = vec![true; 4];
        let shut = self.shut.get(&board).unwrap_or(&all_shut);
        let bits = shut.iter().rev().fold(0, |bits, shut| bits << 1 | u8::from(*shut));
        match self.protocol {
            Protocol::KerongCu16 { .. } => summed(&[2, board << 4, 0x35, bits, 0, 0, 0, 3]),
            Protocol::KerongCu48 => summed(&[2, board, 0, 0x75, 6, bits, 0, 0, 0, 0, 0]),
            Protocol::Wkly => {
                let mut body = vec![board, 0x84, 0, 4];
                body.extend(shut.iter().map(|shut| u8::from(*shut)));
                xored(&body)
            }
            Protocol::Winnsen => {
                let state = u8::from(!shut[usize::from(frame[4]) - 1]);
                vec![0x90, 7, 0x92, board, frame[4], state, 3]
            }
            Protocol::KerongCu48Modbus => checked(vec![board, 1, 6, bits, 0, 0, 0, 0, 0]),
            Protocol::ModbusRelay { .. } => checked(vec![board, 2, 1, bits]),
        }
    }
}

fn summed(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256;
    [body, &[u8::try_from(sum).unwrap()]].concat()
}

fn xored(body: &[u8]) -> Vec<u8> {
    let mut frame = b"WKLY".to_vec();
    frame.push(u8::try_from(body.len() + 6).unwrap());
    frame.extend(body);
    let check = frame.iter().fold(0, |check, byte| check ^ byte);
    frame.push(check);
    frame
}

fn checked(mut body: Vec<u8>) -> Vec<u8> {
    let mut crc = 0xFFFF_u16;
    for byte in &body {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            let carry = crc % 2 == 1;
            crc /= 2;
            if carry {
                crc ^= 0xA001;
            }
        }
    }
    body.extend(crc.to_le_bytes());
    body
}
