//! The sections about faces: the camera, the models, and when a face counts as recognised.

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
    /// Pictures from files, over and over.
    Replay {
        /// The files, at least one, all there when the configuration was read.
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

/// When a face counts as recognised, and when it is no longer tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecognitionConfig {
    /// The least cosine of two templates of the same person.
    ///
    /// 0.45 is the measured starting point: ORL faces (1,800 genuine and 78,000 impostor pairs) with the
    /// default models accept 0.997 of the genuine ones at a false accept rate of 1e-4 there.
    pub threshold: f32,
    /// How much more like the best person than like the second best.
    pub margin: f32,
    /// The least liveness score.
    pub liveness_threshold: f32,
    /// How many frames have to agree.
    pub votes: u32,
    /// Within how long they have to.
    pub look_window: Duration,
    /// How long nobody stands there until the next person may be somebody else.
    pub leave_after: Duration,
    /// What a picture of a face must be like to be judged.
    pub gates: FaceGates,
    /// So many refusals in a row pause face recognition.
    pub max_failures: u32,
    /// For how long.
    pub failure_pause: Duration,
}

/// What a picture of a face must be like to be judged; units as in `core::sighting::Quality`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceGates {
    /// The least height, in pixels of the frame.
    pub min_face_px: f32,
    /// The least variance of the Laplacian.
    pub min_sharpness: f32,
    /// The least mean grey level.
    pub min_brightness: f32,
    /// The greatest mean grey level.
    pub max_brightness: f32,
    /// The least standard deviation of the grey levels.
    pub min_contrast: f32,
    /// The greatest turn to either side, 0 to 1.
    pub max_yaw: f32,
    /// The least part of the face inside the frame.
    pub min_inside: f32,
}

impl RecognitionConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            threshold: section.number("threshold", 0.2..=0.95, 0.45),
            margin: section.number("margin", 0.0..=0.5, 0.05),
            liveness_threshold: section.number("liveness_threshold", 0.05..=1.0, 0.5),
            votes: section.count("votes", 1..=20, 3),
            look_window: section.millis("window_ms", 500..=15_000, 3000),
            leave_after: section.millis("leave_after_ms", 500..=15_000, 2000),
            gates: FaceGates::read(section),
            max_failures: section.count("max_failures", 1..=100, 5),
            failure_pause: section.seconds("pause_s", 5..=3600, 60),
        }
    }
}

impl FaceGates {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let gates = Self {
            min_face_px: section.number("min_face_px", 20.0..=1000.0, 90.0),
            min_sharpness: section.number("min_sharpness", 0.0..=10_000.0, 20.0),
            min_brightness: section.number("min_brightness", 0.0..=255.0, 40.0),
            max_brightness: section.number("max_brightness", 0.0..=255.0, 220.0),
            min_contrast: section.number("min_contrast", 0.0..=127.0, 15.0),
            max_yaw: section.number("max_yaw", 0.05..=1.0, 0.6),
            min_inside: section.number("min_inside", 0.5..=1.0, 0.9),
        };
        if gates.min_brightness >= gates.max_brightness {
            section.refuse(
                "min_brightness",
                "is not below max_brightness, so that no picture would do: lower it",
            );
        }
        gates
    }
}
