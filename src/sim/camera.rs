//! A simulator that stands for a camera: it shows what a hand puts before it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ports::{Camera, CameraFault, Frame};

/// A camera that is not there. Clones are handles to the same one; the clone that is given to the program
/// is read, the others are the hand.
#[derive(Clone)]
pub struct SimCamera {
    scene: Arc<(Mutex<Scene>, Condvar)>,
    pace: Pace,
}

#[derive(Clone)]
enum Scene {
    Nothing,
    Photo(Vec<u8>),
    Frozen,
    Unplugged,
}

impl SimCamera {
    /// A camera that sees an empty hall, at most so many frames a second.
    pub fn new(frames_per_second: f64) -> Self {
        let scene = Arc::new((Mutex::new(Scene::Nothing), Condvar::new()));
        Self { scene, pace: Pace::new(frames_per_second) }
    }

    /// Puts a photo (JPEG, PNG) before the camera.
    pub fn show(&self, photo: Vec<u8>) {
        self.set(Scene::Photo(photo));
    }

    /// Takes everything away: frames go on coming, and show a bare wall.
    pub fn show_nothing(&self) {
        self.set(Scene::Nothing);
    }

    /// Stops the frames without an error, as a hanging driver does.
    pub fn freeze(&self) {
        self.set(Scene::Frozen);
    }

    /// Pulls the cable: an error until something is shown again.
    pub fn unplug(&self) {
        self.set(Scene::Unplugged);
    }

    fn set(&self, scene: Scene) {
        *self.scene() = scene;
        self.scene.1.notify_all();
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wall: evenly grey, so that no detector finds a face in it.
fn bare_wall() -> Frame {
    let (width, height) = (320, 240);
    Frame::Rgb { width, height, rgb: vec![128; 320 * 240 * 3] }
}

impl Camera for SimCamera {
    fn latest(&mut self, wait: Duration) -> Result<Option<Frame>, CameraFault> {
        let Some(left) = self.pace.wait_for_frame(wait) else { return Ok(None) };
        let frozen = |scene: &mut Scene| matches!(scene, Scene::Frozen);
        let woken = self.scene.1.wait_timeout_while(self.scene(), left, frozen);
        let scene = woken.unwrap_or_else(PoisonError::into_inner).0;
        match &*scene {
            Scene::Nothing => Ok(Some(bare_wall())),
            Scene::Photo(photo) => Ok(Some(Frame::Encoded(photo.clone()))),
            Scene::Frozen => Ok(None),
            Scene::Unplugged => Err(CameraFault {
                camera: "sim".to_owned(),
                problem: "it was unplugged; plug it in again".to_owned(),
            }),
        }
    }
}

/// When the next frame is due.
#[derive(Clone)]
struct Pace {
    interval: Duration,
    last: Option<Instant>,
}

#[allow(clippy::disallowed_methods, reason = "the simulated camera's own clock")]
impl Pace {
    fn new(frames_per_second: f64) -> Self {
        let rate = if frames_per_second.is_finite() { frames_per_second } else { 30.0 };
        Self { interval: Duration::from_secs_f64(1.0 / rate.clamp(0.1, 1000.0)), last: None }
    }

    /// Blocks until the next frame is due, and gives what is left of `wait`; `None` if it ends before that.
    fn wait_for_frame(&mut self, wait: Duration) -> Option<Duration> {
        let due =
            self.last.map_or(Duration::ZERO, |last| self.interval.saturating_sub(last.elapsed()));
        std::thread::sleep(due.min(wait));
        if due > wait {
            return None;
        }
        self.last = Some(Instant::now());
        Some(wait - due)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    fn bytes(frame: Option<Frame>) -> Option<Vec<u8>> {
        match &frame? {
            Frame::Encoded(bytes) => Some(bytes.clone()),
            Frame::Rgb { .. } => None,
        }
    }

    #[test]
    fn the_newest_picture_is_given_and_an_empty_hall_still_gives_frames() {
        let hand = SimCamera::new(1000.0);
        let mut camera = hand.clone();
        assert!(matches!(camera.latest(SOON).unwrap(), Some(Frame::Rgb { .. })));
        hand.show(vec![1]);
        hand.show(vec![2]);
        assert_eq!(bytes(camera.latest(SOON).unwrap()), Some(vec![2]));
        hand.show_nothing();
        assert!(matches!(camera.latest(SOON).unwrap(), Some(Frame::Rgb { .. })));
    }

    #[test]
    fn a_frozen_camera_gives_nothing_and_an_unplugged_one_an_error() {
        let hand = SimCamera::new(1000.0);
        let mut camera = hand.clone();
        hand.freeze();
        assert!(camera.latest(Duration::from_millis(5)).unwrap().is_none());
        hand.unplug();
        assert!(camera.latest(SOON).unwrap_err().to_string().contains("unplugged"));
    }

    #[test]
    fn frames_come_no_faster_than_the_rate() {
        let mut camera = SimCamera::new(0.1);
        assert!(camera.latest(Duration::ZERO).unwrap().is_some());
        assert!(camera.latest(Duration::ZERO).unwrap().is_none());
    }
}
