//! Locks and door sensors.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::ids::CompartmentId;
pub use crate::core::input::DoorPosition;

/// The lock could not be driven.
#[derive(Debug, thiserror::Error)]
#[error("the lock of compartment {compartment} could not be driven: {problem}")]
pub struct LockFault {
    /// Which door.
    pub compartment: CompartmentId,
    /// What happened and what to do about it.
    pub problem: String,
}

/// The locks of one cabinet.
///
/// Contract: lines are inactive when the bank is made, whenever no `pulse` runs, and after it is dropped,
/// also when the thread panics.
pub trait LockBank: Send {
    /// Energises one lock for `width`, and returns when the line is inactive again.
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault>;
}

/// The sensors could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the door sensors cannot be read: {problem}")]
pub struct SensorFault {
    /// What happened and what to do about it.
    pub problem: String,
}

/// A door that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorEdge {
    /// Which door.
    pub compartment: CompartmentId,
    /// Where it is now.
    pub position: DoorPosition,
}

/// The door switches of one cabinet.
pub trait DoorSensors: Send {
    /// Where every door is now.
    fn positions(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, SensorFault>;
    /// Waits at most `wait` for the next door to move, in order, without losing any since `positions`.
    fn next_edge(&mut self, wait: Duration) -> Result<Option<DoorEdge>, SensorFault>;
    /// Whether something lies in each compartment that has a sensor for that, as it is now. Asked for five times a
    /// second and whenever a door has moved, so it must not wait.
    fn occupied(&mut self) -> Result<BTreeMap<CompartmentId, bool>, SensorFault> {
        Ok(BTreeMap::new())
    }
}
