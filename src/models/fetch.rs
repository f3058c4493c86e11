//! Brings the files of a manifest into the model directory, by the registries' own clients (`pip`, `npm`).
//!
//! Nothing is unpacked before its archive's hash is right, nothing lands under its name before its own is, and a
//! file that is already right is never fetched again.

mod clients;
mod failure;
mod landing;
mod private_npm;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use clients::Clients;
pub use failure::{FetchError, Trouble};

use super::manifest::{Archive, Content, FileEntry, Origin, Registry};
use super::verify::{Digest, ModelStore};
use clients::Order;
use landing::Landing;
pub(super) use landing::place;

/// Where archives are kept, inside the model directory.
pub const ARCHIVES: &str = "archives";

/// How often a registry is asked, and how long to wait in between.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How often in all.
    pub attempts: u32,
    /// Before the second attempt; twice as long before the third, and so on.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 3, pause: Duration::from_secs(3) }
    }
}

/// Which files of the manifest are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For which machine, as `std::env::consts::ARCH` names it.
    pub arch: String,
    /// The photos for tests, demonstration and benchmark as well.
    pub samples: bool,
}

impl Wanted {
    /// Whether this file is among them.
    pub fn includes(&self, file: &FileEntry) -> bool {
        match &file.content {
            Content::Runtime { .. } | Content::Model { .. } => file.serves(&self.arch),
            Content::Sample => self.samples,
        }
    }
}

/// What a fetch has to tell while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A client is asked for a package.
    Fetching {
        /// Package and version.
        what: String,
        /// The size of its archive, in bytes.
        bytes: u64,
    },
    /// The archive is here and its hash is right.
    Fetched {
        /// Package and version.
        what: String,
        /// How long it took.
        took: Duration,
    },
    /// There is no npm here: a private copy is fetched first, used, and thrown away.
    NoNpm,
    /// It did not work and will be tried again.
    Again {
        /// What was tried.
        what: String,
        /// What went wrong.
        because: &'static str,
        /// How long is waited before.
        pause: Duration,
    },
    /// A file is in its place.
    Placed {
        /// Its name in the model directory.
        file: String,
    },
}

/// How a fetch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How many of the wanted files are right now: all of them.
    pub right: usize,
    /// How many of them had to be put in place for that.
    pub placed: usize,
}

/// Fetches what is missing or altered among the wanted files.
pub struct Fetcher<'a> {
    store: &'a ModelStore,
    clients: &'a Clients,
    patience: Patience,
    tell: &'a mut dyn FnMut(&Progress),
}

impl<'a> Fetcher<'a> {
    /// A fetcher into the store's directory; `tell` hears what it does.
    pub fn new(
        store: &'a ModelStore,
        clients: &'a Clients,
        patience: Patience,
        tell: &'a mut dyn FnMut(&Progress),
    ) -> Self {
        Self { store, clients, patience, tell }
    }

    /// Makes every wanted file right. A file that no registry has is an error, once all others are right.
    pub fn fetch(mut self, wanted: &Wanted) -> Result<Outcome, FetchError> {
        let manifest = self.store.manifest();
        if manifest.runtime(&wanted.arch).is_none() {
            return Err(FetchError::NoRuntime { arch: wanted.arch.clone() });
        }
        let files: Vec<_> = manifest.files().iter().filter(|f| wanted.includes(f)).collect();
        let lacking: Vec<_> =
            files.iter().copied().filter(|f| self.store.bytes(&f.name).is_err()).collect();
        let mut placed = 0;
        for archive in manifest.archives() {
            placed += self.unpack(archive, &lacking)?;
        }
        let by_hand: Vec<_> =
            lacking.iter().filter(|f| f.origin.is_none()).map(|f| f.file.clone()).collect();
        if by_hand.is_empty() {
            return Ok(Outcome { right: files.len(), placed });
        }
        Err(FetchError::ByHand { files: by_hand, dir: self.store.dir().to_owned() })
    }

    /// Puts those of the lacking files in place that this archive holds; how many they were.
    fn unpack(&mut self, archive: &Archive, lacking: &[&FileEntry]) -> Result<usize, FetchError> {
        let held: Vec<(&FileEntry, &Origin)> = lacking
            .iter()
            .filter_map(|file| Some((*file, file.origin.as_ref()?)))
            .filter(|(_, origin)| origin.archive == archive.name)
            .collect();
        if held.is_empty() {
            return Ok(0);
        }
        let path = self.archive(archive)?;
        for (file, origin) in &held {
            let bytes = self.clients.member(&path, archive.kind, &origin.member)?;
            let (found, expected) = (Digest::of(&bytes), file.sha256);
            if found != expected {
                return Err(FetchError::WrongMember {
                    archive: archive.file.clone(),
                    member: origin.member.clone(),
                    found,
                    expected,
                });
            }
            place(&self.store.dir().join(&file.file), &bytes)?;
            (self.tell)(&Progress::Placed { file: file.file.clone() });
        }
        Ok(held.len())
    }

    /// The path of an archive whose bytes are right: kept from an earlier run, or fetched now.
    fn archive(&mut self, archive: &Archive) -> Result<PathBuf, FetchError> {
        let folder = self.store.dir().join(ARCHIVES);
        let path = folder.join(&archive.file);
        if std::fs::read(&path).is_ok_and(|bytes| Digest::of(&bytes) == archive.sha256) {
            return Ok(path);
        }
        let landing = Landing::open(&folder)?;
        let fetched = match archive.registry {
            Registry::Pypi => self.by_pip(archive, landing.path())?,
            Registry::Npm => self.by_npm(archive, landing.path())?,
        };
        place(&path, &fetched)?;
        Ok(path)
    }

    fn by_pip(&mut self, archive: &Archive, into: &Path) -> Result<Vec<u8>, FetchError> {
        let order = self.clients.pip_download(archive, into)?;
        self.delivered(archive, order, into)
    }

    fn by_npm(&mut self, archive: &Archive, into: &Path) -> Result<Vec<u8>, FetchError> {
        let order = match self.clients.npm_pack(archive, into) {
            Some(order) => order,
            None => self.private_npm(into)?.pack(archive, into),
        };
        self.delivered(archive, order, into)
    }

    /// Fetches and unpacks an npm of our own, for a machine that has none.
    fn private_npm(&mut self, into: &Path) -> Result<private_npm::PrivateNpm, FetchError> {
        let wheel = self.clients.private_npm.clone().ok_or(FetchError::NoNpm)?;
        (self.tell)(&Progress::NoNpm);
        let bytes = self.by_pip(&wheel, into)?;
        place(&into.join(&wheel.file), &bytes)?;
        self.clients.unpack_all(&into.join(&wheel.file), into)?;
        private_npm::PrivateNpm::unpacked(into)
    }

    /// Carries out an order until it works or patience is over; then the archive's bytes, if they are right.
    fn delivered(
        &mut self,
        archive: &Archive,
        mut order: Order,
        into: &Path,
    ) -> Result<Vec<u8>, FetchError> {
        let what = format!("{} {}", archive.package, archive.version);
        let began = now();
        (self.tell)(&Progress::Fetching { what: what.clone(), bytes: archive.bytes });
        for attempt in 1.. {
            let Err(refusal) = order.carry_out() else { break };
            if attempt >= self.patience.attempts || !refusal.trouble.may_pass() {
                return Err(FetchError::Client { what, attempts: attempt, refusal });
            }
            let pause = self.patience.pause * 2_u32.saturating_pow(attempt - 1);
            let because = refusal.trouble.meaning();
            (self.tell)(&Progress::Again { what: what.clone(), because, pause });
            wait(pause);
        }
        let bytes = landing::delivered(into, &archive.file)?;
        let (found, expected) = (Digest::of(&bytes), archive.sha256);
        if found != expected {
            let file = archive.file.clone();
            return Err(FetchError::WrongArchive { file, what, found, expected });
        }
        (self.tell)(&Progress::Fetched { what, took: began.elapsed() });
        Ok(bytes)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the person at the terminal is told how long it took"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a registry that did not answer is given time")]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}
