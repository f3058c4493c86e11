//! From pictures to numbers.

use super::{Frame, Template};
use crate::core::ids::RecipientId;
use crate::core::sighting::Sighting;

/// The engine could not look at a frame: an error, never to be counted as a refused face.
#[derive(Debug, thiserror::Error)]
#[error("the frame could not be examined: {problem}")]
pub struct FaceFault {
    /// What happened and what to do about it.
    pub problem: String,
}

/// Why a photo is no good for enrolment: a sentence for the person who took it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PhotoFault(pub String);

/// Examines frames and photos. Owns the models; lives on one thread.
pub trait FaceEngine: Send {
    /// Looks at a frame and compares the nearest face with the people to look for.
    fn examine(&mut self, frame: &Frame) -> Result<Sighting, FaceFault>;
    /// Forgets whoever was seen last: the camera was lost, so that the next frame follows on none.
    fn forget(&mut self);
    /// Makes a template of a photo that shows exactly one usable face.
    fn enrol(&mut self, photo: &[u8]) -> Result<Template, PhotoFault>;
    /// Replaces the people to look for: all their templates, nobody else's.
    fn look_for(&mut self, people: Vec<(RecipientId, Vec<Template>)>);
}
