//! The manifest: parsed once, checked once, then only read.

use std::path::Path;

use super::raw::RawManifest;
use super::recipe::{DetectorRecipe, InputRecipe, Task};
use super::verify::Digest;
use crate::core::calibration::Calibration;
use crate::core::ids::ModelId;

/// The default set's manifest, as it was when the program was built.
const DEFAULT: &str = include_str!("../../models/models.toml");

/// Why a manifest cannot be used. Every variant names the entry and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("the manifest {path} cannot be read: {cause}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Not TOML, a field too many, one too few, or a value of the wrong kind.
    #[error("the manifest does not parse: {0}")]
    Syntax(String),
    /// It parses but contradicts itself.
    #[error("manifest entry {entry}: {problem}")]
    Entry {
        /// Which entry, for instance `file 'fr_detect'`.
        entry: String,
        /// What is wrong with it and what to do.
        problem: String,
    },
}

/// A checked manifest: every name resolves, names are unique, every role is filled by a model of that role.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub(super) set: ModelSet,
    pub(super) archives: Vec<Archive>,
    pub(super) files: Vec<FileEntry>,
}

/// Which model does what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSet {
    /// What the set is called.
    pub name: String,
    /// Finds faces.
    pub detector: String,
    /// Finds the five points; absent when the detector gives them.
    pub landmarks: Option<String>,
    /// Makes templates.
    pub embedder: String,
    /// Judge liveness; their mean counts. At least one.
    pub liveness: Vec<String>,
}

/// A package as its registry delivers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// Its name in this manifest.
    pub name: String,
    /// Who delivers it.
    pub registry: Registry,
    /// What it is.
    pub kind: ArchiveKind,
    /// The package's name at the registry.
    pub package: String,
    /// The exact version.
    pub version: String,
    /// The name the registry's client saves it under.
    pub file: String,
    /// What its bytes hash to.
    pub sha256: Digest,
    /// Its size.
    pub bytes: u64,
    /// Only needed on this architecture, as `std::env::consts::ARCH` names it.
    pub arch: Option<String>,
    /// For wheels: what to ask pip for.
    pub platform: Option<PipPlatform>,
}

/// What makes pip deliver a wheel for a given machine, whichever machine it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipPlatform {
    /// Values of `--platform`, in order.
    pub platforms: Vec<String>,
    /// Value of `--python-version`.
    pub python: String,
}

/// A package registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registry {
    /// The npm registry, through `npm`.
    Npm,
    /// The Python Package Index, through `pip`.
    Pypi,
}

impl Registry {
    /// Its name as the manifest spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
        }
    }
}

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveKind {
    /// A gzipped tar made by `npm pack`.
    NpmPack,
    /// A gzipped tar: a Python source distribution.
    Sdist,
    /// A zip: a Python wheel.
    Wheel,
}

/// One file of the set.
#[derive(Debug, Clone, PartialEq)]
pub struct FileEntry {
    /// Its name in this manifest.
    pub name: String,
    /// Its name in the model directory: no folders.
    pub file: String,
    /// Where it comes from; without one it must be put in place by hand.
    pub origin: Option<Origin>,
    /// What its bytes hash to.
    pub sha256: Digest,
    /// Under which terms it may be used.
    pub licence: String,
    /// What it is.
    pub content: Content,
}

impl FileEntry {
    /// Whether a machine of this architecture needs the file.
    pub fn serves(&self, arch: &str) -> bool {
        match &self.content {
            Content::Runtime { arch: own } => own == arch,
            Content::Model { .. } | Content::Sample => true,
        }
    }
}

/// A file's place in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The archive's name in this manifest.
    pub archive: String,
    /// The path inside it.
    pub member: String,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// The ONNX Runtime library of one architecture.
    Runtime {
        /// As `std::env::consts::ARCH` names it.
        arch: String,
    },
    /// A model with its recipe.
    Model {
        /// How it is fed.
        input: InputRecipe,
        /// What it is for.
        task: Task,
    },
    /// A photo for tests, the demonstration and the benchmark.
    Sample,
}

impl Manifest {
    /// Parses and checks a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let raw: RawManifest =
            toml::from_str(text).map_err(|e| ManifestError::Syntax(e.to_string()))?;
        raw.check()
    }

    /// Reads, parses and checks a manifest.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ManifestError::Unreadable {
            path: path.display().to_string(),
            cause,
        })?;
        Self::parse(&text)
    }

    /// The default set, built in.
    pub fn default_set() -> Self {
        Self::parse(DEFAULT).expect("the built-in manifest is checked by a test")
    }

    /// Which model does what.
    pub fn set(&self) -> &ModelSet {
        &self.set
    }

    /// All archives.
    pub fn archives(&self) -> &[Archive] {
        &self.archives
    }

    /// All files.
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The archive of that name.
    pub fn archive(&self, name: &str) -> Option<&Archive> {
        self.archives.iter().find(|archive| archive.name == name)
    }

    /// The file of that name.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The ONNX Runtime library for an architecture.
    pub fn runtime(&self, arch: &str) -> Option<&FileEntry> {
        self.files
            .iter()
            .find(|file| matches!(&file.content, Content::Runtime { .. }) && file.serves(arch))
    }

    /// The model of that name with its recipe.
    pub fn model(&self, name: &str) -> Option<(&FileEntry, &InputRecipe, &Task)> {
        let file = self.file(name)?;
        match &file.content {
            Content::Model { input, task } => Some((file, input, task)),
            Content::Runtime { .. } | Content::Sample => None,
        }
    }

    /// Names what makes templates of this set comparable: the embedder's bytes and how it is fed. Templates
    /// with another id are never compared.
    pub fn template_model(&self) -> ModelId {
        let (file, input, _) = self.model(&self.set.embedder).expect("checked when parsed");
        let recipe = format!("{}{input:?}", file.sha256);
        let digest = Digest::of(recipe.as_bytes()).to_string();
        let name: String = file.name.chars().take(40).collect();
        ModelId::new(format!("{name}@{}", &digest[..16])).expect("names are checked when parsed")
    }

    /// What similarity of this set's templates keeps to which false match rate; empty where nothing was measured.
    pub fn calibration(&self) -> Calibration {
        let table = match self.model(&self.set.embedder) {
            Some((_, _, Task::Embedder(recipe))) => recipe.calibration.as_ref(),
            Some((_, _, Task::Detector(_) | Task::Landmarks(_) | Task::Liveness(_))) | None => None,
        };
        table.and_then(|table| table.calibration().ok()).unwrap_or_default()
    }

    pub(super) fn needs_landmarks(&self) -> bool {
        match self.model(&self.set.detector) {
            Some((_, _, Task::Detector(recipe))) => !DetectorRecipe::gives_points(recipe),
            Some((_, _, Task::Landmarks(_) | Task::Embedder(_) | Task::Liveness(_))) | None => true,
        }
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
