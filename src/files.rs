//! Files that somebody else chose, read with a limit: what is not an ordinary file is refused before it is opened, and
//! what is too large before it is read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// A larger picture file is refused unread, in bytes.
pub const LARGEST_PICTURE: usize = 20 * 1024 * 1024;

/// Why a file is not read: a sentence that names it.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It is not there, or not to be read by this user.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A folder, a device, a pipe: there may be no end to it.
    #[error("{path} is not an ordinary file: give the path of one")]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// There is more in it than is read.
    #[error("{path} has more than {most} bytes, and so many are read at most: give a smaller file")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        most: usize,
    },
}

/// The bytes of an ordinary file that has no more than `most` of them.
///
/// The kind is looked at before the file is opened, because opening a pipe waits for somebody to write to it; and the
/// limit holds while reading too, because some files tell no size (`/proc`) and others grow.
pub fn read_at_most(path: &Path, most: usize) -> Result<Vec<u8>, FileFault> {
    let unreadable = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
    let too_large = || FileFault::TooLarge { path: path.to_owned(), most };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(FileFault::NotAFile { path: path.to_owned() });
    }
    let limit = most as u64;
    if found.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > most { Err(too_large()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit_and_not_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("three");
        std::fs::write(&file, b"abc").unwrap();
        assert_eq!(read_at_most(&file, 3).unwrap(), b"abc");
        assert!(matches!(read_at_most(&file, 2), Err(FileFault::TooLarge { most: 2, .. })));
    }

    #[test]
    fn a_sparse_file_of_two_gigabytes_is_refused_by_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse.jpg");
        let file = File::create(&path).unwrap();
        file.set_len(2 << 30).unwrap();
        let said = read_at_most(&path, LARGEST_PICTURE).unwrap_err();
        assert!(matches!(said, FileFault::TooLarge { .. }), "{said}");
        assert!(said.to_string().contains("sparse.jpg has more than 20971520 bytes"), "{said}");
    }

    #[test]
    fn a_file_that_tells_no_size_is_read_no_further_than_the_limit() {
        let said = read_at_most(Path::new("/proc/self/mountinfo"), 10).unwrap_err();
        assert!(matches!(said, FileFault::TooLarge { most: 10, .. }), "{said}");
    }

    #[test]
    fn a_device_a_pipe_and_a_folder_are_refused_unopened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [Path::new("/dev/zero"), &pipe, folder.path()] {
            let said = read_at_most(path, LARGEST_PICTURE).unwrap_err().to_string();
            assert!(said.contains("not an ordinary file"), "{said}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let said = read_at_most(Path::new("/nowhere/a.jpg"), 1).unwrap_err().to_string();
        assert!(said.starts_with("/nowhere/a.jpg cannot be read: No such file"), "{said}");
    }
}
