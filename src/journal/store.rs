//! Opens a journal: a new one, or one of which nothing was lost.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use sled::{Batch, Tree};

use super::disk::{Disk, DiskFault, damaged, guarded};
use super::mark::{Mark, Newest};
use super::reader::JournalReader;
use super::writer::JournalWriter;
use crate::contract::record::{NO_PREVIOUS, digest, is_journal_id, to_hex};
use crate::core::ids::EventSeq;
use crate::ports::JournalFault;

/// The folder inside the state folder.
const FOLDER: &str = "journal";
/// The file of the mark, beside sled's own.
const MARK: &str = "newest";

/// The version of the tables and keys below; records carry a version of their own.
const SCHEMA: &[u8] = b"1";
const SCHEMA_KEY: &str = "schema";
const JOURNAL_KEY: &str = "journal";
/// Under this key of the table `meta` stands the place up to which the hall has the events.
pub(super) const ACKNOWLEDGED: &str = "acknowledged";

/// The key of a record in the table `events`: big endian, so that keys sort as places do.
pub(super) fn place_key(seq: EventSeq) -> [u8; 8] {
    seq.0.to_be_bytes()
}

/// The place a key stands for.
pub(super) fn place(key: &[u8]) -> Option<EventSeq> {
    key.try_into().ok().map(u64::from_be_bytes).map(EventSeq)
}

/// Opens journals.
pub struct Store;

impl Store {
    /// Opens the journal in a state folder, or begins one. Refuses a journal that lost anything: nothing is
    /// dropped and nothing overwritten.
    pub fn open(state_dir: &Path) -> Result<(JournalWriter, Arc<JournalReader>), JournalFault> {
        let path = state_dir.join(FOLDER);
        let fault = |DiskFault(problem)| JournalFault { path: path.display().to_string(), problem };
        let disk = Disk::open_or_create(&path).map_err(fault)?;
        begin(&path, disk, Purpose::Write).map_err(fault)
    }

    /// Opens an existing journal to look at it; nobody else may have it open, not even the daemon.
    pub fn open_to_read(state_dir: &Path) -> Result<Arc<JournalReader>, JournalFault> {
        let path = state_dir.join(FOLDER);
        let fault = |DiskFault(problem)| JournalFault { path: path.display().to_string(), problem };
        let found = Disk::open_existing(&path).and_then(|disk| begin(&path, disk, Purpose::Read));
        found.map(|(_, reader)| reader).map_err(fault)
    }
}

/// Whether a journal is opened to go on with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Write,
    Read,
}

fn begin(
    path: &Path,
    disk: Disk,
    purpose: Purpose,
) -> Result<(JournalWriter, Arc<JournalReader>), DiskFault> {
    let (events, meta) = (disk.tree("events")?, disk.tree("meta")?);
    let (mut mark, marked) = Mark::open(&path.join(MARK)).map_err(|error| mark_fault(&error))?;
    let (newest, head) = last_record(&events)?;
    let journal = match read(&meta, JOURNAL_KEY)? {
        Some(name) => known_journal(&meta, &name)?,
        None if newest > EventSeq(0) || marked.as_ref().is_some_and(|m| m.seq > EventSeq(0)) => {
            return Err(DiskFault(damaged("the journal's name is gone")));
        }
        None if purpose == Purpose::Read => {
            return Err(DiskFault("it was never begun; start the daemon once".to_owned()));
        }
        None => new_journal(&disk, &meta, &mut mark)?,
    };
    let acknowledged = acknowledged(&meta)?;
    if acknowledged > newest {
        return Err(lost(newest, acknowledged));
    }
    let current = Newest { journal: journal.clone(), seq: newest, head };
    if let Some(marked) = marked {
        compare(&marked, &current, &events)?;
    } else if newest != EventSeq(0) {
        return Err(DiskFault(damaged("the file 'newest' is missing or cannot be read")));
    }
    if purpose == Purpose::Write {
        mark.write(&current).and_then(|()| mark.sync()).map_err(|error| mark_fault(&error))?;
    }
    let reader = Arc::new(JournalReader {
        path: path.to_owned(),
        disk,
        events,
        meta,
        journal,
        newest: AtomicU64::new(newest.0),
        acknowledged: AtomicU64::new(acknowledged.0),
        moving: Mutex::new(()),
    });
    Ok((JournalWriter { reader: Arc::clone(&reader), mark, head, mark_lost: None }, reader))
}

/// Whether the database still holds the record that the mark names, and the same one.
fn compare(marked: &Newest, current: &Newest, events: &Tree) -> Result<(), DiskFault> {
    if marked.seq == EventSeq(0) {
        return Ok(());
    }
    if marked.journal != current.journal {
        let (this, that) = (&current.journal, &marked.journal);
        let mixed =
            format!("the database holds the journal {this}, the file 'newest' names {that}");
        return Err(DiskFault(damaged(&mixed)));
    }
    if marked.seq > current.seq {
        return Err(lost(current.seq, marked.seq));
    }
    let bytes = guarded("read", || events.get(place_key(marked.seq)))?;
    if bytes.is_none_or(|bytes| digest(&bytes) != marked.head) {
        let changed = format!("record {} is not the one that had been recorded", marked.seq);
        return Err(DiskFault(damaged(&changed)));
    }
    Ok(())
}

fn last_record(events: &Tree) -> Result<(EventSeq, [u8; 32]), DiskFault> {
    let Some((key, bytes)) = guarded("read", || events.last())? else {
        return Ok((EventSeq(0), NO_PREVIOUS));
    };
    let seq = place(&key).ok_or_else(|| {
        DiskFault(damaged("the last record has no place: its key is not 8 bytes"))
    })?;
    Ok((seq, digest(&bytes)))
}

fn known_journal(meta: &Tree, name: &[u8]) -> Result<String, DiskFault> {
    let schema = read(meta, SCHEMA_KEY)?.unwrap_or_default();
    if schema != SCHEMA {
        let found = String::from_utf8_lossy(&schema).into_owned();
        return Err(DiskFault(format!(
            "it has the schema '{found}', this program knows '1'; use the program that wrote it or a newer one"
        )));
    }
    let name = String::from_utf8_lossy(name).into_owned();
    if is_journal_id(&name) { Ok(name) } else { Err(DiskFault(damaged("its name is no name"))) }
}

/// The mark first: a journal whose mark is missing has lost it.
fn new_journal(disk: &Disk, meta: &Tree, mark: &mut Mark) -> Result<String, DiskFault> {
    let mut name = [0; 16];
    OsRng.try_fill_bytes(&mut name).map_err(|error| {
        DiskFault(format!("the system gives no random name for it: {error}; start it again"))
    })?;
    let journal = to_hex(&name);
    let newest = Newest { journal: journal.clone(), seq: EventSeq(0), head: NO_PREVIOUS };
    mark.write(&newest).and_then(|()| mark.sync()).map_err(|error| mark_fault(&error))?;
    let mut batch = Batch::default();
    batch.insert(JOURNAL_KEY, journal.as_str());
    batch.insert(SCHEMA_KEY, SCHEMA);
    disk.commit(meta, batch)?;
    Ok(journal)
}

fn acknowledged(meta: &Tree) -> Result<EventSeq, DiskFault> {
    match read(meta, ACKNOWLEDGED)? {
        None => Ok(EventSeq(0)),
        Some(bytes) => place(&bytes)
            .ok_or_else(|| DiskFault(damaged("the mark of the hall's receipts is not 8 bytes"))),
    }
}

fn read(meta: &Tree, key: &str) -> Result<Option<Vec<u8>>, DiskFault> {
    guarded("read", || meta.get(key)).map(|found| found.map(|bytes| bytes.to_vec()))
}

fn lost(newest: EventSeq, known: EventSeq) -> DiskFault {
    DiskFault(damaged(&format!("it ends at record {newest}, but {known} had been recorded")))
}

fn mark_fault(error: &std::io::Error) -> DiskFault {
    DiskFault(format!("the file 'newest' cannot be used: {error}; check the disk and permissions"))
}
