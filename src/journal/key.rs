//! The key of the templates: 32 random bytes in a file that only this user may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// The key; wiped from memory when dropped.
pub(crate) type GalleryKey = Zeroizing<[u8; KEY_BYTES]>;

/// Reads the key, or makes one if there is none.
pub(crate) fn read_or_make(path: &Path) -> Result<GalleryKey, String> {
    let name = path.display();
    match File::open(path) {
        Ok(file) => read(file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)
            .map_err(|error| format!("the key {name} cannot be made: {error}; check the folder")),
        Err(error) => {
            Err(format!("the key {name} cannot be read: {error}; the service's user must own it"))
        }
    }
}

fn read(mut file: File, path: &Path) -> Result<GalleryKey, String> {
    let name = path.display();
    let unreadable = |error| format!("the key {name} cannot be read: {error}; check the disk");
    let found = file.metadata().map_err(unreadable)?;
    let mode = found.permissions().mode();
    if mode & 0o077 != 0 {
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
    let mut key = GalleryKey::default();
    OsRng.try_fill_bytes(key.as_mut()).map_err(|error| io::Error::other(error.to_string()))?;
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(key.as_ref())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
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
        let key = read_or_make(&path).unwrap();
        assert_ne!(*key, [0; KEY_BYTES]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read_or_make(&path).unwrap(), *key);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_can_read_or_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery.key");
        read_or_make(&path).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(read_or_make(&path).unwrap_err().contains("chmod 600"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(31).unwrap();
        assert!(read_or_make(&path).unwrap_err().contains("31 bytes"));
    }
}
