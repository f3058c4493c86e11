//! What an agent is made of, and why it may not come up or have to end.

use std::collections::BTreeMap;

use super::agent::LONGEST_PULSE;
use super::eyes::{OpenCamera, OpenEngine};
use crate::core::fitting::Fitting;
use crate::core::ids::CompartmentId;
use crate::core::policy::Policy;
use crate::ports::{
    DoorSensors, Journal, JournalFault, LockBank, TemplateFault, TemplateStore, Uplink,
};

/// Everything an agent is made of.
pub struct Parts {
    /// The rules.
    pub policy: Policy,
    /// The doors, and what is behind them.
    pub fitted: BTreeMap<CompartmentId, Fitting>,
    /// The record.
    pub journal: Box<dyn Journal>,
    /// Templates at rest.
    pub templates: Box<dyn TemplateStore>,
    /// The locks.
    pub locks: Box<dyn LockBank>,
    /// The door switches.
    pub sensors: Box<dyn DoorSensors>,
    /// The models.
    pub open_engine: OpenEngine,
    /// The camera.
    pub open_camera: OpenCamera,
    /// The hall.
    pub uplink: Box<dyn Uplink>,
    /// Called at least once a second while the cabinet's thread is well.
    pub heartbeat: Box<dyn FnMut() + Send>,
}

/// Why the agent could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum AgentFault {
    /// Without a record nothing may be opened.
    #[error("no door can be opened without a record of it")]
    Journal(#[from] JournalFault),
    /// The templates cannot be read at all.
    #[error(transparent)]
    Templates(#[from] TemplateFault),
    /// The system refused a thread.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A thread has ended that never should.
    #[error("the {0} thread has ended unexpectedly; the agent has to be started anew")]
    Died(&'static str),
    /// The lock driver does not come back: only the end of the process surely releases its lines.
    #[error(
        "the lock driver has not ended a pulse within {LONGEST_PULSE:?}; the agent ends, so that the lines are \
         released, and has to be started anew"
    )]
    LocksHang,
}
