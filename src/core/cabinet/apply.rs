//! How each event changes the state. Nothing else may.

use super::{Cabinet, Enrolment, Pulse};
use crate::core::command::{Answer, OrderKind};
use crate::core::command_log::Entry;
use crate::core::compartment::{Compartment, Content, Deposit, Door, Opening, Service, Stage};
use crate::core::event::Event;
use crate::core::ids::{CommandId, CompartmentId, UnlockId};
use crate::core::time::{Now, WallTime};

impl Cabinet {
    pub(super) fn apply(&mut self, now: Now, event: &Event) {
        match event {
            Event::AgentStarted { .. } => self.energised = None,
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
            Event::RecipientEnrolled { recipient, consent, model } => {
                let enrolment = Enrolment { consent: consent.clone(), model: model.clone() };
                self.enrolled.insert(recipient.clone(), enrolment);
            }
            Event::TemplatesErased { recipient, .. } => {
                self.enrolled.remove(recipient);
            }
            Event::UnlockAuthorised { unlock, compartment, purpose, authority } => {
                self.last_unlock = self.last_unlock.max(*unlock);
                let (unlock, purpose, authority) = (*unlock, *purpose, authority.clone());
                let opening = Opening { unlock, purpose, authority, stage: Stage::Authorised };
                self.known(*compartment).opening = Some(opening);
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
                let compartment = self.known(*compartment);
                compartment.opening = None;
                compartment.doubt();
            }
            Event::DoorOpened { unlock, compartment } => {
                self.known(*compartment).door = Door::Open { since: now.mono, reminders: 0 };
                self.set_stage(*compartment, *unlock, Stage::Open);
            }
            Event::DoorForced { compartment } => {
                let compartment = self.known(*compartment);
                compartment.door = Door::Open { since: now.mono, reminders: 0 };
                compartment.doubt();
            }
            Event::DoorClosed { compartment } => {
                let compartment = self.known(*compartment);
                compartment.door = Door::Closed;
                compartment.opening.take_if(|opening| opening.stage == Stage::Open);
            }
            Event::DoorAjar { compartment, reminder } => {
                if let Door::Open { reminders, .. } = &mut self.known(*compartment).door {
                    *reminders = *reminder;
                }
            }
            Event::FaceRefused { .. } | Event::FacePaused { .. } => {}
            Event::CompartmentFaulted { compartment, fault } => {
                let compartment = self.known(*compartment);
                compartment.service = Service::Fault(*fault);
                compartment.opening = None;
                compartment.doubt();
            }
            Event::LockTried { compartment, .. } => self.known(*compartment).doubt(),
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
