//! What happened. Events are the only thing that is ever stored, and the only thing that changes the state.
//!
//! The serialised names are part of the stored format and of the contract with the hall: fixtures under
//! `tests/fixtures/events` hold them still.

use serde::{Deserialize, Serialize};

use super::command::{Failure, OrderKind, Purpose, Rejection};
use super::ids::{
    CommandId, CompartmentId, ConsentRef, DepositId, ModelId, OperatorId, RecipientId, UnlockId,
};
use super::time::WallTime;

/// Something that happened, or an intent that was recorded before acting on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "fields are named by their types; variants say what happened")]
pub enum Event {
    /// The agent came up; what was unfinished is settled by the events that follow in the same batch.
    AgentStarted { version: String },
    /// A command was taken on; another event will tell its end.
    CommandAccepted { command: CommandId, order: OrderKind, expires_at: WallTime },
    /// A command was refused and changed nothing.
    CommandRejected {
        command: CommandId,
        order: OrderKind,
        expires_at: WallTime,
        reason: Rejection,
    },
    /// A command was carried out.
    CommandDone {
        command: CommandId,
        order: OrderKind,
        expires_at: WallTime,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compartment: Option<CompartmentId>,
    },
    /// An accepted command did not come about.
    CommandFailed { command: CommandId, order: OrderKind, expires_at: WallTime, reason: Failure },

    /// A compartment is kept for a document.
    DepositReserved {
        deposit: DepositId,
        recipient: RecipientId,
        compartment: CompartmentId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        collect_by: Option<WallTime>,
    },
    /// A reservation was taken back.
    ReservationCancelled { deposit: DepositId, compartment: CompartmentId },
    /// The document is in and the door is shut.
    DepositLoaded { deposit: DepositId, compartment: CompartmentId },
    /// The door was opened for the recipient and is shut again.
    DepositCollected { deposit: DepositId, compartment: CompartmentId, recipient: RecipientId },
    /// A clerk took the document back.
    DepositRecalled { deposit: DepositId, compartment: CompartmentId },
    /// Nobody collected the document in time; a clerk has to recall it.
    DepositExpired { deposit: DepositId, compartment: CompartmentId },
    /// The door was opened to put the document in and is shut, and the sensor sees nothing inside: still reserved.
    DepositNotLoaded { deposit: DepositId, compartment: CompartmentId },
    /// The door was opened to take the document out and is shut, and it still lies inside: still loaded.
    DepositLeftBehind { deposit: DepositId, compartment: CompartmentId, purpose: Purpose },
    /// The door is shut, the document should be inside, and the sensor sees nothing: the contents are in doubt.
    DepositMissing { deposit: DepositId, compartment: CompartmentId },

    /// A template exists for the recipient.
    RecipientEnrolled { recipient: RecipientId, consent: ConsentRef, model: ModelId },
    /// The recipient's templates are of another model than the one that runs now: nobody is compared with them, and the
    /// recipient has to be enrolled anew.
    TemplatesOutdated { recipient: RecipientId, model: ModelId },
    /// All templates of the recipient are gone.
    TemplatesErased { recipient: RecipientId, cause: Erasure },

    /// Somebody may open this door: the authority for every pulse that names this unlock.
    UnlockAuthorised {
        unlock: UnlockId,
        compartment: CompartmentId,
        purpose: Purpose,
        authority: Authority,
    },
    /// The intent to pulse; recorded before the line moves.
    PulseCommanded { unlock: UnlockId, compartment: CompartmentId, attempt: u32 },
    /// The pulse is over and the line is inactive again.
    PulseEnded {
        unlock: UnlockId,
        compartment: CompartmentId,
        attempt: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
    /// The agent restarted between the intent and the door: outcome unknown, not repeated.
    UnlockInterrupted { unlock: UnlockId, compartment: CompartmentId },

    /// The door opened under an authority. With `already_open` its switch had said so before the pulse and did not
    /// change: it may be stuck, and the door may have stood open.
    DoorOpened {
        unlock: UnlockId,
        compartment: CompartmentId,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        already_open: bool,
    },
    /// The door is shut. With `unseen` it was shut while the agent was down: a document that was being put in, or
    /// lay there, is in doubt.
    DoorClosed {
        compartment: CompartmentId,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unseen: bool,
    },
    /// The door opened and nobody was allowed to open it.
    DoorForced { compartment: CompartmentId },
    /// The door has stood open too long, for the n-th time of asking.
    DoorAjar { compartment: CompartmentId, reminder: u32 },

    /// The camera saw somebody who was not let in; one for each person at the door, not for each frame.
    FaceRefused { reason: Refusal },
    /// Too many failures in a row: faces are not tried until then. Staff and codes still work.
    FacePaused { until: WallTime },

    /// A compartment needs a technician or a clerk.
    CompartmentFaulted { compartment: CompartmentId, fault: Fault },
    /// A lock is about to be pulsed by hand while the agent does not run, to find out which door it opens.
    LockTried { compartment: CompartmentId, operator: OperatorId, reason: String },
    /// A compartment was taken out of service or returned to it.
    ServiceChanged { compartment: CompartmentId, in_service: bool, operator: OperatorId },
}

/// On whose word a door is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authority {
    /// The recipient was recognised at the camera.
    Face {
        /// Who.
        recipient: RecipientId,
    },
    /// The recipient was recognised a moment ago and is still being served.
    Visit {
        /// Who.
        recipient: RecipientId,
        /// The opening that their face was the authority for.
        since: UnlockId,
    },
    /// The hall commanded it for a member of staff.
    Staff {
        /// The command that carries the authority.
        command: CommandId,
        /// Who answers for it.
        operator: OperatorId,
        /// Why, in the operator's words.
        reason: String,
    },
    /// Somebody at the cabinet itself asked, through its control socket.
    Local {
        /// The request, made for this opening alone.
        command: CommandId,
        /// Who asked, as the operating system knows them.
        operator: OperatorId,
        /// Why, in the operator's words.
        reason: String,
    },
}

/// Why templates were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Erasure {
    /// The last document of the recipient was collected, recalled or cancelled.
    NothingWaiting,
    /// The hall asked, for instance because consent was withdrawn.
    Requested,
}

/// Why a face did not open a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No face good enough to judge, as long as it was looked at.
    PoorQuality,
    /// More than one person stood at the door.
    SeveralFaces,
    /// Liveness could not be judged, so nobody passes.
    LivenessUnavailable,
    /// Looks like a photo, a screen or a mask.
    PresentationAttack,
    /// Frame after frame the very same picture: a picture that is played over and over, or a camera that hangs.
    StillPicture,
    /// The head was not turned as asked, or not in time.
    ChallengeFailed,
    /// Resembles nobody with a document waiting.
    NotRecognised,
    /// Resembles two people about equally.
    Ambiguous,
}

impl Refusal {
    /// Whether it is a failed attempt, of which only so many are allowed in a row; what a person could not help is none.
    pub(super) fn is_failure(self) -> bool {
        match self {
            Self::NotRecognised
            | Self::PresentationAttack
            | Self::StillPicture
            | Self::ChallengeFailed
            | Self::Ambiguous => true,
            Self::PoorQuality | Self::SeveralFaces | Self::LivenessUnavailable => false,
        }
    }
}

/// What is wrong with a compartment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Pulsed as often as allowed; the sensor saw no opening.
    DidNotOpen,
    /// The lock driver reported an error.
    LockError,
    /// The door still stands open after the last reminder, or its switch says so.
    DidNotClose,
    /// The door's switch moved as no hand moves a door; it is not listened to until the compartment was checked.
    SwitchFlapping,
    /// The switch saw no opening, but what lies inside changed: the door did open.
    SwitchStuck,
}
