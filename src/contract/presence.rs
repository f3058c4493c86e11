//! Whether a cabinet is connected: retained, so that whoever asks late is told at once.

use serde::{Deserialize, Serialize};

use super::{Unreadable, VERSION};
use crate::core::ids::DeviceId;
use crate::core::time::WallTime;

/// Published when the cabinet connects and when it leaves; by the broker if it vanishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    v: u16,
    /// Who.
    pub device: DeviceId,
    /// There or not.
    pub online: bool,
    /// Its journal.
    pub journal: String,
    /// Its program's version.
    pub version: String,
    /// When this was written. What the broker publishes for a cabinet that vanished was written as it connected.
    pub at_ms: WallTime,
}

impl Presence {
    /// A cabinet's presence.
    pub fn new(
        device: DeviceId,
        online: bool,
        journal: String,
        version: String,
        at: WallTime,
    ) -> Self {
        Self { v: VERSION, device, online, journal, version, at_ms: at }
    }

    /// As JSON.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a presence holds only texts and numbers")
    }

    /// From JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, Unreadable> {
        super::read("presence", payload)
    }
}
