//! The sections about faces: the camera, the models, and when a face counts as recognised.

use std::path::PathBuf;

use super::reader::{Section, in_millis};
use crate::core::policy::{FacePolicy, QualityGates};

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
    Sim,
    Replay,
}

impl CameraSource {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let kinds =
            [("none", CameraKind::None), ("sim", CameraKind::Sim), ("replay", CameraKind::Replay)];
        let kind = section.choice("kind", &kinds);
        if kind.is_none() {
            section.missing("kind", "give \"none\", \"replay\" or \"sim\"");
        }
        let files = section.files("files");
        let frames_per_second = section.number("fps", 0.5..=60.0, 10.0);
        match kind? {
            CameraKind::None => Some(Self::None),
            CameraKind::Sim => Some(Self::Sim { frames_per_second }),
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

/// Reads when a face counts as recognised, and when it is no longer tried. Defaults are the core's.
pub(super) fn read_faces(section: &mut Section<'_, '_>) -> FacePolicy {
    let usual = FacePolicy::default();
    FacePolicy {
        similarity: section.number("threshold", 0.2..=0.95, usual.similarity),
        margin: section.number("margin", 0.0..=0.5, usual.margin),
        liveness: section.number("liveness_threshold", 0.05..=1.0, usual.liveness),
        votes: section.count("votes", 1..=20, usual.votes),
        window: section.millis("window_ms", 500..=15_000, in_millis(usual.window)),
        leave_after: section.millis("leave_after_ms", 500..=15_000, in_millis(usual.leave_after)),
        again_after: section.millis("again_after_ms", 1000..=60_000, in_millis(usual.again_after)),
        gates: read_gates(section),
        failures: section.count("max_failures", 1..=100, usual.failures),
        pause: section.seconds("pause_s", 5..=3600, usual.pause.as_secs()),
    }
}

fn read_gates(section: &mut Section<'_, '_>) -> QualityGates {
    let usual = QualityGates::default();
    let gates = QualityGates {
        face_px: section.number("min_face_px", 20.0..=1000.0, usual.face_px),
        sharpness: section.number("min_sharpness", 0.0..=10_000.0, usual.sharpness),
        darkest: section.number("min_brightness", 0.0..=255.0, usual.darkest),
        brightest: section.number("max_brightness", 0.0..=255.0, usual.brightest),
        contrast: section.number("min_contrast", 0.0..=127.0, usual.contrast),
        yaw: section.number("max_yaw", 0.05..=1.0, usual.yaw),
        inside: section.number("min_inside", 0.5..=1.0, usual.inside),
    };
    if gates.darkest >= gates.brightest {
        section.refuse(
            "min_brightness",
            "is not below max_brightness, so that no picture would do: lower it",
        );
    }
    gates
}
