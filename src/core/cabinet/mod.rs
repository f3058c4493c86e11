//! The cabinet: the whole state, and the one function through which anything happens to it.
//!
//! [`Cabinet::step`] takes an input and gives a [`Step`]: events that must be durable first, then acts. The
//! state changes only by events, so replaying a journal rebuilds it. Volatile things (who stands at the
//! camera, which door stands where, time-outs) are settled anew by [`Input::Started`].

mod allocation;
mod apply;
mod claims;
mod contents;
mod doors;
mod faces;
mod local;
mod orders;
mod pulses;
mod restart;
#[cfg(test)]
mod tests;
mod visits;

use std::collections::BTreeMap;
use std::time::Duration;

use super::challenge::Chance;
use super::command::{Answer, Lifecycle, Waiting};
use super::command_log::CommandLog;
use super::compartment::{Compartment, Content, Door};
use super::event::Event;
use super::fitting::Fitting;
use super::guidance::{Guidance, Guide};
use super::ids::{CommandId, CompartmentId, ConsentRef, ModelId, RecipientId, UnlockId};
use super::input::{Act, Input};
use super::policy::Policy;
use super::recognition::Recognition;
use super::time::{Monotonic, Now, WallTime};
use claims::Claim;
use visits::Visit;

/// One locker bank, decided.
#[derive(Debug, Clone)]
pub struct Cabinet {
    policy: Policy,
    /// The doors this cabinet has by its configuration; a journal may know others.
    fitted: BTreeMap<CompartmentId, Fitting>,
    compartments: BTreeMap<CompartmentId, Compartment>,
    enrolled: BTreeMap<RecipientId, Enrolment>,
    commands: CommandLog,
    last_unlock: UnlockId,
    /// The lock that is energised now; at most one ever is.
    energised: Option<Pulse>,
    /// Until when no lock may be energised.
    rests_until: Monotonic,
    /// The person who was recognised last, while they may be served without another look.
    visit: Option<Visit>,
    recognition: Recognition,
    guide: Guide,
    chance: Chance,
    claim: Option<Claim>,
    faces_available: bool,
    face_failures: u32,
    faces_paused_until: Option<Monotonic>,
    looking_for: Waiting,
    rejections: RejectionLimit,
}

/// A pulse under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pulse {
    unlock: UnlockId,
    attempt: u32,
    compartment: CompartmentId,
}

/// A recipient whose template exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The consent on record.
    pub consent: ConsentRef,
    /// The model that made the template.
    pub model: ModelId,
    /// The model that runs instead, once the hall was told.
    pub outdated_for: Option<ModelId>,
}

/// What a step leads to: first make the events durable, then act.
///
/// The acts can be reached only through [`Step::record`], so none can happen before its authority is durable.
#[derive(Debug, Default, PartialEq)]
#[must_use = "an input's events and acts must be carried out"]
pub struct Step {
    events: Vec<Event>,
    acts: Vec<Act>,
}

impl Step {
    /// Hands the events to `make_durable` (if there are any) and gives the acts only if it succeeded.
    pub fn record<E>(
        self,
        make_durable: impl FnOnce(&[Event]) -> Result<(), E>,
    ) -> Result<Vec<Act>, E> {
        if !self.events.is_empty() {
            make_durable(&self.events)?;
        }
        Ok(self.acts)
    }

    /// The events to record.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

impl Cabinet {
    /// A cabinet with these doors, all vacant, before any event.
    pub fn new(policy: Policy, fitted: BTreeMap<CompartmentId, Fitting>) -> Self {
        let compartments = fitted.keys().map(|id| (*id, Compartment::default())).collect();
        Self {
            policy,
            fitted,
            compartments,
            enrolled: BTreeMap::new(),
            commands: CommandLog::default(),
            last_unlock: UnlockId(0),
            energised: None,
            rests_until: Monotonic::default(),
            visit: None,
            recognition: Recognition::default(),
            guide: Guide::default(),
            chance: Chance::default(),
            claim: None,
            faces_available: false,
            face_failures: 0,
            faces_paused_until: None,
            looking_for: Waiting::new(),
            rejections: RejectionLimit::default(),
        }
    }

    /// Takes in one recorded event when the journal is read at start.
    pub fn replay(&mut self, at: WallTime, event: &Event) {
        self.apply(Now { wall: at, mono: Monotonic::default() }, event);
    }

    /// Decides what one input leads to. The state is already changed when it returns: if the events cannot
    /// be made durable, this cabinet must be thrown away and rebuilt from the journal.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        let mut step = Step::default();
        match input {
            Input::Started { version, doors, occupied } => {
                self.started(now, version, &doors, &occupied, &mut step);
            }
            Input::Tick => {}
            Input::Command(command) => self.command(now, command, &mut step),
            Input::Local(opening) => self.local(now, opening, &mut step),
            Input::TemplateMade { command, result } => {
                self.template_made(now, &command, result, &mut step);
            }
            Input::PulseEnded { unlock, attempt, result } => {
                self.pulse_ended(now, unlock, attempt, result.err(), &mut step);
            }
            Input::Door { compartment, position } => {
                self.door_moved(now, compartment, position, &mut step);
            }
            Input::Occupancy { compartment, occupied } => self.occupancy(compartment, occupied),
            Input::Reopen { compartment } => self.reopen(now, compartment, &mut step),
            Input::FacesAvailable(available) => self.faces_available = available,
            Input::Sighting(sighting) => self.sighting(now, &sighting, &mut step),
            Input::Chance(seed) => self.chance.seed(seed),
            Input::Claim { recipients, proof } => self.claimed(now, recipients, proof),
        }
        self.timers(now, &mut step);
        self.go_on(now, &mut step);
        self.announce(&mut step);
        step
    }

    /// When the next [`Input::Tick`] is due, if nothing else comes first.
    pub fn deadline(&self, now: Now) -> Option<Monotonic> {
        let doors = self.compartments.values().filter_map(|c| self.door_deadline(c));
        let dates = self.compartments.values().filter_map(Self::expiry);
        let dates = dates.map(|at| now.mono.plus(at.since(now.wall)));
        let claim = self.claim.as_ref().map(Claim::until);
        doors.chain(dates).chain(claim).min()
    }

    /// What to tell whoever stands before the camera.
    pub fn guidance(&self, now: Monotonic) -> Guidance {
        self.guidance_at(now)
    }

    /// Every compartment with its number, for whoever shows the state.
    pub fn compartments(&self) -> impl Iterator<Item = (CompartmentId, &Compartment)> {
        self.compartments.iter().map(|(id, compartment)| (*id, compartment))
    }

    /// The recipients with a template, for the comparison with the template store at start.
    pub fn enrolled(&self) -> &BTreeMap<RecipientId, Enrolment> {
        &self.enrolled
    }

    /// Whether a face can open a door now.
    pub fn faces_on(&self, now: Monotonic) -> bool {
        self.faces_available && self.faces_paused_until.is_none_or(|until| until <= now)
    }

    /// Rejections that were answered but, being too many, not recorded.
    pub fn unrecorded_rejections(&self) -> u64 {
        self.rejections.unrecorded
    }

    /// The enrolments whose photo is still being looked at.
    pub fn enrolling(&self) -> Vec<(CommandId, RecipientId)> {
        let under_way = self.commands.enrolling.iter();
        under_way.map(|(id, enrolling)| (id.clone(), enrolling.recipient.clone())).collect()
    }

    /// Whether a lock is energised now.
    pub fn is_energised(&self) -> bool {
        self.energised.is_some()
    }

    /// Changes the state by an event and puts the event on the step's record.
    fn record(&mut self, now: Now, event: Event, step: &mut Step) {
        self.apply(now, &event);
        step.events.push(event);
    }

    /// The time-outs that are due.
    fn timers(&mut self, now: Now, step: &mut Step) {
        self.claim.take_if(|claim| claim.until() <= now.mono);
        for id in self.compartments.keys().copied().collect::<Vec<_>>() {
            self.expire(now, id, step);
            self.remind(now, id, step);
            self.drive(now, id, step);
            self.look_inside(now, id, step);
        }
    }

    /// Tells the camera whom to look for when that has changed: who has a document waiting, is enrolled, and may be
    /// meant by the claim if there is one. Whoever is erased is forgotten by the camera in the same step.
    fn announce(&mut self, step: &mut Step) {
        let fitted = self.fitted.keys().filter_map(|id| self.compartments.get(id));
        let waiting = fitted.filter_map(|c| c.waiting_for());
        let waiting = waiting.filter(|who| self.can_be_recognised(who) && self.may_match(who));
        let waiting: Waiting = waiting.cloned().collect();
        if waiting != self.looking_for {
            self.looking_for.clone_from(&waiting);
            step.acts.push(Act::LookFor(waiting));
        }
    }

    /// Whether there is a template of the recipient that the model of today can be compared with.
    fn can_be_recognised(&self, recipient: &RecipientId) -> bool {
        let of_today = |enrolment: &Enrolment| {
            self.policy.faces.embedder.as_ref().is_none_or(|model| enrolment.model == *model)
        };
        self.enrolled.get(recipient).is_some_and(of_today)
    }

    /// Whether any lock is commanded: energised, or pulsed with the door not seen open yet.
    fn is_busy(&self) -> bool {
        self.energised.is_some() || self.compartments.values().any(Compartment::is_commanded)
    }

    /// Whether a document for this recipient is here or on its way. One whose time is over is staff's business.
    fn expects(&self, recipient: &RecipientId) -> bool {
        let meant = |c: &Compartment| match &c.content {
            Content::Vacant | Content::Loaded { expired: true, .. } => false,
            Content::Reserved(deposit) | Content::Loaded { deposit, .. } => {
                deposit.recipient == *recipient
            }
        };
        self.compartments.values().any(meant)
    }

    /// A compartment of this cabinet; one that only the journal knows does not count.
    fn fitted(&self, id: CompartmentId) -> Option<&Compartment> {
        self.fitted.contains_key(&id).then(|| self.compartments.get(&id)).flatten()
    }

    fn expiry(compartment: &Compartment) -> Option<WallTime> {
        match (&compartment.content, compartment.lifecycle()) {
            (Content::Loaded { deposit, expired: false, .. }, Lifecycle::Loaded) => {
                deposit.collect_by
            }
            _ => None,
        }
    }

    fn door_deadline(&self, compartment: &Compartment) -> Option<Monotonic> {
        let ajar = match compartment.door {
            Door::Open { since, reminders } => Some(since.plus(self.ajar_after(reminders))),
            Door::Unknown | Door::Closed => None,
        };
        self.drive_deadline(compartment).into_iter().chain(ajar).min()
    }

    /// How long a door stands open before reminder `reminders + 1`: 1, 3, 7, 15 … times the policy's span.
    fn ajar_after(&self, reminders: u32) -> Duration {
        let times = 2_u32.saturating_pow(reminders.saturating_add(1).min(16)) - 1;
        self.policy.doors.ajar_after.saturating_mul(times)
    }
}

/// Recording every rejection would let a flood of commands fill the disk: a burst, then one a second.
#[derive(Debug, Clone)]
struct RejectionLimit {
    allowed: u32,
    refilled: Monotonic,
    unrecorded: u64,
}

const REJECTION_BURST: u32 = 60;

impl Default for RejectionLimit {
    fn default() -> Self {
        Self { allowed: REJECTION_BURST, refilled: Monotonic::default(), unrecorded: 0 }
    }
}

impl RejectionLimit {
    fn allow(&mut self, now: Monotonic) -> bool {
        let seconds = now.since(self.refilled).as_secs();
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(REJECTION_BURST);
            self.allowed = self.allowed.saturating_add(more).min(REJECTION_BURST);
            self.refilled = now;
        }
        let allowed = self.allowed > 0;
        self.allowed = self.allowed.saturating_sub(1);
        self.unrecorded += u64::from(!allowed);
        allowed
    }
}

/// An answer for the hall.
fn answer(command: &CommandId, answer: Answer) -> Act {
    Act::Answer { command: command.clone(), answer }
}
