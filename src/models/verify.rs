//! Nothing is used whose bytes are not the ones the manifest names: a file is read once, these bytes are
//! hashed, and these same bytes are handed on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::manifest::{FileEntry, Manifest};
use super::prepared::Form;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Digest([u8; 32]);

/// A text that is not a SHA-256.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a SHA-256: give 64 lower-case hexadecimal digits")]
pub struct BadDigest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl FromStr for Digest {
    type Err = BadDigest;
    fn from_str(text: &str) -> Result<Self, BadDigest> {
        let bad = || BadDigest(text.chars().take(80).collect());
        let digits = text.as_bytes();
        let lawful = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        if digits.len() != 64 || !digits.iter().all(lawful) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = BadDigest;
    fn try_from(text: String) -> Result<Self, BadDigest> {
        text.parse()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A file of the set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The manifest has no such file.
    #[error("the manifest lists no file called '{0}'")]
    Unlisted(String),
    /// There is no ONNX Runtime for this machine in the manifest.
    #[error("the manifest lists no ONNX Runtime for {0}: add a file of kind runtime for it")]
    NoRuntime(String),
    /// The file is not there.
    #[error("{name} is missing: {path} does not exist; {remedy}")]
    Missing {
        /// The entry.
        name: String,
        /// Where it should be.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
    /// The file cannot be read.
    #[error("{name} cannot be read from {path}: {cause}")]
    Unreadable {
        /// The entry.
        name: String,
        /// Where it is.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is another one.
    #[error(
        "{name} is not the file the manifest names, so it is not used: {path} has SHA-256 {found}, \
         expected {expected}; remove it and run: locker-agent models fetch"
    )]
    Altered {
        /// The entry.
        name: String,
        /// Where it is.
        path: PathBuf,
        /// What its bytes hash to.
        found: Digest,
        /// What they should hash to.
        expected: Digest,
    },
}

const FETCH: &str = "run: locker-agent models fetch (or make models)";
const BY_HAND: &str = "no package registry has it: put it there by hand";

/// A manifest and the directory its files lie in.
#[derive(Debug, Clone)]
pub struct ModelStore {
    manifest: Manifest,
    dir: PathBuf,
    beside_manifest: Option<PathBuf>,
    only_form: Option<Form>,
}

impl ModelStore {
    /// A store over a manifest's files in `dir`.
    pub fn new(manifest: Manifest, dir: impl Into<PathBuf>) -> Self {
        Self { manifest, dir: dir.into(), beside_manifest: None, only_form: None }
    }

    /// Files that no archive delivers may also lie here: the manifest's own directory.
    #[must_use]
    pub fn beside(mut self, manifest_dir: impl Into<PathBuf>) -> Self {
        self.beside_manifest = Some(manifest_dir.into());
        self
    }

    /// Hands out every model in one form, whatever was recorded: for checking and measuring.
    #[must_use]
    pub fn always(mut self, form: Form) -> Self {
        self.only_form = Some(form);
        self
    }

    pub(super) fn only_form(&self) -> Option<Form> {
        self.only_form
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The model directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the file of that name is, or should be. Says nothing about its bytes.
    pub fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        Ok(self.place(self.entry(name)?))
    }

    /// The verified bytes of the file of that name.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let entry = self.entry(name)?;
        let path = self.place(entry);
        let bytes = std::fs::read(&path).map_err(|cause| self.unread(entry, &path, cause))?;
        let found = Digest::of(&bytes);
        if found == entry.sha256 {
            return Ok(bytes);
        }
        Err(StoreError::Altered { name: name.to_owned(), path, found, expected: entry.sha256 })
    }

    /// The path of this machine's ONNX Runtime library, whose bytes have just been verified. A library is
    /// loaded by path, so whoever may write to the model directory may still change it in between.
    pub fn runtime(&self) -> Result<PathBuf, StoreError> {
        let arch = std::env::consts::ARCH;
        let entry =
            self.manifest.runtime(arch).ok_or_else(|| StoreError::NoRuntime(arch.to_owned()))?;
        self.bytes(&entry.name)?;
        Ok(self.place(entry))
    }

    fn entry(&self, name: &str) -> Result<&FileEntry, StoreError> {
        self.manifest.file(name).ok_or_else(|| StoreError::Unlisted(name.to_owned()))
    }

    fn place(&self, entry: &FileEntry) -> PathBuf {
        let usual = self.dir.join(&entry.file);
        match &self.beside_manifest {
            Some(beside) if entry.origin.is_none() && !usual.exists() => {
                let other = beside.join(&entry.file);
                if other.exists() { other } else { usual }
            }
            Some(_) | None => usual,
        }
    }

    fn unread(&self, entry: &FileEntry, path: &Path, cause: std::io::Error) -> StoreError {
        let (name, path) = (entry.name.clone(), path.to_owned());
        if cause.kind() == std::io::ErrorKind::NotFound {
            let remedy = if entry.origin.is_some() { FETCH } else { BY_HAND };
            return StoreError::Missing { name, path, remedy };
        }
        StoreError::Unreadable { name, path, cause }
    }
}

/// Where models lie unless told otherwise: `$LOCKER_AGENT_MODELS`, else `$XDG_CACHE_HOME/locker-agent/models`,
/// else `~/.cache/locker-agent/models`.
pub fn default_dir() -> PathBuf {
    let given = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    given("LOCKER_AGENT_MODELS").unwrap_or_else(|| {
        given("XDG_CACHE_HOME")
            .or_else(|| given("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(|| PathBuf::from("/var/cache"))
            .join("locker-agent/models")
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn store(dir: &Path) -> ModelStore {
        ModelStore::new(Manifest::default_set(), dir)
    }

    #[test]
    fn a_file_with_other_bytes_is_never_handed_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("fr_detect.onnx"), b"not the model").unwrap();
        let error = store(dir.path()).bytes("fr_detect").unwrap_err();
        assert!(matches!(error, StoreError::Altered { .. }), "{error}");
        assert!(error.to_string().contains("not used"), "{error}");
    }

    #[test]
    fn a_missing_file_names_its_place_and_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let error = store(dir.path()).bytes("fr_detect").unwrap_err().to_string();
        assert!(error.contains("fr_detect.onnx") && error.contains("models fetch"), "{error}");
        assert!(matches!(store(dir.path()).bytes("nobody"), Err(StoreError::Unlisted(_))));
    }

    #[test]
    fn a_file_without_an_archive_may_lie_beside_the_manifest() {
        let (dir, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let text = include_str!("../../models/opencv-minifasnet.toml");
        let store = ModelStore::new(Manifest::parse(text).unwrap(), dir.path());
        assert!(store.path("yunet").unwrap().starts_with(dir.path()));
        let file = beside.path().join("face_detection_yunet_2023mar.onnx");
        std::fs::write(&file, b"x").unwrap();
        assert_eq!(store.beside(beside.path()).path("yunet").unwrap(), file);
    }

    #[test]
    fn a_digest_reads_back_what_it_writes() {
        let digest = Digest::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        for bad in ["", "ba78", &text.to_uppercase(), &format!("{}é", &text[..62])] {
            assert!(bad.parse::<Digest>().is_err(), "{bad} was accepted");
        }
    }
}
