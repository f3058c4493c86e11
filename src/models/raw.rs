//! The manifest as it is written, and the one place where it is checked.

use serde::Deserialize;

use super::manifest::{
    Archive, ArchiveKind, Content, FileEntry, Manifest, ManifestError, ModelSet, Origin,
    PipPlatform, Registry,
};
use super::recipe::{
    DetectorRecipe, EmbedderRecipe, InputRecipe, LandmarkRecipe, LivenessRecipe, Task,
};
use super::verify::Digest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawManifest {
    schema: u32,
    set: RawSet,
    #[serde(default)]
    archive: Vec<RawArchive>,
    #[serde(default)]
    file: Vec<RawFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    name: String,
    detector: String,
    landmarks: Option<String>,
    embedder: String,
    liveness: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArchive {
    name: String,
    registry: Registry,
    kind: ArchiveKind,
    package: String,
    version: String,
    file: String,
    sha256: Digest,
    bytes: u64,
    arch: Option<String>,
    platforms: Option<Vec<String>>,
    python: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    name: String,
    kind: RawKind,
    arch: Option<String>,
    file: String,
    archive: Option<String>,
    member: Option<String>,
    sha256: Digest,
    licence: String,
    input: Option<InputRecipe>,
    detector: Option<DetectorRecipe>,
    landmarks: Option<LandmarkRecipe>,
    embedder: Option<EmbedderRecipe>,
    liveness: Option<LivenessRecipe>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Runtime,
    Model,
    Sample,
}

fn wrong(entry: &str, problem: impl Into<String>) -> ManifestError {
    ManifestError::Entry { entry: entry.to_owned(), problem: problem.into() }
}

/// A package's name or version as it is handed to a registry's client: nothing that reads as an option.
fn plain_word(word: &str) -> bool {
    let word = word.strip_prefix('@').unwrap_or(word);
    word.split('/').count() <= 2 && word.split('/').all(plain_name)
}

fn plain_member(member: &str) -> bool {
    member.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn plain_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+".contains(&b);
    !name.is_empty()
        && name.len() <= 120
        && !name.starts_with(['.', '-'])
        && name.bytes().all(allowed)
}

impl RawManifest {
    pub(super) fn check(self) -> Result<Manifest, ManifestError> {
        if self.schema != 1 {
            let problem =
                format!("{} is not known here: write 1, or use a newer program", self.schema);
            return Err(wrong("'schema'", problem));
        }
        let archives =
            self.archive.into_iter().map(RawArchive::check).collect::<Result<Vec<_>, _>>()?;
        let files = self.file.into_iter().map(RawFile::check).collect::<Result<Vec<_>, _>>()?;
        unique("archive", archives.iter().map(|a| &a.name))?;
        unique("file", files.iter().map(|f| &f.name))?;
        let RawSet { name, detector, landmarks, embedder, liveness } = self.set;
        let set = ModelSet { name, detector, landmarks, embedder, liveness };
        let manifest = Manifest { set, archives, files };
        check_origins(&manifest)?;
        check_set(&manifest)?;
        Ok(manifest)
    }
}

fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a String>) -> Result<(), ManifestError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !plain_name(name) {
            let problem = "use a name of letters, digits and . _ - +";
            return Err(wrong(&format!("{kind} '{name}'"), problem));
        }
        if !seen.insert(name) {
            return Err(wrong(&format!("{kind} '{name}'"), "is there twice: rename or remove one"));
        }
    }
    Ok(())
}

fn check_origins(manifest: &Manifest) -> Result<(), ManifestError> {
    for file in &manifest.files {
        let Some(origin) = &file.origin else { continue };
        if manifest.archive(&origin.archive).is_none() {
            let problem = format!("comes from archive '{}', which is not listed", origin.archive);
            return Err(wrong(&format!("file '{}'", file.name), problem));
        }
    }
    Ok(())
}

fn check_set(manifest: &Manifest) -> Result<(), ManifestError> {
    let set = &manifest.set;
    role(manifest, "detector", &set.detector)?;
    role(manifest, "embedder", &set.embedder)?;
    if set.liveness.is_empty() {
        return Err(wrong("'set.liveness'", "is empty: a set without liveness opens no door"));
    }
    for name in &set.liveness {
        role(manifest, "liveness", name)?;
    }
    match &set.landmarks {
        Some(name) => role(manifest, "landmarks", name),
        None if manifest.needs_landmarks() => {
            let problem = format!(
                "is missing: detector '{}' gives no points, so a landmark model must be named",
                set.detector
            );
            Err(wrong("'set.landmarks'", problem))
        }
        None => Ok(()),
    }
}

fn role(manifest: &Manifest, role: &str, name: &str) -> Result<(), ManifestError> {
    let entry = format!("'set.{role}'");
    match manifest.model(name) {
        None => {
            Err(wrong(&entry, format!("names '{name}', and no file of kind model is called so")))
        }
        Some((_, _, task)) if task.name() != role => {
            let problem = format!("names '{name}', which is a {} model", task.name());
            Err(wrong(&entry, problem))
        }
        Some(_) => Ok(()),
    }
}

impl RawArchive {
    fn check(self) -> Result<Archive, ManifestError> {
        let entry = format!("archive '{}'", self.name);
        if !plain_name(&self.file) {
            return Err(wrong(&entry, format!("file '{}' must be a plain file name", self.file)));
        }
        if !plain_word(&self.package) || !plain_word(&self.version) {
            return Err(wrong(&entry, "package and version must be plain words"));
        }
        let fitting = match self.kind {
            ArchiveKind::NpmPack => Registry::Npm,
            ArchiveKind::Sdist | ArchiveKind::Wheel => Registry::Pypi,
        };
        if self.registry != fitting {
            return Err(wrong(
                &entry,
                "its kind does not exist at its registry: correct one of them",
            ));
        }
        let platform = match (self.platforms, self.python) {
            (Some(platforms), Some(python)) => Some(PipPlatform { platforms, python }),
            (None, None) if self.kind != ArchiveKind::Wheel => None,
            _ => {
                return Err(wrong(
                    &entry,
                    "a wheel needs both platforms and python, others neither",
                ));
            }
        };
        Ok(Archive {
            name: self.name,
            registry: self.registry,
            kind: self.kind,
            package: self.package,
            version: self.version,
            file: self.file,
            sha256: self.sha256,
            bytes: self.bytes,
            arch: self.arch,
            platform,
        })
    }
}

impl RawFile {
    fn check(self) -> Result<FileEntry, ManifestError> {
        let entry = format!("file '{}'", self.name);
        if !plain_name(&self.file) {
            let problem = format!("file '{}' must be a plain file name without folders", self.file);
            return Err(wrong(&entry, problem));
        }
        if self.licence.trim().is_empty() {
            return Err(wrong(&entry, "says no licence: state under which terms it may be used"));
        }
        let origin = match (self.archive, self.member) {
            (Some(_), Some(member)) if !plain_member(&member) => {
                return Err(wrong(
                    &entry,
                    "member must be a path inside the archive, without . or ..",
                ));
            }
            (Some(archive), Some(member)) => Some(Origin { archive, member }),
            (None, None) => None,
            _ => return Err(wrong(&entry, "needs both archive and member, or neither")),
        };
        let tasks: Vec<Task> = [
            self.detector.map(Task::Detector),
            self.landmarks.map(Task::Landmarks),
            self.embedder.map(Task::Embedder),
            self.liveness.map(Task::Liveness),
        ]
        .into_iter()
        .flatten()
        .collect();
        let content = match (self.kind, self.arch, self.input, tasks.as_slice()) {
            (RawKind::Runtime, Some(arch), None, []) => Content::Runtime { arch },
            (RawKind::Sample, None, None, []) => Content::Sample,
            (RawKind::Model, None, Some(input), [task]) => {
                if let Some(problem) = task.problem(&input) {
                    return Err(wrong(&entry, problem));
                }
                Content::Model { input, task: task.clone() }
            }
            (RawKind::Runtime, ..) => {
                return Err(wrong(&entry, "a runtime needs arch and nothing of a model"));
            }
            (RawKind::Sample, ..) => {
                return Err(wrong(&entry, "a sample has neither arch nor anything of a model"));
            }
            (RawKind::Model, ..) => {
                return Err(wrong(
                    &entry,
                    "a model needs input and exactly one of [file.detector], [file.landmarks], \
                     [file.embedder], [file.liveness], and no arch",
                ));
            }
        };
        let (name, file, sha256, licence) = (self.name, self.file, self.sha256, self.licence);
        Ok(FileEntry { name, file, origin, sha256, licence, content })
    }
}
