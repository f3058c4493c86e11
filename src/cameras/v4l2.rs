//! A camera on the kernel's video interface (V4L2).
//!
//! Frames are taken from the driver's queue only when somebody wants one: what waited too long in it is thrown away,
//! so that a face is never judged by where it was.
#![expect(clippy::disallowed_methods, reason = "a driver's own loop")]

mod open;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use super::holders::holder;
use super::kernel::{Filled, Stream};
use super::{huffman, yuyv};
use crate::ports::{Camera, CameraFault, Frame};

/// What is asked of a camera; the nearest that it offers is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct V4l2Wish {
    /// A device file (`/dev/video0`, `/dev/v4l/by-id/…`), or a part of the camera's name, or its bus (`usb-…-1.2`).
    pub device: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Frames a second.
    pub frames_per_second: f32,
    /// How long after the start frames are thrown away, until the exposure has settled.
    pub settle: Duration,
    /// How long a camera that is waited for may give no whole picture before it counts as broken.
    pub frozen_after: Duration,
}

/// Why a camera cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum V4l2Fault {
    /// There is no such file, or no camera of that name.
    #[error("it is not there ({here}); plug it in, or correct camera.device")]
    Missing {
        /// What is there instead.
        here: String,
    },
    /// The file may not be opened.
    #[error(
        "the program may not open it; add its user to the group video (usermod -aG video USER) and start it again"
    )]
    NoPermission,
    /// The file is not a video device.
    #[error("it is not a video device; give one like /dev/video0 in camera.device ({here})")]
    NotVideo {
        /// What is there instead.
        here: String,
    },
    /// The node is another one of the device: metadata, output, a decoder.
    #[error(
        "{card} takes no pictures on this node; give its capture node in camera.device ({here})"
    )]
    NoCapture {
        /// What the device calls itself.
        card: String,
        /// What is there instead.
        here: String,
    },
    /// None of the formats can be read.
    #[error(
        "{card} offers no format that can be read (MJPG and YUYV can), only {offered}; for a ribbon-cable camera use \
         camera.kind = \"command\" with rpicam-vid"
    )]
    NoFormat {
        /// What the device calls itself.
        card: String,
        /// Its formats.
        offered: String,
    },
    /// Another process uses it.
    #[error("it is in use by {holder}; end that, or give another camera")]
    Busy {
        /// Who, as far as that can be found out.
        holder: String,
    },
    /// The bus is full.
    #[error(
        "its USB bus has no bandwidth left; plug it into another port, or lower camera.width, camera.height or camera.fps"
    )]
    NoBandwidth,
    /// It went away.
    #[error(
        "it was unplugged or has lost its connection; plug it in again, and check cable and supply"
    )]
    Gone,
    /// It sends nothing, or nothing whole.
    #[error(
        "it gave no whole picture for {seconds:.1} s; unplug it and plug it in again, and check its cable"
    )]
    Frozen {
        /// How long it was waited for.
        seconds: f32,
    },
    /// Anything else that the kernel says.
    #[error("{doing} failed: {error}; see what the kernel says with dmesg")]
    Kernel {
        /// What was tried.
        doing: &'static str,
        /// What the kernel answered.
        error: io::Error,
    },
}

/// A camera that delivers.
#[derive(Debug)]
pub struct V4l2Camera {
    stream: Stream,
    path: PathBuf,
    picture: PictureFormat,
    description: String,
    /// How old a frame may be when it is taken.
    freshness: Duration,
    settled_at: Instant,
    frozen_after: Duration,
    /// How long was waited since the last whole picture.
    waited: Duration,
}

/// How a frame's bytes become a picture.
#[derive(Debug, Clone, Copy)]
enum PictureFormat {
    Jpeg,
    Yuyv(yuyv::Layout),
}

impl V4l2Camera {
    /// Opens the device and starts it.
    pub fn open(wish: &V4l2Wish) -> Result<Self, CameraFault> {
        open::open(wish).map_err(|fault| CameraFault {
            camera: wish.device.clone(),
            problem: fault.to_string(),
        })
    }

    /// Device, name, format, size and rate, as agreed with the driver.
    pub fn description(&self) -> &str {
        &self.description
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Frame>, V4l2Fault> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(filled) = self.newest()? {
                let frame = self.picture(&filled);
                self.stream
                    .requeue(filled)
                    .map_err(|error| self.fault("giving a frame back", error))?;
                if frame.is_some() {
                    self.waited = Duration::ZERO;
                    return Ok(frame);
                }
            }
            let before = Instant::now();
            let left = deadline.saturating_duration_since(before);
            let ready = !left.is_zero() && self.wait(left)?;
            self.waited += before.elapsed();
            if self.waited >= self.frozen_after {
                return Err(V4l2Fault::Frozen { seconds: self.waited.as_secs_f32() });
            }
            if !ready {
                return Ok(None);
            }
        }
    }

    /// Empties the driver's queue; gives the last frame of it, unless it has waited too long.
    fn newest(&mut self) -> Result<Option<Filled>, V4l2Fault> {
        let mut newest: Option<Filled> = None;
        let mut waiting = 0;
        // A driver faster than this loop must not hold it for ever.
        while waiting < 2 * self.stream.buffers() {
            let next =
                self.stream.dequeue().map_err(|error| self.fault("taking a frame", error))?;
            let Some(next) = next else { break };
            waiting += 1;
            if let Some(older) = newest.replace(next) {
                self.stream
                    .requeue(older)
                    .map_err(|error| self.fault("giving a frame back", error))?;
            }
        }
        let full = waiting >= self.stream.buffers();
        match newest {
            Some(filled) if self.is_stale(&filled, full) => {
                self.stream
                    .requeue(filled)
                    .map_err(|error| self.fault("giving a frame back", error))?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Without a time from the driver a full queue is taken as a sign that nobody emptied it for long.
    fn is_stale(&self, filled: &Filled, queue_was_full: bool) -> bool {
        let now = clock_gettime(ClockId::Monotonic);
        let now = Duration::new(
            u64::try_from(now.tv_sec).unwrap_or(0),
            u32::try_from(now.tv_nsec).unwrap_or(0),
        );
        filled.taken.map_or(queue_was_full, |taken| now.saturating_sub(taken) > self.freshness)
    }

    fn picture(&self, filled: &Filled) -> Option<Frame> {
        if !filled.whole || Instant::now() < self.settled_at {
            return None;
        }
        let bytes = self.stream.bytes(filled);
        match &self.picture {
            PictureFormat::Jpeg => huffman::completed(bytes).map(Frame::Encoded),
            PictureFormat::Yuyv(layout) => {
                let rgb = yuyv::to_rgb(layout, bytes)?;
                Some(Frame::Rgb { width: layout.width as u32, height: layout.height as u32, rgb })
            }
        }
    }

    /// Waits until a frame is ready. False if none was in time.
    fn wait(&self, at_most: Duration) -> Result<bool, V4l2Fault> {
        let timeout = Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        let mut ready = [PollFd::new(&self.stream, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
            Ok(_) if ready[0].revents().contains(PollFlags::IN) => Ok(true),
            Ok(_) => Err(V4l2Fault::Gone),
            Err(error) => Err(self.fault("waiting for a frame", error.into())),
        }
    }

    fn fault(&self, doing: &'static str, error: io::Error) -> V4l2Fault {
        V4l2Fault::of(&self.path, doing, error)
    }
}

impl V4l2Fault {
    /// What an error of the kernel means.
    fn of(path: &std::path::Path, doing: &'static str, error: io::Error) -> Self {
        use rustix::io::Errno;
        match Errno::from_io_error(&error) {
            Some(Errno::BUSY) => {
                let holder = holder(path);
                Self::Busy { holder: holder.unwrap_or_else(|| "another process".to_owned()) }
            }
            Some(Errno::NOSPC) => Self::NoBandwidth,
            Some(Errno::NODEV | Errno::NXIO | Errno::IO | Errno::PIPE) => Self::Gone,
            Some(Errno::ACCESS | Errno::PERM) => Self::NoPermission,
            _ => Self::Kernel { doing, error },
        }
    }
}

impl Camera for V4l2Camera {
    fn latest(&mut self, wait: Duration) -> Result<Option<Frame>, CameraFault> {
        let frame = self.next(wait);
        frame.map_err(|fault| CameraFault {
            camera: self.path.display().to_string(),
            problem: fault.to_string(),
        })
    }
}

#[cfg(test)]
#[path = "v4l2/tests.rs"]
mod tests;
