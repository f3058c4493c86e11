//! Simulated hardware, for demonstrations and tests on machines without any, and the demonstration's broker.

#[cfg(feature = "demo")]
pub mod broker;
mod cabinet;
mod camera;

pub use cabinet::{PulseSeen, SimCabinet, SimLocks, SimSensors};
pub use camera::SimCamera;
