//! What the core and the app need from the world, as traits. Each has a real adapter and a simulated one.
//!
//! Adapters are blocking and own one resource each; the app gives every one its own thread.

mod camera;
mod doors;
mod faces;
mod journal;
mod templates;
mod uplink;

pub use camera::{Camera, CameraFault, Frame};
pub use doors::{DoorEdge, DoorPosition, DoorSensors, LockBank, LockFault, SensorFault};
pub use faces::{FaceEngine, FaceFault, PhotoFault};
pub use journal::{Journal, JournalFault, Outbox, OutboxEntry, Recorded};
pub use templates::{Template, TemplateFault, TemplateStore};
pub use uplink::Uplink;
