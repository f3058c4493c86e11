//! The hall's commands: checked, then carried out or refused with a reason.

use super::{Cabinet, Step, answer};
use crate::core::command::{Answer, Command, Failure, Order, OrderKind, Purpose, Rejection};
use crate::core::command_log::Enrolling;
use crate::core::compartment::{Compartment, Content, Deposit, Service};
use crate::core::event::{Authority, Erasure, Event, Fault};
use crate::core::ids::{
    CommandId, CompartmentId, ConsentRef, DepositId, ModelId, OperatorId, RecipientId,
};
use crate::core::input::Act;
use crate::core::time::Now;

impl Cabinet {
    /// Obeys or refuses. A command seen before gets its old answer and nothing else.
    pub(super) fn command(&mut self, now: Now, command: Command, step: &mut Step) {
        if let Some(entry) = self.commands.get(&command.id) {
            step.acts.push(answer(&command.id, entry.answer.clone()));
            return;
        }
        if self.commands.is_full(now.wall) {
            self.rejections.unrecorded += 1;
            let answered = Answer::Rejected { reason: Rejection::Busy };
            step.acts.push(answer(&command.id, answered));
            return;
        }
        let verdict = self.check(now, &command).and_then(|()| self.plan(now, &command.order));
        match verdict {
            Ok(plan) => self.obey(now, command, plan, step),
            Err(reason) => self.reject(now, &command, reason, step),
        }
    }

    fn reject(&mut self, now: Now, command: &Command, reason: Rejection, step: &mut Step) {
        let (id, order, expires_at) =
            (command.id.clone(), command.order.kind(), command.expires_at);
        step.acts.push(answer(&id, Answer::Rejected { reason: reason.clone() }));
        if self.rejections.allow(now.mono) {
            let event = Event::CommandRejected { command: id, order, expires_at, reason };
            self.record(now, event, step);
        }
    }

    /// The rules that hold for every order: not kept by the broker, within its time, not for ever.
    fn check(&self, now: Now, command: &Command) -> Result<(), Rejection> {
        let policy = &self.policy.hall;
        let lifetime = match command.order.kind() {
            OrderKind::Unlock => policy.unlock_lifetime,
            OrderKind::Reserve
            | OrderKind::Enrol
            | OrderKind::Erase
            | OrderKind::Cancel
            | OrderKind::SetService => policy.order_lifetime,
        };
        if command.retained {
            return Err(Rejection::Retained);
        }
        if command.expires_at <= now.wall {
            return Err(Rejection::Expired);
        }
        if command.issued_at > now.wall.plus(policy.clock_skew) {
            return Err(Rejection::NotYetValid);
        }
        if command.expires_at > now.wall.plus(lifetime).plus(policy.clock_skew) {
            return Err(Rejection::LivesTooLong);
        }
        Ok(())
    }

    /// Whether the order can be carried out now, and where.
    fn plan(&self, now: Now, order: &Order) -> Result<Plan, Rejection> {
        match order {
            Order::Reserve { deposit, compartment, needs, .. } => {
                self.plan_reserve(now.mono, deposit, *compartment, *needs)
            }
            Order::Enrol { recipient, .. } => self.plan_enrol(recipient),
            Order::Erase { .. } => Ok(Plan::Anywhere),
            Order::Unlock { compartment, purpose, .. } => self.plan_unlock(*compartment, *purpose),
            Order::Cancel { deposit } => self.plan_cancel(deposit),
            Order::SetService { compartment, .. } => match self.find(*compartment)? {
                c if c.opening.is_some() => Err(Rejection::Busy),
                _ => Ok(Plan::At(*compartment)),
            },
        }
    }

    pub(super) fn find(&self, id: CompartmentId) -> Result<&Compartment, Rejection> {
        self.fitted(id).ok_or(Rejection::NoSuchCompartment)
    }

    pub(super) fn holding(&self, deposit: &DepositId) -> Option<(CompartmentId, &Compartment)> {
        let holds = |d: &Deposit| d.id == *deposit;
        self.compartments().find(|(_, c)| c.content.deposit().is_some_and(holds))
    }

    fn plan_enrol(&self, recipient: &RecipientId) -> Result<Plan, Rejection> {
        if !self.policy.hall.remote_enrolment {
            return Err(Rejection::RemoteEnrolmentOff);
        }
        if !self.faces_available {
            return Err(Rejection::FaceUnavailable);
        }
        if !self.expects(recipient) {
            return Err(Rejection::NoGroundToEnrol);
        }
        Ok(Plan::Anywhere)
    }

    pub(super) fn plan_unlock(
        &self,
        id: CompartmentId,
        purpose: Purpose,
    ) -> Result<Plan, Rejection> {
        let compartment = self.find(id)?;
        // A door that has been called stuck may be shut, and its switch broken: staff get it open all the same.
        let stuck = compartment.service == Service::Fault(Fault::DidNotClose);
        if self.is_busy() || (compartment.opening.is_some() && !stuck) {
            return Err(Rejection::Busy);
        }
        if purpose == Purpose::Load && compartment.service != Service::In {
            return Err(Rejection::OutOfService);
        }
        if !compartment.allows(purpose) {
            return Err(Rejection::WrongState { state: compartment.lifecycle() });
        }
        Ok(Plan::At(id))
    }

    fn plan_cancel(&self, deposit: &DepositId) -> Result<Plan, Rejection> {
        let (id, compartment) = self.holding(deposit).ok_or(Rejection::NoSuchDeposit)?;
        if compartment.opening.is_some() {
            return Err(Rejection::Busy);
        }
        match compartment.content {
            Content::Reserved(_) => Ok(Plan::At(id)),
            Content::Vacant | Content::Loaded { .. } => {
                Err(Rejection::WrongState { state: compartment.lifecycle() })
            }
        }
    }

    fn obey(&mut self, now: Now, command: Command, plan: Plan, step: &mut Step) {
        let Command { id, expires_at, order, .. } = command;
        let kind = order.kind();
        let accepted = Event::CommandAccepted { command: id.clone(), order: kind, expires_at };
        self.record(now, accepted, step);
        match (order, plan) {
            (Order::Reserve { deposit, recipient, collect_by, .. }, Plan::At(compartment)) => {
                let event = Event::DepositReserved { deposit, recipient, compartment, collect_by };
                self.record(now, event, step);
                self.done(now, &id, Some(compartment), step);
            }
            (Order::Enrol { recipient, consent }, _) => {
                self.begin_enrolment(id, recipient, consent, step);
            }
            (Order::Erase { recipient }, _) => self.erase(now, &id, recipient, step),
            (Order::Unlock { purpose, operator, reason, .. }, Plan::At(compartment)) => {
                step.acts.push(answer(&id, Answer::Accepted));
                let authority = Authority::Staff { command: id, operator, reason };
                self.authorise(now, compartment, purpose, authority, step);
            }
            (Order::Cancel { deposit }, Plan::At(compartment)) => {
                self.cancel(now, &id, deposit, compartment, step);
            }
            (Order::SetService { in_service, operator, .. }, Plan::At(compartment)) => {
                self.serve(now, compartment, in_service, operator, step);
                self.done(now, &id, Some(compartment), step);
            }
            (
                Order::Reserve { .. }
                | Order::Unlock { .. }
                | Order::Cancel { .. }
                | Order::SetService { .. },
                Plan::Anywhere,
            ) => unreachable!("plan() gives these orders a compartment"),
        }
    }

    /// Takes a compartment out of service or returns it. A switch that was not listened to is believed again.
    fn serve(
        &mut self,
        now: Now,
        compartment: CompartmentId,
        in_service: bool,
        operator: OperatorId,
        step: &mut Step,
    ) {
        let flapping = self.fitted(compartment).filter(|c| c.is_flapping());
        let reported = flapping.and_then(|c| c.switch.reported);
        self.record(now, Event::ServiceChanged { compartment, in_service, operator }, step);
        if reported.is_some() {
            self.compare(now, compartment, reported, step);
        }
    }

    fn begin_enrolment(
        &mut self,
        id: CommandId,
        recipient: RecipientId,
        consent: ConsentRef,
        step: &mut Step,
    ) {
        step.acts.push(answer(&id, Answer::Accepted));
        step.acts.push(Act::MakeTemplate { command: id.clone(), recipient: recipient.clone() });
        self.commands.enrolling.insert(id, Enrolling { recipient, consent });
    }

    /// The photo of an enrolment was looked at, and the template, if there is one, is stored.
    pub(super) fn template_made(
        &mut self,
        now: Now,
        id: &CommandId,
        result: Result<ModelId, String>,
        step: &mut Step,
    ) {
        let Some(Enrolling { recipient, consent }) = self.commands.enrolling.remove(id) else {
            return;
        };
        match result {
            Ok(_) if !self.expects(&recipient) => {
                step.acts.push(Act::EraseTemplates(recipient));
                self.failed(now, id, Failure::NothingWaiting, step);
            }
            Ok(model) => {
                self.record(now, Event::RecipientEnrolled { recipient, consent, model }, step);
                self.done(now, id, None, step);
                // The people are the same; their templates are not.
                self.looking_for.clear();
            }
            Err(detail) => self.failed(now, id, Failure::UnusablePhoto { detail }, step),
        }
    }

    fn erase(&mut self, now: Now, id: &CommandId, recipient: RecipientId, step: &mut Step) {
        for enrolment in self.commands.enrolling_of(&recipient) {
            self.commands.enrolling.remove(&enrolment);
            self.failed(now, &enrolment, Failure::Interrupted, step);
        }
        if self.enrolled.contains_key(&recipient) {
            let cause = Erasure::Requested;
            self.record(now, Event::TemplatesErased { recipient: recipient.clone(), cause }, step);
        }
        step.acts.push(Act::EraseTemplates(recipient));
        self.done(now, id, None, step);
    }

    fn cancel(
        &mut self,
        now: Now,
        id: &CommandId,
        deposit: DepositId,
        compartment: CompartmentId,
        step: &mut Step,
    ) {
        let content = self.compartments.get(&compartment).map(|c| c.content.clone());
        self.record(now, Event::ReservationCancelled { deposit, compartment }, step);
        self.done(now, id, Some(compartment), step);
        if let Some(Content::Reserved(Deposit { recipient, .. })) = content {
            self.erase_if_nothing_waits(now, &recipient, step);
        }
    }
}

/// Where an order will be carried out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan {
    /// No door is concerned.
    Anywhere,
    /// This one.
    At(CompartmentId),
}
