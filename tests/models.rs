//! `locker-agent models` as a person meets it. (Fetching itself is tested beside its code, against stand-ins.)
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

fn models(action: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locker-agent"));
    command.args(["models", action, "--arch", "x86_64", "--dir"]).arg(dir);
    command
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn list_shows_what_is_missing_changed_and_unknown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("fr_detect.onnx"), "altered").unwrap();
    std::fs::write(dir.path().join("stranger.onnx"), "x").unwrap();
    let (code, table, _) = said(&models("list", dir.path()).output().unwrap());
    assert_eq!(code, Some(0));
    let state = |file: &str| {
        let line = table.lines().find(|line| line.starts_with(file)).unwrap();
        line.rsplit("  ").next().unwrap().to_owned()
    };
    assert_eq!(state("fr_detect.onnx"), "CHANGED");
    assert_eq!(state("fr_feature.onnx"), "missing");
    assert_eq!(state("libonnxruntime-1.24.4-aarch64.so"), "not needed here");
    assert!(table.contains("stranger.onnx is not in the manifest"), "{table}");
    for column in ["embedder", "0.0.1", "MIT (package", "npm faceplugin"] {
        assert!(table.contains(column), "{column} is not in\n{table}");
    }
}

#[test]
fn verify_names_the_bad_file_and_ends_with_1() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("fr_detect.onnx"), "altered").unwrap();
    let (code, _, report) = said(&models("verify", dir.path()).output().unwrap());
    assert_eq!(code, Some(1));
    assert!(report.contains("fr_detect.onnx has SHA-256"), "{report}");
    assert!(report.contains("fr_feature is missing"), "{report}");
    assert!(report.contains("5 of 5 files are not right"), "samples are not needed: {report}");
}

#[test]
fn fetch_on_a_bare_machine_prints_the_line_to_run() {
    let dir = tempfile::tempdir().unwrap();
    let output = models("fetch", dir.path()).env("PATH", dir.path()).output().unwrap();
    let (code, _, report) = said(&output);
    assert_eq!(code, Some(1));
    assert!(report.contains("sudo apt-get install python3-pip"), "{report}");
}
