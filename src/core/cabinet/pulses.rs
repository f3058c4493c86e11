//! Driving the locks: one at a time, with a rest after each pulse, as often as policy allows.

use super::doors::commanded_by;
use super::{Cabinet, Step};
use crate::core::command::{Failure, Purpose};
use crate::core::compartment::{Compartment, Opening, Stage};
use crate::core::event::{Authority, Event, Fault};
use crate::core::ids::{CompartmentId, UnlockId};
use crate::core::input::{Act, DoorPosition};
use crate::core::time::{Monotonic, Now};

impl Cabinet {
    /// Authorises an opening; its first pulse follows at once or when the supply has rested. The caller has made sure
    /// that nothing is busy.
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
        self.drive(now, compartment, step);
    }

    /// Gives the pulse that is due: the first, the next when the sensor has not seen the door open in time, or gives
    /// up.
    pub(super) fn drive(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(opening) = self.compartments.get(&id).and_then(|c| c.opening.as_ref()) else {
            return;
        };
        let (unlock, pulses, due) = match opening.stage {
            Stage::Authorised => (opening.unlock, 0, now.mono),
            Stage::Waiting { attempt, until } => (opening.unlock, attempt, until),
            Stage::Pulsing { .. } | Stage::Open => return,
        };
        if due > now.mono {
            return;
        }
        if pulses >= self.policy.locks.attempts {
            self.give_up(now, id, step);
        } else if self.rests_until <= now.mono {
            self.pulse(now, unlock, id, pulses + 1, step);
        }
    }

    /// When [`Cabinet::drive`] has something to do for this compartment.
    pub(super) fn drive_deadline(&self, compartment: &Compartment) -> Option<Monotonic> {
        match compartment.opening.as_ref()?.stage {
            Stage::Authorised => Some(self.rests_until),
            Stage::Waiting { attempt, until } if attempt < self.policy.locks.attempts => {
                Some(until.max(self.rests_until))
            }
            Stage::Waiting { until, .. } => Some(until),
            Stage::Pulsing { .. } | Stage::Open => None,
        }
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
            self.fault(now, compartment, Fault::LockError, step);
        } else if waiting.door.position() == Some(DoorPosition::Open) {
            // Its switch said so before and has not changed: that blocks nothing, but it is told.
            self.opened(now, compartment, unlock, true, step);
        }
    }

    /// Pulsed as often as allowed, and the switch saw nothing.
    fn give_up(&mut self, now: Now, id: CompartmentId, step: &mut Step) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        let stirred = compartment.opening.as_ref().is_some_and(|opening| opening.stirred);
        let fault = if compartment.is_flapping() {
            Fault::SwitchFlapping
        } else if stirred {
            Fault::SwitchStuck
        } else {
            Fault::DidNotOpen
        };
        self.fault(now, id, fault, step);
    }

    /// The compartment needs somebody, and a command that waits for its door has come to nothing.
    pub(super) fn fault(&mut self, now: Now, id: CompartmentId, fault: Fault, step: &mut Step) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        let commanded = compartment.opening.as_ref().filter(|_| compartment.is_commanded());
        let command = commanded.and_then(commanded_by);
        // A switch that is not listened to stays so, whatever else is found.
        let found = if compartment.is_flapping() { Fault::SwitchFlapping } else { fault };
        self.record(now, Event::CompartmentFaulted { compartment: id, fault: found }, step);
        let Some(command) = command else { return };
        match fault {
            Fault::DidNotOpen | Fault::LockError => {
                self.failed(now, &command, Failure::DoorDidNotOpen, step);
            }
            Fault::SwitchFlapping | Fault::SwitchStuck => {
                self.failed(now, &command, Failure::DoorUnseen, step);
            }
            // The opening goes on, and so does its command.
            Fault::DidNotClose => {}
        }
    }
}
