//! The reference receiver's memory: one record a line, exactly the bytes that came.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::HallFault;
use super::ledger::{Irregularity, Ledger, Verdict};
use crate::contract::delivery;
use crate::core::ids::EventSeq;

/// An append-only file of events.
#[derive(Debug)]
pub struct EventStore {
    path: PathBuf,
    file: File,
}

/// What was found when a store was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store, ready for more.
    pub store: EventStore,
    /// What it holds.
    pub ledger: Ledger,
    /// How many events.
    pub events: usize,
    /// Sentences about what is not as it should be.
    pub remarks: Vec<String>,
}

impl EventStore {
    /// Opens a store or makes one. A last line without its end is what a power cut leaves: it is removed, because
    /// no receipt was sent for it. Any other damage is an error.
    pub fn open(path: &Path) -> Result<Opened, HallFault> {
        let fault =
            |problem: String| HallFault::Store { path: path.display().to_string(), problem };
        let io = |error: std::io::Error| fault(error.to_string());
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let mut remarks = Vec::new();
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(io)?;
            remarks
                .push(format!("removed an unfinished last line of {} bytes", bytes.len() - whole));
        }
        let (ledger, events) = read_lines(&bytes[..whole], &mut remarks).map_err(fault)?;
        file.sync_all().map_err(io)?;
        sync_folder(path).map_err(io)?;
        let store = Self { path: path.to_owned(), file };
        Ok(Opened { store, ledger, events, remarks })
    }

    /// Appends records and returns when they would survive a pulled plug.
    pub fn append<'a>(&mut self, records: impl Iterator<Item = &'a [u8]>) -> Result<(), HallFault> {
        let lines: Vec<u8> = records.flat_map(|record| [record, b"\n"].concat()).collect();
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        written.map_err(|error| HallFault::Store {
            path: self.path.display().to_string(),
            problem: format!("events could not be written, so no receipt was sent: {error}"),
        })
    }
}

fn read_lines(bytes: &[u8], remarks: &mut Vec<String>) -> Result<(Ledger, usize), String> {
    let mut ledger = Ledger::default();
    let mut events = 0;
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        events += 1;
        let damaged = |e| format!("event {events} cannot be read ({e}): restore it from a backup");
        let delivery = delivery::read(line).map_err(damaged)?;
        let seq = delivery.head.seq;
        // Whatever is in the store was kept once: a jump was reported then, and is again.
        match ledger.judge(&delivery, EventSeq(seq.0 - 1)) {
            Verdict::Keep(irregular) => {
                let journal = &delivery.head.journal;
                remarks.extend(irregular.iter().map(|what| remark(journal, seq, *what)));
            }
            Verdict::Repeat | Verdict::TooEarly { .. } | Verdict::Contradiction => {
                return Err(format!("event {events} is out of order: restore it from a backup"));
            }
        }
        ledger.kept(&delivery);
    }
    Ok((ledger, events))
}

/// An irregularity as a sentence.
pub fn remark(journal: &str, seq: EventSeq, irregularity: Irregularity) -> String {
    match irregularity {
        Irregularity::Missing { from, through } => format!(
            "journal {journal}: events {from} to {through} are missing, somebody else acknowledged them"
        ),
        Irregularity::BrokenChain => format!(
            "journal {journal}: event {seq} does not follow from the one before it: one of them was changed"
        ),
        Irregularity::Withheld => format!(
            "journal {journal}: event {seq} is too large for the broker, its content is only on the device"
        ),
    }
}

/// A new file is durable only when its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::contract::record::{NO_PREVIOUS, Record, digest, encode};
    use crate::core::event::Event;
    use crate::core::time::WallTime;

    fn chain(count: u64) -> Vec<Vec<u8>> {
        let mut prev = NO_PREVIOUS;
        let mut records = Vec::new();
        for seq in 1..=count {
            let event = Event::AgentStarted { version: "0.1.0".into() };
            let (journal, seq, at) = ("5eed".into(), EventSeq(seq), WallTime(seq));
            let bytes = encode(&Record { journal, seq, at, prev, event });
            prev = digest(&bytes);
            records.push(bytes);
        }
        records
    }

    fn stored(records: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut store = EventStore::open(&path).unwrap().store;
        store.append(records.iter().map(Vec::as_slice)).unwrap();
        (folder, path)
    }

    #[test]
    fn what_was_appended_is_known_after_a_restart() {
        let (_folder, path) = stored(&chain(5));
        let opened = EventStore::open(&path).unwrap();
        assert_eq!((opened.events, opened.ledger.through("5eed")), (5, EventSeq(5)));
        assert!(opened.remarks.is_empty());
    }

    #[test]
    fn a_line_that_a_power_cut_tore_is_removed() {
        let (_folder, path) = stored(&chain(2));
        let third = &chain(3)[2];
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&third[..third.len() / 2]).unwrap();
        let mut opened = EventStore::open(&path).unwrap();
        assert_eq!((opened.events, opened.remarks.len()), (2, 1));
        opened.store.append(std::iter::once(third.as_slice())).unwrap();
        let opened = EventStore::open(&path).unwrap();
        assert_eq!((opened.events, opened.remarks.len()), (3, 0));
    }

    #[test]
    fn gaps_and_changes_are_remarked_and_damage_is_refused() {
        let chain = chain(5);
        let (_folder, path) = stored(&[chain[0].clone(), chain[3].clone()]);
        let remarks = EventStore::open(&path).unwrap().remarks;
        assert!(remarks[0].contains("events 2 to 3 are missing"), "{remarks:?}");

        let changed = String::from_utf8(chain[0].clone()).unwrap().replace("0.1.0", "0.1.1");
        let (_folder, path) = stored(&[changed.into_bytes(), chain[1].clone()]);
        let remarks = EventStore::open(&path).unwrap().remarks;
        assert!(remarks[0].contains("event 2 does not follow"), "{remarks:?}");

        let (_folder, path) = stored(&[chain[0].clone(), b"nonsense".to_vec()]);
        assert!(EventStore::open(&path).unwrap_err().to_string().contains("event 2"));
    }
}
