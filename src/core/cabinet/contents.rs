//! What lies behind the doors: what a shut door means for it, and what the sensors that look inside say.

use super::{Cabinet, Step};
use crate::core::command::Purpose;
use crate::core::compartment::{Content, Opening};
use crate::core::event::{Erasure, Event};
use crate::core::ids::{CompartmentId, RecipientId};
use crate::core::input::Act;
use crate::core::time::Now;

impl Cabinet {
    /// The door is shut again: what it was opened for has happened, unless a sensor that looks inside says otherwise.
    pub(super) fn settle_contents(
        &mut self,
        now: Now,
        id: CompartmentId,
        opening: &Opening,
        step: &mut Step,
    ) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        let occupied = compartment.occupied;
        match (opening.purpose, compartment.content.clone()) {
            (Purpose::Load, Content::Reserved(d)) => {
                let (deposit, compartment) = (d.id, id);
                let event = match occupied {
                    Some(false) => Event::DepositNotLoaded { deposit, compartment },
                    Some(true) | None => Event::DepositLoaded { deposit, compartment },
                };
                self.record(now, event, step);
            }
            (Purpose::Collect | Purpose::Recall, Content::Loaded { deposit: d, .. })
                if occupied == Some(true) =>
            {
                let (deposit, purpose) = (d.id, opening.purpose);
                let event = Event::DepositLeftBehind { deposit, compartment: id, purpose };
                self.record(now, event, step);
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
            (
                Purpose::Inspect
                | Purpose::Reopen
                | Purpose::Load
                | Purpose::Collect
                | Purpose::Recall,
                _,
            ) => {}
        }
    }

    /// A sensor that looks inside has spoken.
    pub(super) fn occupancy(&mut self, id: CompartmentId, occupied: bool) {
        if !self.fitted.contains_key(&id) {
            return;
        }
        let Some(compartment) = self.compartments.get_mut(&id) else { return };
        let before = compartment.occupied.replace(occupied);
        if let Some(opening) = &mut compartment.opening {
            opening.stirred |= before.is_some_and(|before| before != occupied);
        }
    }

    /// Tells, once, that a document should lie behind a shut door and does not.
    pub(super) fn look_inside(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let missing = self.compartments.get(&id).filter(|c| c.misses_its_document());
        let Some(deposit) = missing.and_then(|c| c.content.deposit()) else { return };
        let deposit = deposit.id.clone();
        self.record(now, Event::DepositMissing { deposit, compartment: id }, step);
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

    /// Tells that nobody collected a document in time.
    pub(super) fn expire(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        if Self::expiry(compartment).is_some_and(|at| at <= now.wall)
            && let Some(deposit) = compartment.content.deposit()
        {
            let (deposit, recipient) = (deposit.id.clone(), deposit.recipient.clone());
            self.record(now, Event::DepositExpired { deposit, compartment: id }, step);
            self.erase_if_nothing_waits(now, &recipient, step);
        }
    }
}
