//! What the door switches say.

use super::{Cabinet, Step, answer};
use crate::core::command::{Answer, Failure};
use crate::core::compartment::{Door, Opening, Service, Stage};
use crate::core::event::{Authority, Event, Fault};
use crate::core::ids::{CommandId, CompartmentId, UnlockId};
use crate::core::input::DoorPosition;
use crate::core::time::Now;

impl Cabinet {
    /// A door switch changed. Repeated reports of the same position are one, and one that flaps is not listened to.
    pub(super) fn door_moved(
        &mut self,
        now: Now,
        id: CompartmentId,
        position: DoorPosition,
        step: &mut Step,
    ) {
        let Some(compartment) = self.compartments.get_mut(&id) else { return };
        compartment.switch.reported = Some(position);
        if compartment.is_flapping() || compartment.door.position() == Some(position) {
            return;
        }
        let expected = compartment.expects(position);
        if !expected && compartment.switch.flaps(&self.policy.doors.flapping, now.mono) {
            return self.fault(now, id, Fault::SwitchFlapping, step);
        }
        let opening = compartment.opening.as_ref().map(|o| (o.unlock, o.stage));
        match (position, opening) {
            // Its lock has not been pulsed yet: that opening is nobody's.
            (DoorPosition::Open, None | Some((_, Stage::Authorised))) => {
                self.record(now, Event::DoorForced { compartment: id }, step);
            }
            (
                DoorPosition::Open,
                Some((unlock, Stage::Pulsing { .. } | Stage::Waiting { .. } | Stage::Open)),
            ) => self.opened(now, id, unlock, false, step),
            (DoorPosition::Closed, _) => self.closed(now, id, false, step),
        }
    }

    /// The door was seen open under an authority: the command behind it has done its work.
    pub(super) fn opened(
        &mut self,
        now: Now,
        compartment: CompartmentId,
        unlock: UnlockId,
        already_open: bool,
        step: &mut Step,
    ) {
        let commanded = self.compartments.get(&compartment).filter(|c| c.is_commanded());
        let command = commanded.and_then(|c| c.opening.as_ref()).and_then(commanded_by);
        self.record(now, Event::DoorOpened { unlock, compartment, already_open }, step);
        if let Some(command) = command {
            self.done(now, &command, Some(compartment), step);
        }
    }

    /// The door is shut; `unseen` if that happened while the agent was down.
    pub(super) fn closed(&mut self, now: Now, id: CompartmentId, unseen: bool, step: &mut Step) {
        let Some(before) = self.compartments.get(&id) else { return };
        let opening = before.opening.clone().filter(|opening| opening.stage == Stage::Open);
        self.record(now, Event::DoorClosed { compartment: id, unseen }, step);
        if let Some(opening) = opening {
            self.settle_contents(now, id, &opening, step);
        }
    }

    /// Reminds of a door that stands open, and after the last reminder calls it stuck.
    pub(super) fn remind(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        let Door::Open { since, reminders } = compartment.door else { return };
        if since.plus(self.ajar_after(reminders)) > now.mono {
            return;
        }
        let in_service = compartment.service == Service::In;
        let reminder = reminders.saturating_add(1);
        self.record(now, Event::DoorAjar { compartment: id, reminder }, step);
        if in_service && reminder >= self.policy.doors.stuck_after {
            self.fault(now, id, Fault::DidNotClose, step);
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
        Authority::Face { .. } | Authority::Visit { .. } => None,
    }
}
