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
    /// Where it is.
    pub place: FaceBox,
    /// What the quality gates look at.
    pub quality: Quality,
    /// Fused presentation-attack score, 0 (attack) to 1 (live); `None` if liveness could not run.
    pub liveness: Option<f32>,
    /// Cosine of its template and that of the face seen last, -1 to 1; `None` when either could not be made, or when
    /// no face had been seen for a moment.
    pub resemblance: Option<f32>,
    /// Mean absolute difference between the aligned face and that of the frame before, in grey levels of 255; `None`
    /// when there was none.
    pub change: Option<f32>,
    /// The most similar person among those with a document waiting.
    pub best: Option<Candidate>,
    /// The most similar *other* person, for the margin.
    pub second: Option<Candidate>,
}

/// Where a face is, in pixels of the frame; may reach beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceBox {
    /// Its middle, from the left edge.
    pub x: f32,
    /// Its middle, from the upper edge.
    pub y: f32,
    /// Pixels across.
    pub width: f32,
    /// Pixels down.
    pub height: f32,
}

/// Measured quantities of a face crop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Height of the detected box in pixels of the original frame.
    pub face_px: f32,
    /// The part of the frame's height, or of its width if that is more, that the box takes up: 0 to 1, and more where
    /// the box reaches beyond the frame.
    pub fills: f32,
    /// Variance of the 4-neighbour Laplacian of the aligned 112x112 grey face (grey levels squared).
    pub sharpness: f32,
    /// Mean grey level of the aligned face, 0 to 255.
    pub brightness: f32,
    /// Standard deviation of the grey levels of the aligned face.
    pub contrast: f32,
    /// Horizontal place of the nose between the eyes, 0 = centred, ±1 = above an eye: a proxy for yaw. Positive towards
    /// the picture's right, which is the person's own left unless the camera mirrors.
    pub yaw: f32,
    /// Vertical place of the nose between the eyes and the mouth, 0 = half way, -1 = at the eyes, 1 = at the mouth: a
    /// proxy for pitch. Positive when the person looks down.
    pub pitch: f32,
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
