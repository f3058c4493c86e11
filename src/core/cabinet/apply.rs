//! How each event changes the state. Nothing else may.

use super::visits::Visit;
use super::{Cabinet, Enrolment, Pulse};
use crate::core::command::{Answer, OrderKind};
use crate::core::command_log::Entry;
use crate::core::compartment::{Compartment, Content, Deposit, Door, Service, Stage};
use crate::core::event::{Erasure, Event};
use crate::core::ids::{CommandId, CompartmentId, UnlockId};
use crate::core::time::{Now, WallTime};

impl Cabinet {
    pub(super) fn apply(&mut self, now: Now, event: &Event) {
        match event {
            Event::AgentStarted { .. } => {
                // When the last pulse ended is not known any more, nor who stands there.
                (self.energised, self.visit) = (None, None);
                self.rests_until = now.mono.plus(self.policy.locks.rest);
            }
            Event::CommandAccepted { command, order, expires_at } => {
                self.note(now, command, *order, *expires_at, Answer::Accepted);
            }
            Event::CommandRejected { command, order, expires_at, reason } => {
                let answer = Answer::Rejected { reason: reason.clone() };
                self.note(now, command, *order, *expires_at, answer);
            }
            Event::CommandDone { command, order, expires_at, compartment } => {
                let answer = Answer::Done { compartment: *compartment };
                self.note(now, command, *order, *expires_at, answer);
            }
            Event::CommandFailed { command, order, expires_at, reason } => {
                let answer = Answer::Failed { reason: reason.clone() };
                self.note(now, command, *order, *expires_at, answer);
            }
            Event::DepositReserved { deposit, recipient, compartment, collect_by } => {
                let (id, recipient) = (deposit.clone(), recipient.clone());
                let deposit = Deposit { id, recipient, collect_by: *collect_by };
                self.known(*compartment).content = Content::Reserved(deposit);
            }
            Event::DepositLoaded { compartment, .. } => self.known(*compartment).load(),
            Event::ReservationCancelled { compartment, .. }
            | Event::DepositCollected { compartment, .. }
            | Event::DepositRecalled { compartment, .. } => {
                self.known(*compartment).content = Content::Vacant;
            }
            Event::DepositExpired { compartment, .. } => self.known(*compartment).expire(),
            Event::DepositMissing { compartment, .. } | Event::LockTried { compartment, .. } => {
                self.known(*compartment).doubt();
            }
            Event::RecipientEnrolled { recipient, consent, model } => {
                let (consent, model) = (consent.clone(), model.clone());
                let enrolment = Enrolment { consent, model, outdated_for: None };
                self.enrolled.insert(recipient.clone(), enrolment);
            }
            Event::TemplatesOutdated { recipient, model } => {
                if let Some(enrolment) = self.enrolled.get_mut(recipient) {
                    enrolment.outdated_for = Some(model.clone());
                }
            }
            Event::TemplatesErased { recipient, cause } => {
                self.enrolled.remove(recipient);
                let withdrawn = *cause == Erasure::Requested;
                self.visit.take_if(|visit| withdrawn && visit.recipient == *recipient);
            }
            Event::UnlockAuthorised { unlock, compartment, purpose, authority } => {
                self.last_unlock = self.last_unlock.max(*unlock);
                self.visit =
                    Visit::after(self.visit.take(), now.mono, *unlock, *compartment, authority);
                self.known(*compartment).begin(*unlock, *purpose, authority.clone());
            }
            Event::PulseCommanded { unlock, compartment, attempt } => {
                let (unlock, attempt, compartment) = (*unlock, *attempt, *compartment);
                self.energised = Some(Pulse { unlock, attempt, compartment });
                self.set_stage(compartment, unlock, Stage::Pulsing { attempt });
            }
            Event::PulseEnded { unlock, compartment, attempt, .. } => {
                self.apply_pulse_end(now, *unlock, *compartment, *attempt);
            }
            Event::UnlockInterrupted { compartment, .. } => {
                self.known(*compartment).interrupt();
            }
            Event::DoorOpened { unlock, compartment, .. } => {
                self.known(*compartment).door = Door::Open { since: now.mono, reminders: 0 };
                self.set_stage(*compartment, *unlock, Stage::Open);
            }
            Event::DoorForced { compartment } => {
                let compartment = self.known(*compartment);
                compartment.door = Door::Open { since: now.mono, reminders: 0 };
                compartment.doubt();
            }
            Event::DoorClosed { compartment, unseen } => {
                let opening = self.known(*compartment).shut(*unseen);
                if let (Some(visit), Some(opening)) = (&mut self.visit, opening) {
                    visit.door_shut(now.mono, *compartment, &opening);
                }
            }
            Event::DoorAjar { compartment, reminder } => {
                if let Door::Open { reminders, .. } = &mut self.known(*compartment).door {
                    *reminders = *reminder;
                }
            }
            Event::DepositNotLoaded { .. }
            | Event::DepositLeftBehind { .. }
            | Event::FaceRefused { .. }
            | Event::FacePaused { .. } => {}
            Event::CompartmentFaulted { compartment, fault } => {
                self.known(*compartment).break_down(*fault);
            }
            Event::ServiceChanged { compartment, in_service, .. } => {
                let service = if *in_service { Service::In } else { Service::Out };
                self.known(*compartment).serve(service);
            }
        }
    }

    /// A journal may speak of a door that the configuration no longer has: it is kept, for its content.
    fn known(&mut self, id: CompartmentId) -> &mut Compartment {
        self.compartments.entry(id).or_default()
    }

    fn note(
        &mut self,
        now: Now,
        id: &CommandId,
        order: OrderKind,
        expires_at: WallTime,
        answer: Answer,
    ) {
        self.commands.note(now.wall, id, Entry { order, expires_at, answer });
    }

    fn apply_pulse_end(&mut self, now: Now, unlock: UnlockId, id: CompartmentId, attempt: u32) {
        self.energised.take_if(|pulse| (pulse.unlock, pulse.attempt) == (unlock, attempt));
        self.rests_until = now.mono.plus(self.policy.locks.rest);
        let until = now.mono.plus(self.policy.locks.open_within);
        let opening = self.known(id).opening.as_mut().filter(|o| o.unlock == unlock);
        if let Some(opening) = opening
            && opening.stage == (Stage::Pulsing { attempt })
        {
            opening.stage = Stage::Waiting { attempt, until };
        }
    }

    fn set_stage(&mut self, id: CompartmentId, unlock: UnlockId, stage: Stage) {
        let opening = self.known(id).opening.as_mut();
        if let Some(opening) = opening.filter(|opening| opening.unlock == unlock) {
            opening.stage = stage;
        }
    }
}
