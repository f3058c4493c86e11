//! From pictures to numbers: find the face, judge it, and compare it with the people a document waits for.
//!
//! One thread owns an [`Engine`] with all models. Pictures come in as bytes or pixels; only measurements and
//! templates leave. Everything model-specific is in the manifest (`crate::models`); ONNX Runtime is known to
//! [`onnx`] alone.

pub mod align;
mod coarse;
pub mod detect;
pub mod embed;
pub mod engine;
pub mod gallery;
pub mod geometry;
pub mod landmark;
mod last_face;
pub mod liveness;
pub mod onnx;
pub mod picture;
pub mod pipeline;
pub mod products;
pub mod quality;
pub mod resample;
pub mod still;
pub mod trial;

pub use engine::Engine;
pub use pipeline::{Pipeline, VisionError};
