//! A source of frames.

use std::time::Duration;

use zeroize::Zeroize as _;

/// One frame, as the camera delivers it. Its memory is wiped when it is dropped.
#[derive(Debug, Clone)]
pub enum Frame {
    /// A JPEG or PNG file's bytes.
    Encoded(Vec<u8>),
    /// Pixels, 8-bit RGB, rows top to bottom without padding: `rgb.len() == width * height * 3`.
    Rgb {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The pixels.
        rgb: Vec<u8>,
    },
}

/// A picture of somebody's face does not stay in memory when it is done with.
impl Drop for Frame {
    fn drop(&mut self) {
        match self {
            Self::Encoded(bytes) | Self::Rgb { rgb: bytes, .. } => bytes.zeroize(),
        }
    }
}

/// The camera is broken: an error, never to be counted as "nobody there".
#[derive(Debug, thiserror::Error)]
#[error("the camera {camera} gives no pictures: {problem}")]
pub struct CameraFault {
    /// Which camera.
    pub camera: String,
    /// What happened and what to do about it.
    pub problem: String,
}

/// A camera with latest-frame semantics: a slow caller never sees a stale frame.
pub trait Camera: Send {
    /// Waits at most `wait` for a frame newer than the last one returned; `None` if there was none.
    fn latest(&mut self, wait: Duration) -> Result<Option<Frame>, CameraFault>;
}
