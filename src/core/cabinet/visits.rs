//! A visit: from a recognised face on its owner is served without a second look, one door after the other.
//!
//! There is one visit at a time, that of the person who was recognised last; nobody else's doors open by it. It is
//! volatile: after a restart somebody else may stand there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Cabinet, Step};
use crate::core::command::Purpose;
use crate::core::compartment::{Compartment, Content, Door, Opening, Service};
use crate::core::event::Authority;
use crate::core::ids::{CompartmentId, RecipientId, UnlockId};
use crate::core::time::{Monotonic, Now};

/// Somebody who was recognised, and what has been opened for them since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) recipient: RecipientId,
    /// The opening that the face was the authority for.
    since: UnlockId,
    began: Monotonic,
    opened: BTreeSet<CompartmentId>,
    /// Doors that were shut after a collection, and when for the first time.
    shut: BTreeMap<CompartmentId, Monotonic>,
    /// A door was shut and the next one may open.
    goes_on: bool,
}

impl Visit {
    /// What an authority means for the visit under way.
    pub(super) fn after(
        visit: Option<Self>,
        now: Monotonic,
        unlock: UnlockId,
        compartment: CompartmentId,
        authority: &Authority,
    ) -> Option<Self> {
        match authority {
            Authority::Face { recipient } => Some(Self {
                recipient: recipient.clone(),
                since: unlock,
                began: now,
                opened: BTreeSet::from([compartment]),
                shut: BTreeMap::new(),
                goes_on: false,
            }),
            Authority::Visit { .. } => visit.map(|mut visit| {
                visit.opened.insert(compartment);
                visit.goes_on = false;
                visit
            }),
            // What staff have opened is no longer as the visitor left it.
            Authority::Staff { .. } | Authority::Local { .. } => visit.map(|mut visit| {
                visit.shut.remove(&compartment);
                visit
            }),
        }
    }

    /// A door of somebody's was shut.
    pub(super) fn door_shut(&mut self, now: Monotonic, id: CompartmentId, opening: &Opening) {
        if !self.covers(opening) {
            return;
        }
        self.goes_on = true;
        if opening.purpose == Purpose::Collect {
            self.shut.entry(id).or_insert(now);
        }
    }

    fn covers(&self, opening: &Opening) -> bool {
        match &opening.authority {
            Authority::Face { .. } => opening.unlock == self.since,
            Authority::Visit { since, .. } => *since == self.since,
            Authority::Staff { .. } | Authority::Local { .. } => false,
        }
    }

    fn may_reopen(&self, now: Monotonic, id: CompartmentId, within: Duration) -> bool {
        self.shut.get(&id).is_some_and(|shut| now.since(*shut) < within)
    }

    fn authority(&self) -> Authority {
        Authority::Visit { recipient: self.recipient.clone(), since: self.since }
    }
}

impl Cabinet {
    /// Opens the next door of the visit once the one before is shut and no lock is commanded.
    pub(super) fn go_on(&mut self, now: Now, step: &mut Step) {
        let Some(visit) = self.visit.as_ref().filter(|visit| visit.goes_on) else { return };
        if self.is_busy() {
            return;
        }
        let young = now.mono.since(visit.began) < self.policy.doors.visit;
        let known = self.enrolled.contains_key(&visit.recipient);
        let next = self.next_of(visit).filter(|_| young && known);
        let authority = visit.authority();
        if let Some(visit) = &mut self.visit {
            visit.goes_on = false;
        }
        if let Some(compartment) = next {
            self.authorise(now, compartment, Purpose::Collect, authority, step);
        }
    }

    fn next_of(&self, visit: &Visit) -> Option<CompartmentId> {
        let waits = |id: &CompartmentId| {
            !visit.opened.contains(id)
                && self.fitted(*id).and_then(Compartment::waiting_for) == Some(&visit.recipient)
        };
        self.fitted.keys().copied().find(waits)
    }

    /// Opens a door once more that its recipient has just shut; does nothing if that is not so. What is still on
    /// record as inside is collected by it, an empty compartment is only looked into.
    pub(super) fn reopen(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(visit) = &self.visit else { return };
        let Some(compartment) = self.fitted(id) else { return };
        if !visit.may_reopen(now.mono, id, self.policy.doors.reopen_within)
            || compartment.service != Service::In
            || self.is_busy()
            || self.is_served(&visit.recipient)
        {
            return;
        }
        let purpose = match &compartment.content {
            Content::Vacant => Purpose::Reopen,
            Content::Loaded { .. } if compartment.waiting_for() == Some(&visit.recipient) => {
                Purpose::Collect
            }
            Content::Reserved(_) | Content::Loaded { .. } => return,
        };
        let authority = visit.authority();
        self.authorise(now, id, purpose, authority, step);
    }

    /// Whether a door was shut so lately that its recipient may want it open once more: nobody else gets the
    /// compartment meanwhile.
    pub(super) fn is_held(&self, now: Monotonic, id: CompartmentId) -> bool {
        let within = self.policy.doors.reopen_within;
        self.visit.as_ref().is_some_and(|visit| visit.may_reopen(now, id, within))
    }

    /// Whether a door stands open for this recipient: the next one has to wait. A door that has been open for so long
    /// that somebody was reminded of it holds nobody up: its switch may be broken.
    pub(super) fn is_served(&self, recipient: &RecipientId) -> bool {
        let theirs = |opening: &Opening| match &opening.authority {
            Authority::Face { recipient: who } | Authority::Visit { recipient: who, .. } => {
                who == recipient
            }
            Authority::Staff { .. } | Authority::Local { .. } => false,
        };
        let lately = |door: &Door| match door {
            Door::Open { reminders, .. } => *reminders == 0,
            Door::Unknown | Door::Closed => true,
        };
        let serves = |c: &Compartment| c.opening.as_ref().is_some_and(theirs) && lately(&c.door);
        self.compartments.values().any(serves)
    }
}
