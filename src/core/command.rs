//! What the hall may ask for, parsed and checked, with the answer each command gets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fitting::Needs;
use super::ids::{CommandId, CompartmentId, ConsentRef, DepositId, OperatorId, RecipientId};
use super::time::WallTime;

/// A command as it arrived, whole and well formed; whether it is obeyed is the cabinet's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The same id is the same command.
    pub id: CommandId,
    /// When the hall wrote it.
    pub issued_at: WallTime,
    /// After this it must not be obeyed.
    pub expires_at: WallTime,
    /// Whether the broker had kept it; such a command would come again with every reconnect.
    pub retained: bool,
    /// What to do.
    pub order: Order,
}

/// The orders of the hall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Keep a compartment for a document that a clerk will bring.
    Reserve {
        /// The document.
        deposit: DepositId,
        /// Who will collect it.
        recipient: RecipientId,
        /// A certain compartment, or the free one that fits best.
        compartment: Option<CompartmentId>,
        /// What kind of compartment it needs.
        needs: Needs,
        /// When an uncollected document counts as expired.
        collect_by: Option<WallTime>,
    },
    /// Make a template from a photo that came with the command (the photo itself stays outside the core).
    Enrol {
        /// Whose face.
        recipient: RecipientId,
        /// The consent on record; without it there is no enrolment.
        consent: ConsentRef,
    },
    /// Forget a recipient's templates now.
    Erase {
        /// Whose templates.
        recipient: RecipientId,
    },
    /// Open one door for a member of staff.
    Unlock {
        /// Which door.
        compartment: CompartmentId,
        /// What for.
        purpose: Purpose,
        /// Who answers for it.
        operator: OperatorId,
        /// Why, in the operator's words, at most 200 characters.
        reason: String,
    },
    /// Take back a reservation that was never loaded.
    Cancel {
        /// The document.
        deposit: DepositId,
    },
    /// Take a compartment out of service, or return it after a check, which also ends a fault.
    SetService {
        /// Which compartment.
        compartment: CompartmentId,
        /// True to return it to service.
        in_service: bool,
        /// Who answers for it.
        operator: OperatorId,
    },
}

/// An order's name, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "one for each order above")]
pub enum OrderKind {
    Reserve,
    Enrol,
    Erase,
    Unlock,
    Cancel,
    SetService,
}

impl Order {
    /// The order's name.
    pub fn kind(&self) -> OrderKind {
        match self {
            Self::Reserve { .. } => OrderKind::Reserve,
            Self::Enrol { .. } => OrderKind::Enrol,
            Self::Erase { .. } => OrderKind::Erase,
            Self::Unlock { .. } => OrderKind::Unlock,
            Self::Cancel { .. } => OrderKind::Cancel,
            Self::SetService { .. } => OrderKind::SetService,
        }
    }
}

/// What a door is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A clerk puts the reserved document in.
    Load,
    /// The recipient takes the document out.
    Collect,
    /// A clerk takes an uncollected document back.
    Recall,
    /// Somebody looks, cleans or repairs; contents do not change.
    Inspect,
    /// A recipient who has just shut the door looks once more; contents do not change. Never commanded by the hall.
    Reopen,
}

/// Why a command was not obeyed. The names are part of the contract with the hall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Rejection {
    /// It came as a retained message.
    Retained,
    /// Its time is over.
    Expired,
    /// It claims to be written in the future, beyond the allowed skew.
    NotYetValid,
    /// Its expiry lies further ahead than this kind of command may live.
    LivesTooLong,
    /// There is no such compartment here.
    NoSuchCompartment,
    /// No document of that name is here.
    NoSuchDeposit,
    /// A document of that name is already here.
    DepositExists,
    /// No compartment is free.
    NoneFree,
    /// Some are free, but none is large enough and, where that was asked for, low.
    NoneFits,
    /// The named compartment is smaller than the document needs.
    TooSmall,
    /// The named compartment cannot be reached from a wheelchair.
    NotLow,
    /// Nothing should be in the named compartment, and yet its sensor sees something.
    Occupied,
    /// The compartment's state does not allow it.
    WrongState {
        /// What the state is.
        state: Lifecycle,
    },
    /// Another door is being opened, or this one is open; send it again, with a new id.
    Busy,
    /// Out of service, or faulty until checked.
    OutOfService,
    /// Policy forbids enrolment from the hall.
    RemoteEnrolmentOff,
    /// This recipient has no document here, so there is no ground to keep a template.
    NoGroundToEnrol,
    /// Face recognition is not running on this device.
    FaceUnavailable,
}

/// What went wrong with a command that had been accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Failure {
    /// The lock was pulsed as often as policy allows and the door did not open.
    DoorDidNotOpen,
    /// The lock was pulsed, and the door's switch cannot be trusted to say whether it opened.
    DoorUnseen,
    /// The agent restarted in between: whether it happened is unknown, and it is not repeated.
    Interrupted,
    /// The recipient's last document left while the template was being made, so it was not kept.
    NothingWaiting,
    /// No template could be made of the photo.
    UnusablePhoto {
        /// What to do about it.
        detail: String,
    },
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Answer {
    /// Begun; another answer will follow.
    Accepted,
    /// Not obeyed, and nothing was changed.
    Rejected {
        /// Why.
        reason: Rejection,
    },
    /// Carried out.
    Done {
        /// The compartment concerned, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compartment: Option<CompartmentId>,
    },
    /// Accepted, but it did not come about.
    Failed {
        /// Why.
        reason: Failure,
    },
}

/// A compartment's place in its life, as the hall and the clerk see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the lifecycle in ARCHITECTURE.md")]
pub enum Lifecycle {
    Vacant,
    Reserved,
    Loading,
    Loaded,
    Collecting,
    Expired,
    Recalling,
    Inspecting,
    Reopened,
    Fault,
    OutOfService,
}

/// The people who may be recognised now: those with a document waiting.
pub type Waiting = BTreeSet<RecipientId>;
