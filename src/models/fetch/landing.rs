//! Where downloads arrive before they are trusted, and the one way a file gets its name.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::failure::FetchError;

const PREFIX: &str = ".fetching-";

/// A folder of this process for one download; gone with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct Landing {
    path: PathBuf,
}

impl Landing {
    /// Opens one inside `folder`, and clears away those of processes that ended without doing so.
    pub(super) fn open(folder: &Path) -> Result<Self, FetchError> {
        let refuse = |cause| FetchError::disk("created", folder, cause);
        fs::create_dir_all(folder).map_err(refuse)?;
        clear_abandoned(folder);
        // Absolute, because a client that is started in it must still be found by the same path.
        let folder = std::path::absolute(folder).map_err(refuse)?;
        let path = folder.join(format!("{PREFIX}{}", std::process::id()));
        let refuse = |cause| FetchError::disk("created", &path, cause);
        fs::create_dir_all(&path).map_err(refuse)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // What stays is cleared away by the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn clear_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        if !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The bytes a client left in `folder` under the name the manifest expects.
pub(super) fn delivered(folder: &Path, file: &str) -> Result<Vec<u8>, FetchError> {
    let path = folder.join(file);
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let names = fs::read_dir(folder).into_iter().flatten().flatten();
            let found = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
            Err(FetchError::OtherFile { file: file.to_owned(), found: found.collect() })
        }
        Err(cause) => Err(FetchError::disk("read", path, cause)),
    }
}

/// Writes bytes under a name in one step: whoever looks sees the old file, or the whole new one, even after a
/// power cut.
pub(in crate::models) fn place(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|cause| FetchError::disk("created", folder, cause))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    let written = write_durably(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if let Err(cause) = written {
        let _ = fs::remove_file(&unfinished);
        return Err(FetchError::disk("written", path, cause));
    }
    let kept = File::open(folder).and_then(|folder| folder.sync_all());
    kept.map_err(|cause| FetchError::disk("kept", path, cause))
}

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
