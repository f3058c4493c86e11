//! A second opinion on how far the journal had come, outside the database.
//!
//! When sled meets a damaged place in its log it takes it for the log's end, and everything behind it is
//! silently gone. This file notices: it names the newest record. It is written after the record is durable
//! and not waited for, so after a power cut it may lag behind, never run ahead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::contract::record::{digest, from_hex, to_hex};
use crate::core::ids::EventSeq;

/// Two places, written in turn, each in a sector of its own: a torn write spoils only one.
const SLOT_BYTES: usize = 512;
const SLOTS: u64 = 2;

/// The newest record, as the mark has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Newest {
    /// The journal's name.
    pub(crate) journal: String,
    /// The record's place; 0 for none yet.
    pub(crate) seq: EventSeq,
    /// Its digest; zeros for none yet.
    pub(crate) head: [u8; 32],
}

/// The open file.
pub(crate) struct Mark {
    file: File,
    turn: u64,
}

impl Mark {
    /// Opens the file, and reads what it says: `None` if it is new or nothing in it can be read.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Option<Newest>)> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path)?;
        let slots =
            (0..SLOTS).map(|slot| read_slot(&file, slot)).collect::<io::Result<Vec<_>>>()?;
        let newest = slots.into_iter().enumerate().filter_map(|(slot, found)| Some((slot, found?)));
        let best = newest.max_by_key(|(_, found)| found.seq);
        let turn = best.as_ref().map_or(0, |(slot, _)| *slot as u64 + 1);
        Ok((Self { file, turn }, best.map(|(_, found)| found)))
    }

    /// Writes the newest record down.
    pub(crate) fn write(&mut self, newest: &Newest) -> io::Result<()> {
        let text = format!("1 {} {} {}", newest.journal, newest.seq, to_hex(&newest.head));
        let mut slot = format!("{text} {}\n", to_hex(&digest(text.as_bytes()))).into_bytes();
        slot.resize(SLOT_BYTES, b' ');
        self.file.write_all_at(&slot, self.turn % SLOTS * SLOT_BYTES as u64)?;
        self.turn += 1;
        Ok(())
    }

    /// Waits until it would survive a pulled plug.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn read_slot(file: &File, slot: u64) -> io::Result<Option<Newest>> {
    let mut bytes = [0; SLOT_BYTES];
    match file.read_exact_at(&mut bytes, slot * SLOT_BYTES as u64) {
        Ok(()) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(slot: &[u8]) -> Option<Newest> {
    let (text, check) = std::str::from_utf8(slot).ok()?.trim_end().rsplit_once(' ')?;
    if from_hex(check)? != digest(text.as_bytes()) {
        return None;
    }
    let mut words = text.split(' ');
    let (version, journal) = (words.next()?, words.next()?);
    let (seq, head) = (words.next()?.parse().ok()?, from_hex(words.next()?)?);
    (version == "1").then(|| Newest { journal: journal.to_owned(), seq: EventSeq(seq), head })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn newest(seq: u64) -> Newest {
        Newest { journal: "5eed".to_owned(), seq: EventSeq(seq), head: [seq as u8; 32] }
    }

    #[test]
    fn a_torn_write_leaves_the_mark_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("newest");
        let (mut mark, found) = Mark::open(&path).unwrap();
        assert_eq!(found, None);
        for seq in 1..=4 {
            mark.write(&newest(seq)).unwrap();
        }
        assert_eq!(Mark::open(&path).unwrap().1, Some(newest(4)));
        for torn in 0..SLOT_BYTES as u64 {
            // The fourth stands in the second slot.
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[SLOT_BYTES + torn as usize..].fill(0);
            std::fs::write(&path, bytes).unwrap();
            let seq = Mark::open(&path).unwrap().1.unwrap().seq;
            assert!(seq == EventSeq(3) || seq == EventSeq(4));
            mark.turn = 1;
            mark.write(&newest(4)).unwrap();
        }
        let (mut mark, _) = Mark::open(&path).unwrap();
        mark.write(&newest(5)).unwrap();
        assert_eq!(Mark::open(&path).unwrap().1, Some(newest(5)));
    }
}
