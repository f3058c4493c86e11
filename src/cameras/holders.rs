//! Who has a device open, as far as /proc tells.

use std::fs;
use std::path::Path;

/// The process that has this file open, as a phrase; `None` if none is found that may be looked at.
pub(super) fn holder(path: &Path) -> Option<String> {
    let wanted = path.canonicalize().ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let numbered = processes
        .filter(|process| process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    let mut holding = numbered.filter(|process| has_open(&process.path(), &wanted));
    let process = holding.next()?;
    let number = process.file_name().to_string_lossy().into_owned();
    let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
    Some(format!("process {number} ({})", name.trim()))
}

fn has_open(process: &Path, wanted: &Path) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == wanted))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_open_file_has_a_holder_with_number_and_name_and_a_closed_one_has_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = holder(file.path()).unwrap();
        let number = std::process::id();
        assert!(said.starts_with(&format!("process {number} (")) && said.len() > 15, "{said}");
        let path = file.into_temp_path();
        assert_eq!(holder(&path), None);
        assert_eq!(holder(Path::new("/nowhere/video0")), None);
    }
}
