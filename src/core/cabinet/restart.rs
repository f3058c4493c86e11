//! What the first step after a start settles: nothing is repeated, nothing is forgotten.
//!
//! | the journal says | the sensor says | so |
//! | --- | --- | --- |
//! | pulse commanded, no opening seen | open | it opened: the session goes on |
//! | pulse commanded, no opening seen | closed or unknown | outcome unknown: reported as interrupted, never pulsed again, contents to be verified |
//! | opened | closed | it was closed meanwhile: what it was opened for has happened |
//! | opened | open | still open: the session goes on |
//! | closed, no session | open | forced while nobody watched: alarm |

use std::collections::BTreeMap;

use super::doors::commanded_by;
use super::{Cabinet, Step};
use crate::core::command::Failure;
use crate::core::compartment::{Door, Stage};
use crate::core::event::Event;
use crate::core::ids::CompartmentId;
use crate::core::input::DoorPosition;
use crate::core::time::Now;

impl Cabinet {
    pub(super) fn started(
        &mut self,
        now: Now,
        version: String,
        doors: &BTreeMap<CompartmentId, DoorPosition>,
        step: &mut Step,
    ) {
        self.record(now, Event::AgentStarted { version }, step);
        for id in self.compartments.keys().copied().collect::<Vec<_>>() {
            self.settle(now, id, doors.get(&id).copied(), step);
        }
        for command in self.commands.unfinished() {
            if !self.is_awaited(&command) {
                self.failed(now, &command, Failure::Interrupted, step);
            }
        }
    }

    fn settle(
        &mut self,
        now: Now,
        id: CompartmentId,
        position: Option<DoorPosition>,
        step: &mut Step,
    ) {
        let Some(compartment) = self.compartments.get(&id) else { return };
        let opening = compartment.opening.as_ref().map(|o| (o.unlock, o.stage, commanded_by(o)));
        match (opening, position) {
            (Some((_, Stage::Open, _)), Some(DoorPosition::Closed)) => self.closed(now, id, step),
            (Some((_, Stage::Open, _)), Some(DoorPosition::Open) | None) => self.watch(now, id),
            (
                Some((
                    unlock,
                    Stage::Authorised | Stage::Pulsing { .. } | Stage::Waiting { .. },
                    _,
                )),
                Some(DoorPosition::Open),
            ) => self.opened(now, id, unlock, step),
            (
                Some((
                    unlock,
                    Stage::Authorised | Stage::Pulsing { .. } | Stage::Waiting { .. },
                    command,
                )),
                Some(DoorPosition::Closed) | None,
            ) => {
                self.record(now, Event::UnlockInterrupted { unlock, compartment: id }, step);
                if let Some(command) = command {
                    self.failed(now, &command, Failure::Interrupted, step);
                }
                self.compare(now, id, position, step);
            }
            (None, position) => self.compare(now, id, position, step),
        }
    }

    /// A door without a session: found open it is an alarm, once; found shut again it is noted.
    fn compare(
        &mut self,
        now: Now,
        id: CompartmentId,
        position: Option<DoorPosition>,
        step: &mut Step,
    ) {
        let Some(compartment) = self.compartments.get_mut(&id) else { return };
        match (position, compartment.door.position()) {
            (Some(DoorPosition::Open), Some(DoorPosition::Open)) => self.watch(now, id),
            (Some(DoorPosition::Open), Some(DoorPosition::Closed) | None) => {
                self.record(now, Event::DoorForced { compartment: id }, step);
            }
            (Some(DoorPosition::Closed), Some(DoorPosition::Open)) => {
                self.record(now, Event::DoorClosed { compartment: id }, step);
            }
            (Some(DoorPosition::Closed), Some(DoorPosition::Closed) | None) => {
                compartment.door = Door::Closed;
            }
            (None, _) => compartment.door = Door::Unknown,
        }
    }

    /// A door that stands open is timed from now: time before the restart cannot be measured.
    fn watch(&mut self, now: Now, id: CompartmentId) {
        if let Some(compartment) = self.compartments.get_mut(&id)
            && let Door::Open { since, reminders } = &mut compartment.door
        {
            (*since, *reminders) = (now.mono, 0);
        }
    }

    /// Whether an opening still stands behind the command.
    fn is_awaited(&self, command: &crate::core::ids::CommandId) -> bool {
        let behind = |c: &crate::core::compartment::Compartment| {
            c.is_commanded() && c.opening.as_ref().and_then(commanded_by).as_ref() == Some(command)
        };
        self.compartments.values().any(behind)
    }
}
