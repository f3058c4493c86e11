//! What the camera saw in one frame, in numbers: no pixels and no template ever reach the core.

use super::ids::RecipientId;

/// One frame's outcome. An empty frame is a sighting too: it tells that the person has left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sighting {
    /// Faces large enough to belong to somebody who stands at the locker.
    pub near_faces: usize,
    /// The largest of them, measured.
    pub face: Option<FaceReading>,
}

/// The measurements of one face.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceReading {
    /// What the quality gates look at.
    pub quality: Quality,
    /// Fused presentation-attack score, 0 (attack) to 1 (live); `None` if liveness could not run.
    pub liveness: Option<f32>,
    /// The most similar person among those with a document waiting.
    pub best: Option<Candidate>,
    /// The most similar *other* person, for the margin.
    pub second: Option<Candidate>,
}

/// Measured quantities of a face crop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Height of the detected box in pixels of the original frame.
    pub face_px: f32,
    /// Variance of the 4-neighbour Laplacian of the aligned 112x112 grey face (grey levels squared).
    pub sharpness: f32,
    /// Mean grey level of the aligned face, 0 to 255.
    pub brightness: f32,
    /// Standard deviation of the grey levels of the aligned face.
    pub contrast: f32,
    /// Horizontal place of the nose between the eyes, 0 = centred, ±1 = above an eye: a proxy for yaw.
    pub yaw: f32,
    /// Part of the detected box that lies inside the frame, 0 to 1.
    pub inside: f32,
}

/// Somebody the face resembles.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Who.
    pub recipient: RecipientId,
    /// Cosine of the two templates, -1 to 1.
    pub similarity: f32,
}
