//! Simulated hardware, for demonstrations and tests on machines without any.

mod cabinet;
mod camera;

pub use cabinet::{PulseSeen, SimCabinet, SimLocks, SimSensors};
pub use camera::{ReplayCamera, SimCamera};
