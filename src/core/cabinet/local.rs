//! Doors opened at the cabinet itself, for whoever may use its control socket: an installer, a technician.

use std::time::Duration;

use super::{Cabinet, Step, answer};
use crate::core::command::{Answer, OrderKind, Purpose, Rejection};
use crate::core::compartment::Content;
use crate::core::event::{Authority, Event};
use crate::core::input::LocalOpening;
use crate::core::time::Now;

/// How long a request is remembered. It comes once, over a socket that tells whether it arrived.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

impl Cabinet {
    /// Opens the door to look inside, or says why not. A refusal changes nothing and is not recorded.
    pub(super) fn local(&mut self, now: Now, opening: LocalOpening, step: &mut Step) {
        if let Err(reason) = self.plan_local(now, &opening) {
            step.acts.push(answer(&opening.id, Answer::Rejected { reason }));
            return;
        }
        let LocalOpening { id, compartment, operator, reason, .. } = opening;
        let expires_at = now.wall.plus(REMEMBERED_FOR);
        let (command, order) = (id.clone(), OrderKind::Unlock);
        self.record(now, Event::CommandAccepted { command, order, expires_at }, step);
        step.acts.push(answer(&id, Answer::Accepted));
        let authority = Authority::Local { command: id, operator, reason };
        self.authorise(now, compartment, Purpose::Inspect, authority, step);
    }

    fn plan_local(&self, now: Now, opening: &LocalOpening) -> Result<(), Rejection> {
        if self.commands.get(&opening.id).is_some() || self.commands.is_full(now.wall) {
            return Err(Rejection::Busy);
        }
        let found = self.fitted(opening.compartment).ok_or(Rejection::NoSuchCompartment)?;
        if self.is_busy() || found.opening.is_some() {
            return Err(Rejection::Busy);
        }
        match found.content {
            Content::Loaded { .. } if !opening.even_loaded => {
                Err(Rejection::WrongState { state: found.lifecycle() })
            }
            Content::Vacant | Content::Reserved(_) | Content::Loaded { .. } => Ok(()),
        }
    }
}
