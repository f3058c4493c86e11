//! One door: what lies behind it, where it stands, and the opening that is under way.
//!
//! Content, door, opening and service are separate because they are in the world: a faulty door can hold a
//! passport, a vacant one can be forced. The [`Lifecycle`] that people see is derived from them.

use super::command::{Lifecycle, Purpose};
use super::event::{Authority, Fault};
use super::ids::{DepositId, RecipientId, UnlockId};
use super::input::DoorPosition;
use super::switch::SwitchWatch;
use super::time::{Monotonic, WallTime};

/// A document on its way to a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The hall's name for it.
    pub id: DepositId,
    /// Who may collect it.
    pub recipient: RecipientId,
    /// When it counts as expired.
    pub collect_by: Option<WallTime>,
}

/// What lies behind a door, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    Vacant,
    /// Nothing yet; kept for this document.
    Reserved(Deposit),
    /// This document.
    Loaded {
        /// Which.
        deposit: Deposit,
        /// False when something happened that may have emptied it unseen; staff should look.
        verified: bool,
        /// Its time is over; only staff may open.
        expired: bool,
    },
}

impl Content {
    /// The document meant for this compartment, whether it is in or not.
    pub fn deposit(&self) -> Option<&Deposit> {
        match self {
            Self::Vacant => None,
            Self::Reserved(deposit) | Self::Loaded { deposit, .. } => Some(deposit),
        }
    }
}

/// Where a door stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Door {
    /// No sensor has spoken yet.
    #[default]
    Unknown,
    /// Shut.
    Closed,
    /// Not shut.
    Open {
        /// Since when.
        since: Monotonic,
        /// How often somebody was reminded.
        reminders: u32,
    },
}

impl Door {
    /// The door as a switch would report it.
    pub fn position(&self) -> Option<DoorPosition> {
        match self {
            Self::Unknown => None,
            Self::Closed => Some(DoorPosition::Closed),
            Self::Open { .. } => Some(DoorPosition::Open),
        }
    }
}

/// An authorised opening, from the authority to the closed door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Its number.
    pub unlock: UnlockId,
    /// What for.
    pub purpose: Purpose,
    /// On whose word.
    pub authority: Authority,
    /// How far it is.
    pub stage: Stage,
    /// Whether something was put in or taken out since. Volatile.
    pub stirred: bool,
}

/// How far an opening is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Recorded; its pulse waits until the supply has rested.
    Authorised,
    /// The lock is energised for the n-th time.
    Pulsing {
        /// n, from 1.
        attempt: u32,
    },
    /// Pulsed; the sensor has until then to see the door open.
    Waiting {
        /// How often it was pulsed.
        attempt: u32,
        /// When to pulse again or give up.
        until: Monotonic,
    },
    /// The door was seen open.
    Open,
}

/// Whether the compartment is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Service {
    /// In use.
    #[default]
    In,
    /// Taken out by staff.
    Out,
    /// Out until somebody has looked.
    Fault(Fault),
}

/// One door and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compartment {
    /// What lies behind it.
    pub content: Content,
    /// Where it stands.
    pub door: Door,
    /// The opening under way.
    pub opening: Option<Opening>,
    /// Whether it is in use.
    pub service: Service,
    /// Whether something lies inside, if it has a sensor for that and the sensor has spoken. Volatile.
    pub occupied: Option<bool>,
    /// What its door switch reported lately. Volatile.
    pub(super) switch: SwitchWatch,
    /// Whether the door was shut while nobody watched.
    shut_unseen: bool,
}

impl Compartment {
    /// The place in the compartment's life that people see.
    pub fn lifecycle(&self) -> Lifecycle {
        if let Some(opening) = &self.opening {
            return match opening.purpose {
                Purpose::Load => Lifecycle::Loading,
                Purpose::Collect => Lifecycle::Collecting,
                Purpose::Recall => Lifecycle::Recalling,
                Purpose::Inspect => Lifecycle::Inspecting,
                Purpose::Reopen => Lifecycle::Reopened,
            };
        }
        match (self.service, &self.content) {
            (Service::Out, _) => Lifecycle::OutOfService,
            (Service::Fault(_), _) => Lifecycle::Fault,
            (Service::In, Content::Vacant) => Lifecycle::Vacant,
            (Service::In, Content::Reserved(_)) => Lifecycle::Reserved,
            (Service::In, Content::Loaded { expired: true, .. }) => Lifecycle::Expired,
            (Service::In, Content::Loaded { expired: false, .. }) => Lifecycle::Loaded,
        }
    }

    /// The recipient who may open this door with their face now.
    pub fn waiting_for(&self) -> Option<&RecipientId> {
        match (&self.content, self.lifecycle()) {
            (Content::Loaded { deposit, .. }, Lifecycle::Loaded) => Some(&deposit.recipient),
            _ => None,
        }
    }

    /// Whether the lock was commanded and the door has not been seen open yet.
    pub fn is_commanded(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.stage != Stage::Open)
    }

    /// Whether this door may be opened for this purpose, leaving other doors aside.
    pub fn allows(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Load => {
                self.service == Service::In && matches!(self.content, Content::Reserved(_))
            }
            Purpose::Collect | Purpose::Recall => matches!(self.content, Content::Loaded { .. }),
            Purpose::Inspect => true,
            // Only a visit leads to that.
            Purpose::Reopen => false,
        }
    }

    /// Whether nobody can say any more where the door is: its switch moved as no door does.
    pub fn is_flapping(&self) -> bool {
        self.service == Service::Fault(Fault::SwitchFlapping)
    }

    /// Whether this move of the door is part of a session: its lock was driven, or its door is open to be shut.
    pub(super) fn expects(&self, position: DoorPosition) -> bool {
        let stage = self.opening.as_ref().map(|opening| opening.stage);
        match (position, stage) {
            (DoorPosition::Open, Some(Stage::Pulsing { .. } | Stage::Waiting { .. }))
            | (DoorPosition::Closed, Some(Stage::Open)) => true,
            (DoorPosition::Open, Some(Stage::Authorised | Stage::Open) | None)
            | (
                DoorPosition::Closed,
                Some(Stage::Authorised | Stage::Pulsing { .. } | Stage::Waiting { .. }) | None,
            ) => false,
        }
    }

    /// Whether a document should lie here that the sensor does not see, and nobody has been told yet.
    pub(super) fn misses_its_document(&self) -> bool {
        let settled = self.door == Door::Closed && self.opening.is_none();
        let believed = matches!(self.content, Content::Loaded { verified: true, .. });
        settled && believed && self.occupied == Some(false)
    }

    /// Something happened that may have emptied it unseen.
    pub(super) fn doubt(&mut self) {
        if let Content::Loaded { verified, .. } = &mut self.content {
            *verified = false;
        }
    }

    /// The reserved document is in. It is in doubt if nobody saw the door being shut.
    pub(super) fn load(&mut self) {
        if let Content::Reserved(deposit) = &self.content {
            let (deposit, verified) = (deposit.clone(), !self.shut_unseen);
            self.content = Content::Loaded { deposit, verified, expired: false };
        }
    }

    /// The door is shut. Gives the session that ends with it.
    pub(super) fn shut(&mut self, unseen: bool) -> Option<Opening> {
        self.door = Door::Closed;
        self.shut_unseen = unseen;
        if unseen {
            self.doubt();
        }
        self.opening.take_if(|opening| opening.stage == Stage::Open)
    }

    /// Somebody may open it. One who had left it open before may have left anything: that session is over.
    pub(super) fn begin(&mut self, unlock: UnlockId, purpose: Purpose, authority: Authority) {
        if self.opening.is_some() {
            self.doubt();
        }
        let stage = Stage::Authorised;
        self.opening = Some(Opening { unlock, purpose, authority, stage, stirred: false });
    }

    /// The agent restarted before the door was seen open. Where the lock had not been pulsed, nothing has happened.
    pub(super) fn interrupt(&mut self) {
        let unpulsed = |opening: &Opening| opening.stage == Stage::Authorised;
        if !self.opening.take().as_ref().is_some_and(unpulsed) {
            self.doubt();
        }
    }

    /// It needs somebody. A door that was left open keeps its session: what it was opened for ends when it is shut.
    pub(super) fn break_down(&mut self, fault: Fault) {
        self.service = Service::Fault(fault);
        match fault {
            Fault::DidNotClose => self.doubt(),
            Fault::DidNotOpen | Fault::LockError => self.abandon(),
            Fault::SwitchFlapping | Fault::SwitchStuck => {
                self.abandon();
                self.door = Door::Unknown;
            }
        }
    }

    fn abandon(&mut self) {
        self.opening = None;
        self.doubt();
    }

    /// The document's time is over.
    pub(super) fn expire(&mut self) {
        if let Content::Loaded { expired, .. } = &mut self.content {
            *expired = true;
        }
    }

    /// Taken out of service, or returned to it by somebody who has looked inside.
    pub(super) fn serve(&mut self, service: Service) {
        self.service = service;
        if let (Service::In, Content::Loaded { verified, .. }) = (service, &mut self.content) {
            *verified = true;
        }
    }
}
