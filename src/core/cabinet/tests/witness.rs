//! Watches the record and the acts, and knows the laws.

use std::collections::{BTreeMap, BTreeSet};

use super::scenario::{Bench, recipient};
use crate::core::command::Purpose;
use crate::core::compartment::{Content, Stage};
use crate::core::event::{Authority, Erasure, Event, Fault};
use crate::core::ids::{CompartmentId, RecipientId, UnlockId};
use crate::core::input::Act;
use crate::core::policy::Policy;
use crate::core::time::WallTime;

#[derive(Default)]
pub(super) struct Witness {
    policy: Policy,
    seen_events: usize,
    seen_acts: usize,
    /// How often each kind of event was seen.
    pub(super) kinds: BTreeMap<String, u64>,
    openings: BTreeMap<UnlockId, Seen>,
    recorded_pulses: BTreeSet<(UnlockId, u32, CompartmentId)>,
    acted_pulses: BTreeSet<(UnlockId, u32)>,
    energised: Option<(UnlockId, u32)>,
    /// When the last pulse ended, or the agent started.
    rested_since: Option<WallTime>,
    last_opening: BTreeMap<CompartmentId, UnlockId>,
    enrolled: BTreeSet<RecipientId>,
    /// Compartments whose switch is not to be listened to.
    flapping: BTreeSet<CompartmentId>,
    /// The opening by which the person was recognised who is being served.
    visit: Option<UnlockId>,
    /// When a visitor's door was shut for the first time after a collection.
    shut: BTreeMap<CompartmentId, WallTime>,
}

/// An opening by the record.
struct Seen {
    compartment: CompartmentId,
    purpose: Purpose,
    /// Whose face is behind it.
    recipient: Option<RecipientId>,
    since: UnlockId,
    at: WallTime,
    opened: bool,
    closed: bool,
}

impl Witness {
    pub(super) fn look(&mut self, bench: &Bench) {
        for (at, event) in &bench.journal[self.seen_events..] {
            self.event(*at, event);
        }
        self.seen_events = bench.journal.len();
        for act in &bench.acts[self.seen_acts..] {
            self.act(act);
        }
        self.seen_acts = bench.acts.len();
        lawful(bench);
    }

    /// The acts of the process that has died are gone.
    pub(super) fn restarted(&mut self) {
        self.seen_acts = 0;
    }

    fn event(&mut self, at: WallTime, event: &Event) {
        *self.kinds.entry(kind(event)).or_default() += 1;
        match event {
            Event::AgentStarted { .. } => {
                (self.energised, self.visit) = (None, None);
                self.rested_since = Some(at);
                self.shut.clear();
            }
            Event::RecipientEnrolled { recipient, .. } => {
                self.enrolled.insert(recipient.clone());
            }
            Event::TemplatesErased { recipient, cause } => {
                self.enrolled.remove(recipient);
                let visitor = self.visit.and_then(|since| self.openings[&since].recipient.as_ref());
                if *cause == Erasure::Requested && visitor == Some(recipient) {
                    self.visit = None;
                    self.shut.clear();
                }
            }
            Event::UnlockAuthorised { unlock, compartment, purpose, authority } => {
                self.authorised(at, *unlock, *compartment, *purpose, authority);
            }
            Event::PulseCommanded { unlock, compartment, attempt } => {
                let authority = self.openings.get(unlock).expect("a pulse without authority");
                assert_eq!(authority.compartment, *compartment, "authority for another door");
                assert_eq!(self.energised, None, "two locks at once");
                let rested = at.since(self.rested_since.unwrap());
                assert!(rested >= self.policy.locks.rest, "only {rested:?} between two pulses");
                self.energised = Some((*unlock, *attempt));
                let new = self.recorded_pulses.insert((*unlock, *attempt, *compartment));
                assert!(new, "the same pulse twice");
            }
            Event::PulseEnded { unlock, attempt, .. } => {
                assert_eq!(self.energised, Some((*unlock, *attempt)));
                self.energised = None;
                self.rested_since = Some(at);
            }
            Event::DoorOpened { unlock, compartment, .. } => {
                self.heard(*compartment);
                let pulsed = self.recorded_pulses.iter().any(|(pulsed, ..)| pulsed == unlock);
                assert!(pulsed, "opened under an authority whose lock was never driven");
                self.openings.get_mut(unlock).unwrap().opened = true;
            }
            Event::DoorForced { compartment } => self.heard(*compartment),
            Event::DoorClosed { compartment, .. } => {
                self.heard(*compartment);
                self.door_closed(at, *compartment);
            }
            Event::DepositLoaded { compartment, .. }
            | Event::DepositNotLoaded { compartment, .. } => {
                self.ended(*compartment, Purpose::Load);
            }
            Event::DepositCollected { compartment, .. } => {
                self.ended(*compartment, Purpose::Collect);
            }
            Event::DepositRecalled { compartment, .. } => {
                self.ended(*compartment, Purpose::Recall);
            }
            Event::DepositLeftBehind { compartment, purpose, .. } => {
                assert!(matches!(purpose, Purpose::Collect | Purpose::Recall));
                self.ended(*compartment, *purpose);
            }
            Event::DepositReserved { compartment, .. } => {
                assert!(!self.is_held(at, *compartment), "given away while it may be reopened");
            }
            Event::CompartmentFaulted { compartment, fault: Fault::SwitchFlapping } => {
                self.flapping.insert(*compartment);
            }
            Event::ServiceChanged { compartment, .. } => {
                self.flapping.remove(compartment);
            }
            _ => {}
        }
    }

    fn authorised(
        &mut self,
        at: WallTime,
        unlock: UnlockId,
        compartment: CompartmentId,
        purpose: Purpose,
        authority: &Authority,
    ) {
        let (recipient, since) = match authority {
            Authority::Face { recipient } => {
                assert!(self.enrolled.contains(recipient), "opened for an erased face");
                self.visit = Some(unlock);
                self.shut.clear();
                (Some(recipient.clone()), unlock)
            }
            Authority::Visit { recipient, since } => {
                self.visited(at, compartment, purpose, recipient, *since);
                (Some(recipient.clone()), *since)
            }
            Authority::Staff { .. } | Authority::Local { .. } => {
                self.shut.remove(&compartment);
                (None, unlock)
            }
        };
        let by_staff = recipient.is_none();
        assert!(!by_staff || purpose != Purpose::Reopen, "staff have no need of that");
        let (opened, closed) = (false, false);
        let seen = Seen { compartment, purpose, recipient, since, at, opened, closed };
        assert!(self.openings.insert(unlock, seen).is_none(), "an unlock number was used twice");
        self.last_opening.insert(compartment, unlock);
    }

    /// A door that opens without a second look.
    fn visited(
        &self,
        at: WallTime,
        compartment: CompartmentId,
        purpose: Purpose,
        recipient: &RecipientId,
        since: UnlockId,
    ) {
        assert_eq!(self.visit, Some(since), "the visit of somebody who has left");
        let face = &self.openings[&since];
        assert_eq!((face.since, face.recipient.as_ref()), (since, Some(recipient)));
        let again = self.is_held(at, compartment);
        let next = at.since(face.at) < self.policy.doors.visit;
        match purpose {
            Purpose::Reopen => assert!(again, "reopened when its time was over"),
            Purpose::Collect => {
                assert!(again || next, "a visit that was over opened a door");
                assert!(self.enrolled.contains(recipient), "opened for an erased face");
            }
            Purpose::Load | Purpose::Recall | Purpose::Inspect => panic!("not a visitor's affair"),
        }
        let theirs = self.openings.values().filter(|seen| seen.since == since);
        let open = theirs.filter(|seen| seen.opened && !seen.closed);
        assert_eq!(open.count(), 0, "two doors at once for one visitor");
    }

    fn is_held(&self, at: WallTime, compartment: CompartmentId) -> bool {
        let within = self.policy.doors.reopen_within;
        self.shut.get(&compartment).is_some_and(|shut| at.since(*shut) < within)
    }

    fn door_closed(&mut self, at: WallTime, compartment: CompartmentId) {
        let Some(unlock) = self.last_opening.get(&compartment) else { return };
        let opening = self.openings.get_mut(unlock).unwrap();
        let ends = opening.opened && !opening.closed;
        opening.closed |= opening.opened;
        if ends && opening.purpose == Purpose::Collect && Some(opening.since) == self.visit {
            self.shut.entry(compartment).or_insert(at);
        }
    }

    /// What was put in or taken out had an opened and closed door for exactly that.
    fn ended(&self, compartment: CompartmentId, purpose: Purpose) {
        let unlock = self.last_opening.get(&compartment).expect("nobody opened it");
        let seen = &self.openings[unlock];
        assert!(seen.opened && seen.closed, "contents changed without an opened and closed door");
        assert_eq!(seen.purpose, purpose, "contents changed by an opening for something else");
    }

    /// A switch that flaps is not listened to.
    fn heard(&self, compartment: CompartmentId) {
        assert!(!self.flapping.contains(&compartment), "a flapping switch was listened to");
    }

    fn act(&mut self, act: &Act) {
        if let Act::Pulse { unlock, attempt, compartment, .. } = act {
            let recorded = self.recorded_pulses.contains(&(*unlock, *attempt, *compartment));
            assert!(recorded, "a lock was driven without its authority on record");
            assert!(self.acted_pulses.insert((*unlock, *attempt)), "the same pulse twice");
        }
    }
}

/// What an event is, told apart as far as the laws do.
fn kind(event: &Event) -> String {
    let name = |thing: String| thing.split([' ', '{']).next().unwrap().to_owned();
    let what = name(format!("{event:?}"));
    match event {
        Event::UnlockAuthorised { purpose, authority, .. } => {
            format!("{what} {purpose:?} {}", name(format!("{authority:?}")))
        }
        Event::CompartmentFaulted { fault, .. } => format!("{what} {fault:?}"),
        Event::DepositLeftBehind { purpose, .. } => format!("{what} {purpose:?}"),
        _ => what,
    }
}

/// What must be true of any state.
fn lawful(bench: &Bench) {
    let (cabinet, now) = (&bench.cabinet, bench.now().mono);
    let commanded = cabinet.compartments().filter(|(_, c)| c.is_commanded()).count();
    assert!(commanded <= 1, "two doors commanded at once");
    let mut deposits = BTreeSet::new();
    for (id, compartment) in cabinet.compartments() {
        if let Some(deposit) = compartment.content.deposit() {
            assert!(deposits.insert(deposit.id.clone()), "one document in two places");
        }
        assert!(!compartment.misses_its_document(), "compartment {id}: nobody was told");
        let Some(opening) = &compartment.opening else { continue };
        let waits = opening.stage == Stage::Authorised;
        assert!(!waits || cabinet.rests_until > now, "authorised and never pulsed");
        let fits = match opening.purpose {
            Purpose::Load => matches!(compartment.content, Content::Reserved(_)),
            Purpose::Collect | Purpose::Recall => {
                matches!(compartment.content, Content::Loaded { .. })
            }
            Purpose::Inspect => true,
            Purpose::Reopen => compartment.content == Content::Vacant,
        };
        assert!(fits, "compartment {id}: {opening:?} over {:?}", compartment.content);
    }
}

/// Nothing of this person is kept, and nothing that is under way can bring it back.
pub(super) fn forgotten(bench: &Bench, who: &str) -> bool {
    let who = recipient(who);
    let coming = bench.cabinet.enrolling().into_iter().any(|(_, recipient)| recipient == who);
    !coming && !bench.cabinet.enrolled().contains_key(&who)
}
