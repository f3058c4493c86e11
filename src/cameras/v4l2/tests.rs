//! What a wrong device is told. Pictures from a real driver are the hardware bench's part.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use super::*;

fn wish(device: &str) -> V4l2Wish {
    V4l2Wish {
        device: device.to_owned(),
        width: 640,
        height: 480,
        frames_per_second: 15.0,
        settle: Duration::ZERO,
        frozen_after: Duration::from_secs(1),
    }
}

fn told(device: &str) -> String {
    V4l2Camera::open(&wish(device)).unwrap_err().to_string()
}

#[test]
fn a_device_that_is_not_there_is_named_with_what_to_do() {
    let told = told("/dev/video-none");
    assert!(
        told.starts_with("the camera /dev/video-none gives no pictures: it is not there ("),
        "{told}"
    );
    assert!(told.contains("camera.device"), "{told}");
}

#[test]
fn a_name_that_no_camera_has_is_not_there() {
    let told = told("Webcam Of Nobody");
    assert!(told.contains("Webcam Of Nobody") && told.contains("it is not there"), "{told}");
}

#[test]
fn files_folders_and_other_devices_are_no_video_devices() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path().to_str().unwrap(), "/dev/null", "/dev"] {
        let told = told(path);
        assert!(told.contains("it is not a video device; give one like /dev/video0"), "{told}");
    }
}

#[test]
fn every_error_of_the_kernel_that_has_a_remedy_is_told_with_it() {
    use rustix::io::Errno;
    let file = tempfile::NamedTempFile::new().unwrap();
    let table = [
        (Errno::ACCESS, "group video"),
        (Errno::NOSPC, "another port"),
        (Errno::NODEV, "was unplugged"),
        (Errno::NOMEM, "starting it failed:"),
    ];
    for (error, remedy) in table {
        let told = V4l2Fault::of(file.path(), "starting it", error.into()).to_string();
        assert!(told.contains(remedy), "{told}");
    }
    let busy = V4l2Fault::of(file.path(), "starting it", Errno::BUSY.into()).to_string();
    let own = format!("it is in use by process {} (", std::process::id());
    assert!(busy.starts_with(&own), "{busy}");
}
