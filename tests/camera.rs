//! `locker-agent camera check`, as an installer calls it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

const PHOTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/faces/live.jpg");

/// A folder without models, so that what is said does not depend on the machine.
fn check(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_locker-agent"))
        .args(["camera", "check"])
        .args(arguments)
        .env("LOCKER_AGENT_MODELS", folder.join("none"))
        .output()
        .unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn check_configured(camera: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let text = format!(
        "[device]\nid = \"test\"\n[hall]\nhost = \"127.0.0.1\"\n[cabinet]\ndriver = \"sim\"\n\
         compartment = [{{ number = 1 }}]\n[camera]\n{camera}\n"
    );
    std::fs::write(&file, text).unwrap();
    check(&["--config", file.to_str().unwrap()], folder.path())
}

#[test]
fn a_program_that_gives_pictures_is_measured() {
    let script = format!("while cat '{PHOTO}'; do sleep 0.05; done");
    let camera = format!("kind = \"command\"\ncommand = [\"sh\", \"-c\", \"{script}\"]");
    let (code, said) = check_configured(&camera);
    assert_eq!(code, Some(0), "{said}");
    for part in ["camera      sh -c while cat", "frames a second", "size        ", "brightness  "] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let models = "face        cannot be said: ";
    assert!(said.contains(models) && said.contains("models fetch"), "{said}");
}

#[test]
fn a_program_that_fails_is_told_in_a_sentence() {
    let script = "echo no cameras available >&2; exit 255";
    let camera = format!("kind = \"command\"\ncommand = [\"sh\", \"-c\", \"{script}\"]");
    let (code, said) = check_configured(&camera);
    assert_eq!(code, Some(1), "{said}");
    let expected =
        "it has ended (exit status: 255); it says: no cameras available; try the command by hand";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn no_camera_and_a_wrong_one_are_told_with_what_to_do() {
    let (code, said) = check_configured("kind = \"none\"");
    assert!(code == Some(1) && said.contains("set it to \"v4l2\" or \"command\""), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = check(&["--device", "/dev/video-none"], folder.path());
    assert!(code == Some(1) && said.contains("plug it in, or correct camera.device"), "{said}");
}
