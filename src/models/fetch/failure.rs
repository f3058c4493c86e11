//! What can go wrong while fetching, said so that the reader knows what to do.

use std::path::PathBuf;

use super::super::verify::Digest;

/// A file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The manifest has nothing for that machine.
    #[error(
        "the manifest lists no ONNX Runtime for '{arch}': use --arch x86_64 or --arch aarch64, or add a file \
         of kind runtime for it"
    )]
    NoRuntime {
        /// Which machine.
        arch: String,
    },
    /// There is no Python here.
    #[error(
        "python3 is not on the PATH; it is needed for pip: run: sudo apt-get install python3-pip"
    )]
    NoPython,
    /// There is neither an npm nor a private one for this machine.
    #[error(
        "npm is not on the PATH, and there is no private copy for this machine: run: sudo apt-get install npm"
    )]
    NoNpm,
    /// The client did not bring it.
    #[error("{what} was not fetched (attempts: {attempts}): {refusal}")]
    Client {
        /// Package and version.
        what: String,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt ended with.
        refusal: Refusal,
    },
    /// The client was content, yet the archive is not there.
    #[error(
        "{file} is not what the registry's client brought (it brought {found:?}): the manifest's archive name \
         or version is wrong"
    )]
    OtherFile {
        /// What was expected.
        file: String,
        /// What is there.
        found: Vec<String>,
    },
    /// The archive is another one.
    #[error(
        "{file} is not the archive the manifest names, so it was thrown away: its SHA-256 is {found}, expected \
         {expected}. Somebody changed {what} on the way or at the registry: do not use it; if the change is \
         known and wanted, the manifest has to be changed first"
    )]
    WrongArchive {
        /// The archive.
        file: String,
        /// Package and version.
        what: String,
        /// What it hashes to.
        found: Digest,
        /// What it should hash to.
        expected: Digest,
    },
    /// The archive is right, but what is in it is not what the manifest says.
    #[error(
        "{member} in {archive} is not the file the manifest names: its SHA-256 is {found}, expected {expected}. \
         The manifest contradicts itself: correct the file's sha256 or member"
    )]
    WrongMember {
        /// The archive.
        archive: String,
        /// The path in it.
        member: String,
        /// What it hashes to.
        found: Digest,
        /// What it should hash to.
        expected: Digest,
    },
    /// Python could not read the archive.
    #[error("{member} could not be unpacked from {archive}: {said}")]
    Unpack {
        /// The archive.
        archive: PathBuf,
        /// The path in it.
        member: String,
        /// What Python said.
        said: String,
    },
    /// Files that no registry has.
    #[error(
        "no package registry has {}: put it by hand into {} or beside the manifest, then run this again",
        files.join(", "), dir.display()
    )]
    ByHand {
        /// Their names.
        files: Vec<String>,
        /// The model directory.
        dir: PathBuf,
    },
    /// The disk is full.
    #[error("{path} was not written: the disk is full; free some space and run this again")]
    NoSpace {
        /// What was to be written.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{path} cannot be {doing}: {cause}")]
    Disk {
        /// What was tried with it, as in "cannot be written".
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

impl FetchError {
    pub(super) fn disk(
        doing: &'static str,
        path: impl Into<PathBuf>,
        cause: std::io::Error,
    ) -> Self {
        let path = path.into();
        let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
        if full.contains(&cause.kind()) {
            return Self::NoSpace { path };
        }
        Self::Disk { doing, path, cause }
    }
}

/// A client ended badly.
#[derive(Debug)]
pub struct Refusal {
    /// Which client.
    pub client: &'static str,
    /// What that means.
    pub trouble: Trouble,
    /// Its own words, the last that matter.
    pub said: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (meaning, advice) = (self.trouble.meaning(), self.trouble.advice());
        write!(f, "{meaning}: {advice}. {} said: {}", self.client, self.said)
    }
}

/// What a client's last words mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Python is there, pip is not.
    NoPip,
    /// The client cannot be started.
    NotStarted,
    /// The disk is full.
    NoSpace,
    /// The registry cannot be reached.
    Unreachable,
    /// The registry has no such version.
    NoSuchVersion,
    /// Anything else.
    Other,
}

impl Trouble {
    /// Reads it out of what a client wrote to its error output.
    pub fn read(said: &str) -> Self {
        let said = said.to_lowercase();
        let any = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
        if any(&["no module named pip", "no module named ensurepip"]) {
            Self::NoPip
        } else if any(&["no space left", "enospc", "errno 28"]) {
            Self::NoSpace
        } else if any(UNREACHABLE) {
            Self::Unreachable
        } else if any(&["no matching distribution", "code e404", "code etarget"]) {
            Self::NoSuchVersion
        } else {
            Self::Other
        }
    }

    /// Whether another attempt may end better.
    pub fn may_pass(self) -> bool {
        match self {
            Self::Unreachable | Self::Other => true,
            Self::NoPip | Self::NotStarted | Self::NoSpace | Self::NoSuchVersion => false,
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NoPip => "python3 has no pip",
            Self::NotStarted => "the client could not be started",
            Self::NoSpace => "the disk is full",
            Self::Unreachable => "the registry cannot be reached",
            Self::NoSuchVersion => "the registry has no such version for that machine",
            Self::Other => "the client failed",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::NoPip => "run: sudo apt-get install python3-pip",
            Self::NotStarted => "install it anew",
            Self::NoSpace => "free some space and run this again",
            Self::Unreachable => {
                "check the network and the proxy, or copy the model directory from a machine that is online, then \
                 run this again"
            }
            Self::NoSuchVersion => "check package and version in the manifest",
            Self::Other => "run this again; if it stays, run the client by hand to see more",
        }
    }
}

const UNREACHABLE: &[&str] = &[
    "name resolution",
    "name or service not known",
    "failed to establish a new connection",
    "network is unreachable",
    "no route to host",
    "connection refused",
    "connection reset",
    "connection aborted",
    "timed out",
    "enotfound",
    "eai_again",
    "econnrefused",
    "econnreset",
    "etimedout",
    "enetunreach",
    "ehostunreach",
    "err_socket_timeout",
    "proxyerror",
    "sslerror",
];

/// The line of an output that tells the trouble, else the last that speaks of an error, else the last; at most its
/// last 240 characters, where the cause stands.
pub(super) fn last_words(output: &str) -> String {
    let worth = |line: &&str| !line.is_empty() && !line.contains("A complete log of this run");
    let lines: Vec<&str> = output.lines().map(str::trim).filter(worth).collect();
    let trouble = Trouble::read(output);
    let telling = |line: &&&str| trouble != Trouble::Other && Trouble::read(line) == trouble;
    let error = |line: &&&str| line.to_lowercase().contains("error");
    let chosen = lines.iter().rfind(telling).or_else(|| lines.iter().rfind(error));
    let Some(line) = chosen.or(lines.last()) else { return "nothing".to_owned() };
    let surplus = line.chars().count().saturating_sub(240);
    line.chars().skip(surplus).collect()
}
