//! The state as others may see it: the hall, a screen, the log.

use super::cabinet::Cabinet;
use super::command::Lifecycle;
use super::compartment::{Compartment, Content};
use super::fitting::Fitting;
use super::ids::{CompartmentId, DepositId};
use super::input::DoorPosition;
use super::time::Monotonic;

/// A picture of the whole cabinet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CabinetView {
    /// Every compartment, by number.
    pub compartments: Vec<CompartmentView>,
    /// Whether a face can open a door now.
    pub faces_on: bool,
    /// Rejections that were answered but not recorded, because there were too many.
    pub unrecorded_rejections: u64,
}

/// A picture of one compartment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompartmentView {
    /// The number on the door.
    pub number: CompartmentId,
    /// What it is by its making.
    pub fitting: Fitting,
    /// Its place in its life.
    pub lifecycle: Lifecycle,
    /// Where the door stands, if its sensor has spoken.
    pub door: Option<DoorPosition>,
    /// The document in it or on its way to it.
    pub deposit: Option<DepositId>,
    /// False when a document may have been taken unseen and staff should look.
    pub verified: bool,
    /// Whether something lies in it, if a sensor has said so.
    pub occupied: Option<bool>,
}

impl CabinetView {
    /// Takes the picture.
    pub fn of(cabinet: &Cabinet, now: Monotonic) -> Self {
        let compartments = cabinet.compartments();
        let compartments =
            compartments.map(|(id, c)| CompartmentView::of(id, cabinet.fitting(id), c));
        Self {
            compartments: compartments.collect(),
            faces_on: cabinet.faces_on(now),
            unrecorded_rejections: cabinet.unrecorded_rejections(),
        }
    }
}

impl CompartmentView {
    fn of(number: CompartmentId, fitting: Fitting, compartment: &Compartment) -> Self {
        Self {
            number,
            fitting,
            lifecycle: compartment.lifecycle(),
            door: compartment.door.position(),
            deposit: compartment.content.deposit().map(|deposit| deposit.id.clone()),
            verified: !matches!(compartment.content, Content::Loaded { verified: false, .. }),
            occupied: compartment.occupied,
        }
    }
}
