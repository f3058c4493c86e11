//! Opening doors, and what the sensors say of them.

use super::{Cabinet, Step, answer};
use crate::core::command::{Answer, Failure, Purpose};
use crate::core::compartment::{Content, Door, Opening, Stage};
use crate::core::event::{Authority, Erasure, Event, Fault};
use crate::core::ids::{CommandId, CompartmentId, RecipientId, UnlockId};
use crate::core::input::{Act, DoorPosition};
use crate::core::time::Now;

impl Cabinet {
    /// Authorises an opening and commands its first pulse. The caller has made sure that nothing is busy.
    pub(super) fn authorise(
        &mut self,
        now: Now,
        compartment: CompartmentId,
        purpose: Purpose,
        authority: Authority,
        step: &mut Step,
    ) {
        let unlock = UnlockId(self.last_unlock.0 + 1);
        let event = Event::UnlockAuthorised { unlock, compartment, purpose, authority };
        self.record(now, event, step);
        self.pulse(now, unlock, compartment, 1, step);
    }

    fn pulse(
        &mut self,
        now: Now,
        unlock: UnlockId,
        compartment: CompartmentId,
        attempt: u32,
        step: &mut Step,
    ) {
        self.record(now, Event::PulseCommanded { unlock, compartment, attempt }, step);
        let width = self.policy.locks.pulse;
        step.acts.push(Act::Pulse { unlock, attempt, compartment, width });
    }

    /// The driver says that a pulse is over. One that nobody waits for changes nothing.
    pub(super) fn pulse_ended(
        &mut self,
        now: Now,
        unlock: UnlockId,
        attempt: u32,
        problem: Option<String>,
        step: &mut Step,
    ) {
        let Some(pulse) = self.energised.filter(|p| (p.unlock, p.attempt) == (unlock, attempt))
        else {
            return;
        };
        let compartment = pulse.compartment;
        let failed = problem.is_some();
        self.record(now, Event::PulseEnded { unlock, compartment, attempt, problem }, step);
        let mine = |o: &Opening| o.unlock == unlock && o.stage != Stage::Open;
        let compartment_now = self.compartments.get(&compartment);
        let Some(waiting) = compartment_now.filter(|c| c.opening.as_ref().is_some_and(mine)) else {
            return;
        };
        if failed {
            self.give_up(now, compartment, Fault::LockError, step);
        } else if waiting.door.position() == Some(DoorPosition::Open) {
            self.opened(now, compartment, unlock, step);
        }
    }

    /// A door switch changed. Repeated reports of the same position are one.
    pub(super) fn door_moved(
        &mut self,
        now: Now,
        id: CompartmentId,
        position: DoorPosition,
        step: &mut Step,
    ) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        if compartment.door.position() == Some(position) {
            return;
        }
        match (position, &compartment.opening) {
            (DoorPosition::Open, Some(opening)) => {
                let unlock = opening.unlock;
                self.opened(now, id, unlock, step);
            }
            (DoorPosition::Open, None) => {
                self.record(now, Event::DoorForced { compartment: id }, step);
            }
            (DoorPosition::Closed, _) => self.closed(now, id, step),
        }
    }

    /// The door was seen open under an authority: the command behind it has done its work.
    pub(super) fn opened(
        &mut self,
        now: Now,
        compartment: CompartmentId,
        unlock: UnlockId,
        step: &mut Step,
    ) {
        let commanded = self.compartments.get(&compartment).filter(|c| c.is_commanded());
        let command = commanded.and_then(|c| c.opening.as_ref()).and_then(commanded_by);
        self.record(now, Event::DoorOpened { unlock, compartment }, step);
        if let Some(command) = command {
            self.done(now, &command, Some(compartment), step);
        }
    }

    /// The door is shut: what it was opened for has happened.
    pub(super) fn closed(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(before) = self.compartments.get(&id) else { return };
        let opening = before.opening.clone().filter(|opening| opening.stage == Stage::Open);
        let content = before.content.clone();
        self.record(now, Event::DoorClosed { compartment: id }, step);
        let Some(opening) = opening else { return };
        match (opening.purpose, content) {
            (Purpose::Load, Content::Reserved(d)) => {
                self.record(now, Event::DepositLoaded { deposit: d.id, compartment: id }, step);
            }
            (Purpose::Collect, Content::Loaded { deposit: d, .. }) => {
                let recipient = d.recipient.clone();
                let event = Event::DepositCollected { deposit: d.id, compartment: id, recipient };
                self.record(now, event, step);
                self.erase_if_nothing_waits(now, &d.recipient, step);
            }
            (Purpose::Recall, Content::Loaded { deposit: d, .. }) => {
                self.record(now, Event::DepositRecalled { deposit: d.id, compartment: id }, step);
                self.erase_if_nothing_waits(now, &d.recipient, step);
            }
            (Purpose::Inspect | Purpose::Load | Purpose::Collect | Purpose::Recall, _) => {}
        }
    }

    /// Templates are kept no longer than a document waits.
    pub(super) fn erase_if_nothing_waits(
        &mut self,
        now: Now,
        recipient: &RecipientId,
        step: &mut Step,
    ) {
        if self.enrolled.contains_key(recipient) && !self.expects(recipient) {
            let cause = Erasure::NothingWaiting;
            self.record(now, Event::TemplatesErased { recipient: recipient.clone(), cause }, step);
            step.acts.push(Act::EraseTemplates(recipient.clone()));
        }
    }

    pub(super) fn expire(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        if Self::expiry(compartment).is_some_and(|at| at <= now.wall)
            && let Some(deposit) = compartment.content.deposit()
        {
            let deposit = deposit.id.clone();
            self.record(now, Event::DepositExpired { deposit, compartment: id }, step);
        }
    }

    pub(super) fn remind(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        let Door::Open { since, reminders } = compartment.door else { return };
        if since.plus(self.ajar_after(reminders)) <= now.mono {
            let reminder = reminders + 1;
            self.record(now, Event::DoorAjar { compartment: id, reminder }, step);
        }
    }

    /// Pulses again when the sensor has not seen the door open in time, or gives up.
    pub(super) fn retry_or_give_up(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(opening) = self.compartments.get(&id).and_then(|c| c.opening.as_ref()) else {
            return;
        };
        let Stage::Waiting { attempt, until } = opening.stage else { return };
        if until > now.mono {
            return;
        }
        if attempt < self.policy.locks.attempts {
            let unlock = opening.unlock;
            self.pulse(now, unlock, id, attempt + 1, step);
        } else {
            self.give_up(now, id, Fault::DidNotOpen, step);
        }
    }

    fn give_up(&mut self, now: Now, id: CompartmentId, fault: Fault, step: &mut Step) {
        let opening = self.compartments.get(&id).and_then(|c| c.opening.as_ref());
        let command = opening.and_then(commanded_by);
        self.record(now, Event::CompartmentFaulted { compartment: id, fault }, step);
        if let Some(command) = command {
            self.failed(now, &command, Failure::DoorDidNotOpen, step);
        }
    }

    /// Ends a command well.
    pub(super) fn done(
        &mut self,
        now: Now,
        command: &CommandId,
        compartment: Option<CompartmentId>,
        step: &mut Step,
    ) {
        let Some(entry) = self.commands.get(command) else { return };
        let (order, expires_at) = (entry.order, entry.expires_at);
        let event = Event::CommandDone { command: command.clone(), order, expires_at, compartment };
        self.record(now, event, step);
        step.acts.push(answer(command, Answer::Done { compartment }));
    }

    /// Ends a command badly.
    pub(super) fn failed(
        &mut self,
        now: Now,
        command: &CommandId,
        reason: Failure,
        step: &mut Step,
    ) {
        let Some(entry) = self.commands.get(command) else { return };
        let (order, expires_at) = (entry.order, entry.expires_at);
        let answered = Answer::Failed { reason: reason.clone() };
        let event = Event::CommandFailed { command: command.clone(), order, expires_at, reason };
        self.record(now, event, step);
        step.acts.push(answer(command, answered));
    }
}

/// The hall's command behind an opening, if there is one.
pub(super) fn commanded_by(opening: &Opening) -> Option<CommandId> {
    match &opening.authority {
        Authority::Staff { command, .. } | Authority::Local { command, .. } => {
            Some(command.clone())
        }
        Authority::Face { .. } => None,
    }
}
