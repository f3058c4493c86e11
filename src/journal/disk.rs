//! A sled database that is durable when it says so.
//!
//! sled's own flush only starts the writing (`sync_file_range`): it survives a killed process, not a pulled
//! plug. So every commit here is a batch, sled's flush, and then `fdatasync` of the files that sled wrote.
//! After a failed commit nobody knows what the disk holds, and a second `fdatasync` may lie about the first:
//! the database takes no more commits until it is opened anew.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sled::{Batch, Db, Tree};

/// Enough for the pages of a working day; the whole database stays on disk.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// A closed database lets go of its lock a moment after it is dropped; this often we try again.
const LOCK_TRIES: u32 = 50;
const LOCK_TRY_EVERY: Duration = Duration::from_millis(20);

/// What happened to a database and what to do about it, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiskFault(pub(crate) String);

/// An open database in a folder of its own.
pub(crate) struct Disk {
    folder: PathBuf,
    db: Db,
    data: File,
    /// The large values that are durable already; sled keeps each in a file of its own and never changes it.
    durable_blobs: Mutex<BTreeSet<OsString>>,
    /// Why no more commits are taken.
    failed: Mutex<Option<String>>,
}

impl Disk {
    /// Opens the database in `folder`, or makes an empty one.
    pub(crate) fn open_or_create(folder: &Path) -> Result<Self, DiskFault> {
        let create = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        create.map_err(|error| {
            DiskFault(format!(
                "the folder cannot be made: {error}; check that its parent exists, is writable for this user \
                 and lies on a disk with room"
            ))
        })?;
        let disk = Self::open(folder)?;
        disk.settle().map_err(|error| DiskFault(out_of_reach("made durable", &error)))?;
        Ok(disk)
    }

    /// Opens the database in `folder`; it is an error if there is none.
    pub(crate) fn open_existing(folder: &Path) -> Result<Self, DiskFault> {
        match fs::metadata(folder.join("db")) {
            Ok(_) => Self::open(folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DiskFault(
                "there is none; give the state folder of the cabinet's configuration".to_owned(),
            )),
            Err(error) => Err(DiskFault(out_of_reach("opened", &error))),
        }
    }

    fn open(folder: &Path) -> Result<Self, DiskFault> {
        let db = open_patiently(folder)?;
        let data = File::open(folder.join("db"))
            .map_err(|error| DiskFault(out_of_reach("opened", &error)))?;
        let folder = folder.to_owned();
        Ok(Self { folder, db, data, durable_blobs: Mutex::default(), failed: Mutex::default() })
    }

    /// A table of the database.
    pub(crate) fn tree(&self, name: &str) -> Result<Tree, DiskFault> {
        guarded("read", || self.db.open_tree(name))
    }

    /// Applies the batch as one and returns when it would survive a pulled plug.
    pub(crate) fn commit(&self, tree: &Tree, batch: Batch) -> Result<(), DiskFault> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = &*failed {
            return Err(DiskFault(format!(
                "nothing more is recorded since this failed: {first}; then start the program again"
            )));
        }
        let applied = guarded("written", || {
            tree.apply_batch(batch)?;
            self.db.flush()
        });
        let done = applied.and_then(|_| {
            self.sync_files().map_err(|error| DiskFault(out_of_reach("made durable", &error)))
        });
        if let Err(DiskFault(problem)) = &done {
            *failed = Some(problem.clone());
        }
        done
    }

    /// Size on disk, in bytes.
    pub(crate) fn bytes(&self) -> Result<u64, DiskFault> {
        guarded("measured", || self.db.size_on_disk())
    }

    /// Makes what opening wrote durable: the files, and that they are in their folders.
    fn settle(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            File::open(path)?.sync_all()?;
        }
        self.sync_files()?;
        File::open(&self.folder)?.sync_all()?;
        self.folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }

    /// `fdatasync` of what a flush wrote. Large values are rare: usually the folder of them is empty.
    fn sync_files(&self) -> io::Result<()> {
        self.data.sync_data()?;
        let folder = self.folder.join("blobs");
        let mut durable = self.durable_blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut present = BTreeSet::new();
        let mut grown = false;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if !durable.contains(&entry.file_name()) {
                File::open(entry.path())?.sync_data()?;
                grown = true;
            }
            present.insert(entry.file_name());
        }
        *durable = present;
        if grown { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}

#[allow(clippy::disallowed_methods, reason = "waits for a lock that has no event")]
fn open_patiently(folder: &Path) -> Result<Db, DiskFault> {
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    for _ in 1..LOCK_TRIES {
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Err(sled::Error::Io(error))) if is_lock(&error) => {
                std::thread::sleep(LOCK_TRY_EVERY);
            }
            Ok(opened) => return opened.map_err(|error| DiskFault(said("opened", &error))),
            Err(_) => return Err(DiskFault(damaged("reading it made the storage engine give up"))),
        }
    }
    Err(DiskFault(
        "another process has it open, most likely the running daemon; stop that first \
         (systemctl stop locker-agent), or ask the hall's copy instead"
            .to_owned(),
    ))
}

/// How sled 0.34 reports that it did not get the lock of its file.
fn is_lock(error: &io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}

/// Calls sled, which panics on some kinds of damage instead of reporting them.
pub(crate) fn guarded<T>(
    operation: &str,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, DiskFault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| DiskFault(said(operation, &error))),
        Err(_) => Err(DiskFault(damaged("the storage engine gave up on it"))),
    }
}

fn said(operation: &str, error: &sled::Error) -> String {
    match error {
        sled::Error::Io(error) => out_of_reach(operation, error),
        sled::Error::Corruption { .. }
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::CollectionNotFound(_) => damaged(&error.to_string()),
    }
}

fn out_of_reach(operation: &str, error: &io::Error) -> String {
    // sled hands errors on as the debug form of the first one; their kind reads better.
    let told_by_kind = error.kind() != io::ErrorKind::Other;
    let reason = if told_by_kind { error.kind().to_string() } else { error.to_string() };
    format!(
        "it could not be {operation}: {reason}; check the disk, its free space and the folder's permissions"
    )
}

/// The sentence for a database that cannot be trusted.
pub(crate) fn damaged(what: &str) -> String {
    format!(
        "the database is damaged: {what}; keep the folder for whoever has to explain it (move it aside, do not \
         delete it) and start again with an empty one, or put a whole backup of the folder in its place"
    )
}
