//! The keys of the templates: 32 random bytes in a file that only this user may read, and, while a new key takes its
//! place, the one before beside it.
//!
//! They lie in the state folder, or a service manager hands them over as credentials (systemd: `LoadCredential=` or
//! `LoadCredentialEncrypted=`), which may keep them in a TPM.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// The key; wiped from memory when dropped.
pub(crate) type GalleryKey = Zeroizing<[u8; KEY_BYTES]>;

/// The file of the key in use.
const KEY_FILE: &str = "gallery.key";
/// The file of the key before, there only until nothing is encrypted under it any more.
const OLD_KEY_FILE: &str = "gallery.key.old";

/// Where the keys lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyRing {
    /// In the state folder; the program makes and replaces them itself.
    Own(PathBuf),
    /// In a folder that a service manager fills and nobody else writes.
    Credentials(PathBuf),
}

/// The key in use, and the one before if there is one.
pub(crate) struct Keys {
    pub(crate) current: GalleryKey,
    pub(crate) old: Option<GalleryKey>,
}

impl KeyRing {
    /// Credentials if the folder holds a key, else the state folder.
    pub(crate) fn find(state_dir: &Path, credentials: Option<&Path>) -> Self {
        match credentials {
            Some(folder) if folder.join(KEY_FILE).exists() => Self::Credentials(folder.to_owned()),
            Some(_) | None => Self::Own(state_dir.to_owned()),
        }
    }

    /// Reads the keys; makes the first one in the state folder.
    pub(crate) fn keys(&self) -> Result<Keys, String> {
        let folder = match self {
            Self::Own(folder) => {
                finish_swap(folder).map_err(|error| {
                    format!("the keys in {} cannot be put in order: {error}", folder.display())
                })?;
                folder
            }
            Self::Credentials(folder) => folder,
        };
        let old = folder.join(OLD_KEY_FILE);
        let old = match File::open(&old) {
            Ok(file) => Some(read(file, &old, self.forbidden())?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("the key {} cannot be read: {error}", old.display())),
        };
        Ok(Keys { current: read_or_make(&folder.join(KEY_FILE), self.forbidden())?, old })
    }

    /// Whom a key must not be open to: everybody but its owner; of a credential only all others, because an access
    /// list for the service's user shows as the group's right.
    fn forbidden(&self) -> u32 {
        match self {
            Self::Own(_) => 0o077,
            Self::Credentials(_) => 0o007,
        }
    }

    /// Makes a new key and keeps the one before beside it.
    pub(crate) fn begin_rotation(&self) -> Result<(), String> {
        match self {
            Self::Own(folder) => begin_swap(folder).map_err(|error| {
                format!("a new key cannot be made in {}: {error}", folder.display())
            }),
            Self::Credentials(folder) => Err(format!(
                "the key is a credential in {}: have the service manager hand over a new one as {KEY_FILE} and this \
                 one as {OLD_KEY_FILE}, and start the daemon; templates are then encrypted anew",
                folder.display()
            )),
        }
    }

    /// Nothing is encrypted under the key before any more.
    pub(crate) fn end_rotation(&self) -> Result<(), String> {
        let Self::Own(folder) = self else { return Ok(()) };
        let old = folder.join(OLD_KEY_FILE);
        let removed = fs::remove_file(&old).and_then(|()| File::open(folder)?.sync_all());
        removed.map_err(|error| format!("the old key {} cannot be deleted: {error}", old.display()))
    }
}

/// The new key is whole and durable before the old one moves; whatever a crash leaves, [`finish_swap`] goes on from it.
fn begin_swap(folder: &Path) -> io::Result<()> {
    let path = folder.join(KEY_FILE);
    write_new(&path)?;
    fs::rename(&path, folder.join(OLD_KEY_FILE))?;
    File::open(folder)?.sync_all()?;
    finish_swap(folder)
}

fn finish_swap(folder: &Path) -> io::Result<()> {
    let (path, old) = (folder.join(KEY_FILE), folder.join(OLD_KEY_FILE));
    if old.exists() && !path.exists() {
        fs::rename(unfinished(&path), &path)?;
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The name under which a key is written.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Reads the key, or makes one if there is none.
fn read_or_make(path: &Path, forbidden: u32) -> Result<GalleryKey, String> {
    let name = path.display();
    match File::open(path) {
        Ok(file) => read(file, path, forbidden),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)
            .map_err(|error| format!("the key {name} cannot be made: {error}; check the folder")),
        Err(error) => {
            Err(format!("the key {name} cannot be read: {error}; the service's user must own it"))
        }
    }
}

fn read(mut file: File, path: &Path, forbidden: u32) -> Result<GalleryKey, String> {
    let name = path.display();
    let unreadable = |error| format!("the key {name} cannot be read: {error}; check the disk");
    let found = file.metadata().map_err(unreadable)?;
    let mode = found.permissions().mode();
    if mode & forbidden != 0 {
        return Err(format!(
            "the key {name} is open to others (mode {:o}) and may have been copied: chmod 600 it if you know it \
             was not; otherwise delete it and the templates folder, and enrol again",
            mode & 0o777
        ));
    }
    if found.len() != KEY_BYTES as u64 {
        return Err(format!(
            "the key {name} has {} bytes, a key has {KEY_BYTES}: put the right one in its place, or delete it and \
             the templates folder, and enrol again",
            found.len()
        ));
    }
    let mut key = GalleryKey::default();
    file.read_exact(key.as_mut()).map_err(unreadable)?;
    Ok(key)
}

/// Makes the key under another name first, so that a crash leaves a whole key or none.
fn make(path: &Path) -> io::Result<GalleryKey> {
    let key = write_new(path)?;
    fs::rename(unfinished(path), path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    Ok(key)
}

/// Writes a key under the name that is not its own yet.
fn write_new(path: &Path) -> io::Result<GalleryKey> {
    let mut key = GalleryKey::default();
    OsRng.try_fill_bytes(key.as_mut()).map_err(|error| io::Error::other(error.to_string()))?;
    let unfinished = unfinished(path);
    match fs::remove_file(&unfinished) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(key.as_ref())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_key_is_made_once_for_this_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery.key");
        let key = read_or_make(&path, 0o077).unwrap();
        assert_ne!(*key, [0; KEY_BYTES]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read_or_make(&path, 0o077).unwrap(), *key);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_can_read_or_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery.key");
        read_or_make(&path, 0o077).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(read_or_make(&path, 0o077).unwrap_err().contains("chmod 600"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(31).unwrap();
        assert!(read_or_make(&path, 0o077).unwrap_err().contains("31 bytes"));
    }

    #[test]
    fn a_crash_anywhere_in_a_rotation_loses_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRing::find(folder.path(), None);
        let first = *ring.keys().unwrap().current;
        // The new key is written, the old one has moved, and then the power fails.
        write_new(&folder.path().join(KEY_FILE)).unwrap();
        fs::rename(folder.path().join(KEY_FILE), folder.path().join(OLD_KEY_FILE)).unwrap();
        let keys = ring.keys().unwrap();
        assert_eq!(*keys.old.unwrap(), first);
        assert_ne!(*keys.current, first);
        ring.end_rotation().unwrap();
        assert!(ring.keys().unwrap().old.is_none());
        assert_eq!(*ring.keys().unwrap().current, *keys.current);
    }

    #[test]
    fn credentials_come_before_files_and_are_not_ours_to_replace() {
        let (state, handed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let none = KeyRing::find(state.path(), Some(handed.path()));
        assert_eq!(none, KeyRing::Own(state.path().to_owned()));
        let path = handed.path().join(KEY_FILE);
        fs::write(&path, [7; KEY_BYTES]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let ring = KeyRing::find(state.path(), Some(handed.path()));
        assert_eq!(*ring.keys().unwrap().current, [7; KEY_BYTES]);
        assert!(ring.begin_rotation().unwrap_err().contains("gallery.key.old"));
        assert!(!state.path().join(KEY_FILE).exists());
    }
}
