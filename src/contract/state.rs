//! The whole cabinet at a glance: retained, replaced whenever something changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::malformed::RefusedKind;
use crate::core::command::Lifecycle;
use crate::core::ids::{CompartmentId, DepositId, DeviceId};
use crate::core::input::DoorPosition;
use crate::core::time::WallTime;
use crate::core::view::CompartmentView;

/// A cabinet as it is now. For screens and dashboards; events are the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CabinetState {
    /// The contract's version: [`super::VERSION`].
    pub v: u16,
    /// Who.
    pub device: DeviceId,
    /// Its journal.
    pub journal: String,
    /// Its program's version.
    pub version: String,
    /// When, by the board's clock.
    pub at_ms: WallTime,
    /// Every compartment, by number.
    pub compartments: Vec<CompartmentState>,
    /// Whether citizens can collect with their face now.
    pub face_pickup: bool,
    /// Messages of the hall that were refused since the program started, by kind.
    pub refused: BTreeMap<RefusedKind, u64>,
    /// Events that the hall has not acknowledged.
    pub outbox_depth: u64,
}

/// One compartment as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompartmentState {
    /// The number on its door.
    pub number: CompartmentId,
    /// Its place in its life.
    pub lifecycle: Lifecycle,
    /// Where its door is.
    pub door: DoorState,
    /// The document it holds or is kept for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositId>,
    /// False when a document may have been taken unseen and staff should look; left out where no document is
    /// meant to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents_verified: Option<bool>,
}

/// Where a door is, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorState {
    /// Shut.
    Closed,
    /// Not shut.
    Open,
    /// The sensor has not said.
    Unknown,
}

impl From<Option<DoorPosition>> for DoorState {
    fn from(position: Option<DoorPosition>) -> Self {
        match position {
            Some(DoorPosition::Closed) => Self::Closed,
            Some(DoorPosition::Open) => Self::Open,
            None => Self::Unknown,
        }
    }
}

impl From<&CompartmentView> for CompartmentState {
    fn from(view: &CompartmentView) -> Self {
        Self {
            number: view.number,
            lifecycle: view.lifecycle,
            door: DoorState::from(view.door),
            deposit: view.deposit.clone(),
            contents_verified: view.deposit.is_some().then_some(view.verified),
        }
    }
}

impl CabinetState {
    /// As JSON.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a state holds only texts, numbers and lists")
    }

    /// From JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, Unreadable> {
        super::read("state", payload)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_state_is_read_back() {
        let state = CabinetState {
            v: crate::contract::VERSION,
            device: "luohu-1".parse().unwrap(),
            journal: "5eed".into(),
            version: "0.1.0".into(),
            at_ms: WallTime(7),
            compartments: vec![CompartmentState {
                number: CompartmentId::new(7).unwrap(),
                lifecycle: Lifecycle::Loaded,
                door: DoorState::from(Some(DoorPosition::Closed)),
                deposit: Some("licence-118".parse().unwrap()),
                contents_verified: None,
            }],
            face_pickup: true,
            refused: BTreeMap::from([(RefusedKind::NotJson, 2)]),
            outbox_depth: 3,
        };
        let text = String::from_utf8(state.encode()).unwrap();
        assert!(text.contains(r#""refused":{"not_json":2}"#), "{text}");
        assert_eq!(CabinetState::decode(text.as_bytes()).unwrap(), state);
    }
}
