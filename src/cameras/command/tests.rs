//! With real children.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use super::*;

const SOON: Duration = Duration::from_secs(20);

/// As far as the camera looks, a picture; the last byte of the data tells them apart.
fn picture(which: u8) -> Vec<u8> {
    let tables = [0xFF, 0xC4, 0, 3, 0];
    let scan = [0xFF, 0xDA, 0, 2, 1, 2, which];
    [&[0xFF, 0xD8][..], &tables, &scan, &[0xFF, 0xD9]].concat()
}

struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for which in [1, 2] {
            std::fs::write(folder.path().join(which.to_string()), picture(which)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program in the shell's language, run in this folder.
    fn wish(&self, script: &str) -> CommandWish {
        let script = format!("cd '{}'; {script}", self.folder.path().display());
        let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        CommandWish { argv, frozen_after: SOON }
    }

    fn impatient(&self, script: &str) -> CommandWish {
        CommandWish { frozen_after: Duration::from_millis(300), ..self.wish(script) }
    }

    fn number(&self, name: &str) -> u32 {
        std::fs::read_to_string(self.path(name)).unwrap().trim().parse().unwrap()
    }
}

fn is_running(process: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn wait_until_gone(process: u32) {
    let began = Instant::now();
    while is_running(process) {
        assert!(began.elapsed() < SOON, "process {process} is still there");
        thread::yield_now();
    }
}

fn next(camera: &mut CommandCamera) -> Option<Vec<u8>> {
    match &camera.latest(SOON).unwrap() {
        Some(Frame::Encoded(bytes)) => Some(bytes.clone()),
        Some(Frame::Rgb { .. }) | None => None,
    }
}

#[test]
fn pictures_come_and_the_program_ends_with_the_camera() {
    let stage = Stage::new();
    let script = "echo $$ > number; while :; do cat 1; sleep 0.01; done";
    let mut camera = CommandCameras::new(stage.wish(script)).open().unwrap();
    assert_eq!(next(&mut camera), Some(picture(1)));
    assert_eq!(next(&mut camera), Some(picture(1)));
    let process = stage.number("number");
    assert!(is_running(process));
    drop(camera);
    assert!(!is_running(process));
}

#[test]
fn only_the_newest_picture_is_given() {
    let stage = Stage::new();
    let script = "cat 1 1 1 2; touch done; sleep 1000";
    let mut camera = CommandCameras::new(stage.wish(script)).open().unwrap();
    // The first may have been at hand before the others came.
    let mut seen = next(&mut camera);
    while seen == Some(picture(1)) {
        seen = next(&mut camera);
    }
    assert_eq!(seen, Some(picture(2)));
    assert!(camera.latest(Duration::ZERO).unwrap().is_none());
}

#[test]
fn a_program_that_dies_is_told_with_its_last_words_and_started_again_later() {
    let stage = Stage::new();
    let script =
        "echo $$ >> starts; cat 1; echo 'starting' >&2; echo 'ERROR: no cameras' >&2; exit 3";
    let mut cameras = CommandCameras::new(stage.wish(script));
    let mut told = String::new();
    if let Ok(mut camera) = cameras.open() {
        while told.is_empty() {
            told = camera.latest(SOON).err().map_or(String::new(), |fault| fault.to_string());
        }
    } else {
        told = cameras.last.as_ref().unwrap().to_string();
    }
    assert!(told.contains("it has ended (exit status: 3); it says: ERROR: no cameras"), "{told}");
    cameras.open().unwrap_err();
    let starts = || std::fs::read_to_string(stage.path("starts")).unwrap().lines().count();
    assert_eq!(starts(), 1, "it is not started again at once");
    *locked(&cameras.restarts) = Restarts::default();
    _ = cameras.open();
    assert_eq!(starts(), 2);
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let stage = Stage::new();
    let script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > inner; sleep 1000' & \
                  echo $$ > outer; echo waiting >&2; wait; wait";
    let fault = CommandCameras::new(stage.impatient(script)).open().unwrap_err().to_string();
    assert!(fault.contains("it gave no whole picture for 0.3 s and was ended"), "{fault}");
    assert!(fault.ends_with("; it says: waiting"), "{fault}");
    for name in ["inner", "outer"] {
        wait_until_gone(stage.number(name));
    }
}

#[test]
fn a_program_that_stops_giving_pictures_counts_as_broken() {
    let stage = Stage::new();
    let patience = Duration::from_secs(2);
    let wish = CommandWish { frozen_after: patience, ..stage.wish("cat 1; exec sleep 1000") };
    let mut camera = CommandCameras::new(wish).open().unwrap();
    let fault = loop {
        if let Err(fault) = camera.latest(Duration::from_millis(50)) {
            break fault.to_string();
        }
    };
    assert!(fault.contains("no whole picture"), "{fault}");
}

#[test]
fn a_program_that_writes_something_else_gives_no_pictures() {
    let stage = Stage::new();
    let fault = CommandCameras::new(stage.impatient("exec yes")).open().unwrap_err().to_string();
    assert!(fault.contains("see that it writes MJPEG to its standard output"), "{fault}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let argv = vec!["/nowhere/rpicam-vid".to_owned(), "-t".to_owned()];
    let wish = CommandWish { argv, frozen_after: SOON };
    let fault = CommandCameras::new(wish).open().unwrap_err().to_string();
    assert!(fault.contains("the camera /nowhere/rpicam-vid -t gives no pictures"), "{fault}");
    assert!(fault.contains("install it, or correct camera.command"), "{fault}");
}

#[test]
fn no_shell_looks_at_the_arguments() {
    let stage = Stage::new();
    let mark = stage.path("mark");
    let argv = vec!["cat".to_owned(), format!("$(touch {})", mark.display())];
    let wish = CommandWish { argv, frozen_after: SOON };
    let fault = CommandCameras::new(wish).open().unwrap_err().to_string();
    assert!(fault.contains("exit status: 1") && !Path::new(&mark).exists(), "{fault}");
}

#[test]
fn the_kernel_kills_the_program_when_its_thread_is_gone() {
    let child = thread::spawn(|| {
        let mut command = std::process::Command::new("sleep");
        super::super::kernel::dies_with_its_parent(command.arg("1000"));
        command.spawn().unwrap()
    });
    let mut child = child.join().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success(), "{status}");
}
