//! Files instead of a camera, for measuring and for trying a configuration out.
#![expect(clippy::disallowed_methods, reason = "a camera's own clock")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::ports::{Camera, CameraFault, Frame};

/// Plays pictures from files, over and over, at its own pace: a slow caller misses some.
pub struct ReplayCamera {
    pictures: Vec<Vec<u8>>,
    interval: Duration,
    began: Instant,
    /// Which one is due next, counted from the beginning.
    next: u32,
}

impl ReplayCamera {
    /// Reads the files.
    pub fn from_files(paths: &[PathBuf], frames_per_second: f64) -> Result<Self, CameraFault> {
        let fault = |problem| CameraFault { camera: "replay".to_owned(), problem };
        if paths.is_empty() {
            return Err(fault("it has no files to play; name some in camera.files".to_owned()));
        }
        let read = |path: &PathBuf| {
            read_at_most(path, LARGEST_PICTURE)
                .map_err(|error| fault(format!("{error}; check camera.files")))
        };
        let pictures = paths.iter().map(read).collect::<Result<_, _>>()?;
        let rate = if frames_per_second.is_finite() { frames_per_second } else { 30.0 };
        let interval = Duration::from_secs_f64(1.0 / rate.clamp(0.1, 1000.0));
        Ok(Self { pictures, interval, began: Instant::now(), next: 0 })
    }
}

impl Camera for ReplayCamera {
    fn latest(&mut self, wait: Duration) -> Result<Option<Frame>, CameraFault> {
        let due = (self.interval * self.next).saturating_sub(self.began.elapsed());
        std::thread::sleep(due.min(wait));
        if due > wait {
            return Ok(None);
        }
        let shown = self.began.elapsed().as_nanos() / self.interval.as_nanos();
        let shown = u32::try_from(shown).unwrap_or(0);
        self.next = shown.saturating_add(1);
        if self.next == u32::MAX {
            (self.began, self.next) = (Instant::now(), 0);
        }
        let index = shown as usize % self.pictures.len();
        Ok(Some(Frame::Encoded(self.pictures[index].clone())))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    fn camera(pictures: &[u8], frames_per_second: f64) -> ReplayCamera {
        let folder = tempfile::tempdir().unwrap();
        let write = |picture: &u8| {
            let file = folder.path().join(format!("{picture}.jpg"));
            std::fs::write(&file, [*picture]).unwrap();
            file
        };
        let files: Vec<_> = pictures.iter().map(write).collect();
        ReplayCamera::from_files(&files, frames_per_second).unwrap()
    }

    #[test]
    fn the_files_are_played_over_and_over() {
        let mut camera = camera(&[1, 2], 200.0);
        let mut seen = [0; 3];
        while seen[1] < 2 || seen[2] < 2 {
            let Some(Frame::Encoded(bytes)) = &camera.latest(SOON).unwrap() else { panic!() };
            seen[usize::from(bytes[0])] += 1;
        }
    }

    #[test]
    fn a_frame_comes_no_sooner_than_it_is_due() {
        let mut camera = camera(&[1], 0.1);
        assert!(camera.latest(Duration::ZERO).unwrap().is_some());
        assert!(camera.latest(Duration::ZERO).unwrap().is_none());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let missing = PathBuf::from("/nowhere/b.jpg");
        let fault = ReplayCamera::from_files(&[missing], 25.0).err().unwrap();
        assert!(fault.to_string().contains("/nowhere/b.jpg"), "{fault}");
        assert!(ReplayCamera::from_files(&[], 25.0).is_err());
        let device = ReplayCamera::from_files(&["/dev/zero".into()], 25.0).err().unwrap();
        assert!(device.to_string().contains("not an ordinary file"), "{device}");
    }
}
