//! The sections about seeing: the camera and the models.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq)]
pub enum CameraSource {
    /// No camera: nobody is recognised, the staff opens the doors.
    None,
    /// Whatever the demonstration's hand holds before it.
    Sim {
        /// Frames a second.
        frames_per_second: f32,
    },
    /// A camera on the kernel's video interface.
    V4l2 {
        /// A device file, or a part of the camera's name, or its bus.
        device: String,
        /// Pixels across that are wished for.
        width: u32,
        /// Pixels down that are wished for.
        height: u32,
        /// Frames a second that are wished for.
        frames_per_second: f32,
        /// How long after its start its frames are thrown away.
        settle: Duration,
        /// How long it may give nothing while it is waited for.
        frozen_after: Duration,
    },
    /// Another program that writes JPEG pictures to its standard output.
    Command {
        /// The program and its arguments; at least the program.
        argv: Vec<String>,
        /// How long it may give nothing after its start or while it is waited for.
        frozen_after: Duration,
    },
    /// Pictures from files, over and over.
    Replay {
        /// The files, at least one. One that is missing is a fault of the camera, not of the configuration: faces
        /// are off, and the staff still opens doors.
        files: Vec<PathBuf>,
        /// Frames a second.
        frames_per_second: f32,
    },
}

#[derive(Clone, Copy)]
enum CameraKind {
    None,
    V4l2,
    Command,
    Replay,
    Sim,
}

impl CameraSource {
    /// Whether real people stand before it.
    pub fn sees_people(&self) -> bool {
        match self {
            Self::V4l2 { .. } | Self::Command { .. } => true,
            Self::None | Self::Sim { .. } | Self::Replay { .. } => false,
        }
    }

    pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let kinds = [
            ("none", CameraKind::None),
            ("v4l2", CameraKind::V4l2),
            ("command", CameraKind::Command),
            ("replay", CameraKind::Replay),
            ("sim", CameraKind::Sim),
        ];
        let kind = section.choice("kind", &kinds);
        if kind.is_none() {
            let remedy = "give \"none\", \"v4l2\", \"command\", \"replay\" or \"sim\"";
            section.missing("kind", remedy);
        }
        let device = section.text("device").unwrap_or_else(|| "/dev/video0".to_owned());
        let width = section.count("width", 160..=4096, 640);
        let height = section.count("height", 120..=4096, 480);
        let argv = section.words("command");
        let files = section.files("files");
        let frames_per_second = section.number("fps", 0.5..=60.0, 15.0);
        let settle = section.millis("settle_ms", 0..=5000, 500);
        let frozen_after = section.millis("frozen_after_ms", 1000..=60_000, 5000);
        match kind? {
            CameraKind::None => Some(Self::None),
            CameraKind::Sim => Some(Self::Sim { frames_per_second }),
            CameraKind::V4l2 => {
                Some(Self::V4l2 { device, width, height, frames_per_second, settle, frozen_after })
            }
            CameraKind::Command => {
                if argv.is_empty() {
                    let remedy =
                        "give the program and its arguments, like [\"rpicam-vid\", \"-t\", \"0\"]";
                    section.missing("command", remedy);
                }
                Some(Self::Command { argv, frozen_after })
            }
            CameraKind::Replay => {
                if files.is_empty() {
                    section.missing("files", "list the pictures to play, like [\"one.jpg\"]");
                }
                Some(Self::Replay { files, frames_per_second })
            }
        }
    }
}

/// Where the models are; what is not given is the program's own choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelsConfig {
    /// The folder of the model files.
    pub dir: Option<PathBuf>,
    /// The manifest that says which files play which role, with their hashes.
    pub manifest: Option<PathBuf>,
}

impl ModelsConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self { dir: section.path_value("dir"), manifest: section.file("manifest") }
    }
}
