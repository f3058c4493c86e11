//! A camera that is another program: a child that writes JPEG pictures to its standard output.
//!
//! One thread owns the child and reads it as fast as it writes, so that the newest picture is always the one at hand.
#![expect(clippy::disallowed_methods, reason = "a driver's own loop")]

mod child;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::restarts::Restarts;
use crate::ports::{Camera, CameraFault, Frame};

/// A picture that lay longer than this since it came is not the newest of anything.
const FRESHNESS: Duration = Duration::from_millis(500);

/// Which program, and how patient to be with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandWish {
    /// The program and its arguments; no shell sees them.
    pub argv: Vec<String>,
    /// How long it may give no whole picture, after its start or while it is waited for.
    pub frozen_after: Duration,
}

impl CommandWish {
    fn fault(&self, problem: String) -> CameraFault {
        CameraFault { camera: self.argv.join(" "), problem }
    }
}

/// Starts the program, and again after it has failed, each time a little later.
#[derive(Debug)]
pub struct CommandCameras {
    wish: CommandWish,
    began: Instant,
    restarts: Arc<Mutex<Restarts>>,
    last: Option<CameraFault>,
}

impl CommandCameras {
    /// Starts nothing yet.
    pub fn new(wish: CommandWish) -> Self {
        let restarts = Arc::new(Mutex::new(Restarts::default()));
        Self { wish, began: Instant::now(), restarts, last: None }
    }

    /// Starts the program and waits for its first picture. During a pause after a failure the failure is told again.
    pub fn open(&mut self) -> Result<CommandCamera, CameraFault> {
        if !locked(&self.restarts).pause(self.began.elapsed()).is_zero()
            && let Some(CameraFault { problem, .. }) = &self.last
        {
            return Err(self.wish.fault(problem.clone()));
        }
        let log = FailureLog { began: self.began, restarts: Arc::clone(&self.restarts) };
        let opened = CommandCamera::start(self.wish.clone(), log);
        if let Err(CameraFault { camera, problem }) = &opened {
            self.last = Some(CameraFault { camera: camera.clone(), problem: problem.clone() });
        } else {
            let problem = "it has failed and is started again in a moment".to_owned();
            self.last = Some(self.wish.fault(problem));
        }
        opened
    }
}

/// Where failures are noted.
#[derive(Debug)]
struct FailureLog {
    began: Instant,
    restarts: Arc<Mutex<Restarts>>,
}

/// A program that delivers. It is killed, with all that it started, when this is dropped.
#[derive(Debug)]
pub struct CommandCamera {
    wish: CommandWish,
    shelf: Arc<Shelf>,
    reader: Option<JoinHandle<()>>,
    log: FailureLog,
    started: Instant,
    /// How long was waited since the last picture.
    waited: Duration,
}

impl CommandCamera {
    fn start(wish: CommandWish, log: FailureLog) -> Result<Self, CameraFault> {
        let shelf = Arc::new(Shelf::default());
        let (theirs, argv) = (Arc::clone(&shelf), wish.argv.clone());
        let reader = thread::Builder::new()
            .name("camera".into())
            .spawn(move || child::serve(&argv, &theirs))
            .map_err(|error| wish.fault(format!("the system gives no thread: {error}")))?;
        let started = Instant::now();
        let mut camera =
            Self { wish, shelf, reader: Some(reader), log, started, waited: Duration::ZERO };
        while !camera.shelf.is_laden() {
            camera.wait(camera.wish.frozen_after)?;
        }
        Ok(camera)
    }

    /// Waits for a picture that has not been taken yet.
    fn wait(&mut self, at_most: Duration) -> Result<(), CameraFault> {
        let before = Instant::now();
        let ended = self.shelf.wait(at_most);
        self.waited += before.elapsed();
        let problem = match ended {
            Some(ended) => ended,
            None if self.shelf.is_laden() => {
                self.waited = Duration::ZERO;
                return Ok(());
            }
            None if self.waited >= self.wish.frozen_after => format!(
                "it gave no whole picture for {:.1} s and was ended; see that it writes MJPEG to its standard output{}",
                self.waited.as_secs_f32(),
                self.shelf.last_words()
            ),
            None => return Ok(()),
        };
        let worked = self.started.elapsed();
        locked(&self.log.restarts).failed(self.log.began.elapsed(), worked);
        Err(self.wish.fault(problem))
    }
}

impl Camera for CommandCamera {
    fn latest(&mut self, wait: Duration) -> Result<Option<Frame>, CameraFault> {
        let deadline = Instant::now() + wait;
        loop {
            self.wait(deadline.saturating_duration_since(Instant::now()))?;
            match self.shelf.take() {
                Some((picture, came)) if came.elapsed() <= FRESHNESS => {
                    return Ok(Some(Frame::Encoded(picture)));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

impl Drop for CommandCamera {
    fn drop(&mut self) {
        self.shelf.state().unwanted = true;
        if let Some(reader) = self.reader.take() {
            // A reader that panicked has left its child to the kernel, which kills it with the thread.
            _ = reader.join();
        }
    }
}

/// Where the reader puts the newest picture, and says that there will be no more.
#[derive(Debug, Default)]
struct Shelf {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<(Vec<u8>, Instant)>,
    ended: Option<String>,
    last_line: String,
    unwanted: bool,
}

impl Shelf {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn put(&self, picture: Vec<u8>) {
        self.state().newest = Some((picture, Instant::now()));
        self.changed.notify_all();
    }

    fn end(&self, problem: String) {
        self.state().ended = Some(problem);
        self.changed.notify_all();
    }

    fn take(&self) -> Option<(Vec<u8>, Instant)> {
        self.state().newest.take()
    }

    fn is_laden(&self) -> bool {
        self.state().newest.is_some()
    }

    /// Waits for a picture; tells how the program has ended, if it has.
    fn wait(&self, at_most: Duration) -> Option<String> {
        let nothing = |state: &mut State| state.newest.is_none() && state.ended.is_none();
        let waited = self.changed.wait_timeout_while(self.state(), at_most, nothing);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended.clone()
    }

    /// What the program wrote last to its standard error, as the end of a sentence.
    fn last_words(&self) -> String {
        let line = &self.state().last_line;
        if line.is_empty() { String::new() } else { format!("; it says: {line}") }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "command/tests.rs"]
mod tests;
