//! Pictures in labelled folders: the folder's name says what its pictures show.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A folder of pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) label: String,
    /// By name.
    pub(super) pictures: Vec<PathBuf>,
}

/// Files with another ending are not looked at.
const PICTURES: [&str; 7] = ["jpg", "jpeg", "png", "pgm", "ppm", "pnm", "pbm"];

/// The folders inside `dir`, by name. Hidden ones and plain files do not count; one without pictures is an error, and
/// so is a folder without folders.
pub(super) fn read(dir: &Path) -> anyhow::Result<Vec<Labelled>> {
    let mut folders = Vec::new();
    for path in entries(dir)? {
        if path.is_dir() {
            let pictures: Vec<_> = entries(&path)?.into_iter().filter(|p| is_picture(p)).collect();
            if pictures.is_empty() {
                bail!("{}: there are no pictures in it ({})", path.display(), PICTURES.join(", "));
            }
            folders.push(Labelled { label: name(&path), pictures });
        }
    }
    if folders.is_empty() {
        bail!("{}: there are no folders in it: make one for each label", dir.display());
    }
    Ok(folders)
}

/// What is not hidden in a folder, by name.
fn entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let place = || format!("{} cannot be read as a folder", dir.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).with_context(place)? {
        let path = entry.with_context(place)?.path();
        if !name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    path.is_file() && PICTURES.contains(&ending.as_str())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn told(make: impl FnOnce(&Path)) -> String {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        format!("{:#}", read(dir.path()).err().unwrap())
    }

    #[test]
    fn folders_and_pictures_come_by_name_and_nothing_else_counts() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["li/2.JPG", "li/1.png", "li/notes.txt", "li/.3.jpg", "an/1.pgm", ".git/1.jpg"]
        {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        fs::write(dir.path().join("groups.csv"), b"").unwrap();
        let folders = read(dir.path()).unwrap();
        let names: Vec<_> = folders
            .iter()
            .map(|f| (f.label.as_str(), f.pictures.iter().map(|p| name(p)).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            names,
            [("an", vec!["1.pgm".to_owned()]), ("li", vec!["1.png".into(), "2.JPG".into()])]
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        assert!(told(|_| ()).contains("no folders in it"));
        assert!(told(|dir| fs::create_dir(dir.join("li")).unwrap()).contains("no pictures in it"));
        let nowhere = read(Path::new("/nowhere/at/all")).err().unwrap();
        assert!(format!("{nowhere:#}").contains("/nowhere/at/all cannot be read as a folder"));
    }
}
