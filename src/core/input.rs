//! What the core is told, and what it asks to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::command::{Answer, Command, Waiting};
use super::ids::{CommandId, CompartmentId, ModelId, OperatorId, RecipientId, UnlockId};
use super::sighting::Sighting;

/// Where a door is, by its switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorPosition {
    /// Shut.
    Closed,
    /// Not shut.
    Open,
}

/// Everything that can reach the core.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The agent came up: the first input after the journal was replayed.
    Started {
        /// The program's version, for the record.
        version: String,
        /// Where each door is.
        doors: BTreeMap<CompartmentId, DoorPosition>,
        /// Whether something lies inside, for each compartment with a sensor for that.
        occupied: BTreeMap<CompartmentId, bool>,
    },
    /// Time has passed.
    Tick,
    /// The hall asks.
    Command(Command),
    /// Somebody at the cabinet itself asks for a door.
    Local(LocalOpening),
    /// The photo of an accepted enrolment was looked at.
    TemplateMade {
        /// The enrolment.
        command: CommandId,
        /// The model, once the template is stored; or what is wrong with the photo.
        result: Result<ModelId, String>,
    },
    /// A pulse is over.
    PulseEnded {
        /// Which opening.
        unlock: UnlockId,
        /// Which of its pulses.
        attempt: u32,
        /// What the driver says.
        result: Result<(), String>,
    },
    /// A door moved.
    Door {
        /// Which.
        compartment: CompartmentId,
        /// Where it is now.
        position: DoorPosition,
    },
    /// Something was put into a compartment or taken out of it, by a sensor that looks inside.
    Occupancy {
        /// Which.
        compartment: CompartmentId,
        /// Whether something lies in it now.
        occupied: bool,
    },
    /// The recipient who has just shut this door wants it open once more.
    Reopen {
        /// Which.
        compartment: CompartmentId,
    },
    /// Camera and models became able, or unable, to recognise anybody.
    FacesAvailable(bool),
    /// The camera looked.
    Sighting(Sighting),
    /// A number that nobody can know, for what has to be drawn; once after the start.
    Chance(u64),
    /// Somebody says whose document they want: from now on for a while faces are compared with these people and nobody
    /// else. A new claim replaces the one before; one of nobody takes it back. A claim alone opens no door.
    Claim {
        /// Everybody the claim may mean.
        recipients: BTreeSet<RecipientId>,
        /// What stands behind it.
        proof: Proof,
    },
}

/// What stands behind a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The claim itself: last digits, a name, anything that others may know too.
    Word,
    /// A secret code that was checked.
    Code,
}

/// A door to be opened for somebody who works at the cabinet: an installer, a technician.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOpening {
    /// Made for this request alone; it carries the answer back.
    pub id: CommandId,
    /// Which door.
    pub compartment: CompartmentId,
    /// Who asks, as the operating system knows them.
    pub operator: OperatorId,
    /// Why, in their words.
    pub reason: String,
    /// Whether the door may be opened although a document lies behind it.
    pub even_loaded: bool,
}

/// What to do once the step's events are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Energise one lock.
    Pulse {
        /// Which opening.
        unlock: UnlockId,
        /// Which of its pulses, from 1.
        attempt: u32,
        /// Which lock.
        compartment: CompartmentId,
        /// For how long.
        width: Duration,
    },
    /// Answer the hall.
    Answer {
        /// Which command.
        command: CommandId,
        /// What.
        answer: Answer,
    },
    /// Make and store a template of the photo that came with this command.
    MakeTemplate {
        /// The enrolment.
        command: CommandId,
        /// Whose face.
        recipient: RecipientId,
    },
    /// Erase the templates of a recipient, from disk and from memory.
    EraseTemplates(RecipientId),
    /// From now on look for these people and nobody else.
    LookFor(Waiting),
}
