//! What the first step after a start settles: nothing is repeated, nothing is forgotten.
//!
//! | the journal says | the switch says | so |
//! | --- | --- | --- |
//! | authorised, never pulsed | whatever | nothing has happened: reported as interrupted, contents as before; a door found open was opened by nobody who may |
//! | pulse commanded, no opening seen | open | it opened: the session goes on |
//! | pulse commanded, no opening seen | closed or unknown | outcome unknown: reported as interrupted, never pulsed again, contents to be verified |
//! | opened | closed | it was closed meanwhile, unseen: what it was opened for has happened; what is on record as inside is to be verified |
//! | opened | open | still open: the session goes on, its reminders begin anew |
//! | opened | unknown | the session goes on until the switch speaks |
//! | closed, no session | open | forced while nobody watched: alarm |
//! | open, no session | closed | closed meanwhile, unseen |
//! | a switch that flaps | whatever | it is not listened to until the compartment was checked |
//!
//! A visit does not outlive a restart: the next door wants the face again.

use std::collections::BTreeMap;

use super::doors::commanded_by;
use super::{Cabinet, Enrolment, Step};
use crate::core::command::Failure;
use crate::core::compartment::{Compartment, Door, Stage};
use crate::core::event::Event;
use crate::core::ids::{CommandId, CompartmentId, UnlockId};
use crate::core::input::DoorPosition;
use crate::core::time::Now;

impl Cabinet {
    pub(super) fn started(
        &mut self,
        now: Now,
        version: String,
        doors: &BTreeMap<CompartmentId, DoorPosition>,
        occupied: &BTreeMap<CompartmentId, bool>,
        step: &mut Step,
    ) {
        self.record(now, Event::AgentStarted { version }, step);
        for (id, occupied) in occupied {
            self.occupancy(*id, *occupied);
        }
        for id in self.compartments.keys().copied().collect::<Vec<_>>() {
            self.settle(now, id, doors.get(&id).copied(), step);
        }
        self.ask_for_new_templates(now, step);
        for command in self.commands.unfinished() {
            if !self.is_awaited(&command) {
                self.failed(now, &command, Failure::Interrupted, step);
            }
        }
    }

    /// Tells the hall, once for each model that comes, who has to be enrolled anew for it.
    fn ask_for_new_templates(&mut self, now: Now, step: &mut Step) {
        let Some(model) = self.policy.faces.embedder.clone() else { return };
        let outdated = |enrolment: &Enrolment| {
            enrolment.model != model && enrolment.outdated_for.as_ref() != Some(&model)
        };
        let found = self.enrolled.iter().filter(|(_, enrolment)| outdated(enrolment));
        for recipient in found.map(|(who, _)| who.clone()).collect::<Vec<_>>() {
            let model = model.clone();
            self.record(now, Event::TemplatesOutdated { recipient, model }, step);
        }
    }

    fn settle(
        &mut self,
        now: Now,
        id: CompartmentId,
        position: Option<DoorPosition>,
        step: &mut Step,
    ) {
        let Some(compartment) = self.compartments.get_mut(&id) else { return };
        compartment.switch.reported = position;
        let position = position.filter(|_| !compartment.is_flapping());
        let was_open = compartment.door.position() == Some(DoorPosition::Open);
        let opening = compartment.opening.as_ref().map(|o| (o.unlock, o.stage));
        match (opening, position) {
            (Some((_, Stage::Open)), Some(DoorPosition::Closed)) => {
                self.closed(now, id, true, step);
            }
            (Some((_, Stage::Open)), Some(DoorPosition::Open) | None) => self.watch(now, id),
            (
                Some((unlock, Stage::Pulsing { .. } | Stage::Waiting { .. })),
                Some(DoorPosition::Open),
            ) => self.opened(now, id, unlock, was_open, step),
            (
                Some((unlock, Stage::Pulsing { .. } | Stage::Waiting { .. })),
                Some(DoorPosition::Closed) | None,
            )
            | (Some((unlock, Stage::Authorised)), _) => {
                self.interrupted(now, id, unlock, step);
                self.compare(now, id, position, step);
            }
            (None, position) => self.compare(now, id, position, step),
        }
    }

    fn interrupted(&mut self, now: Now, id: CompartmentId, unlock: UnlockId, step: &mut Step) {
        let opening = self.compartments.get(&id).and_then(|c| c.opening.as_ref());
        let command = opening.and_then(commanded_by);
        self.record(now, Event::UnlockInterrupted { unlock, compartment: id }, step);
        if let Some(command) = command {
            self.failed(now, &command, Failure::Interrupted, step);
        }
    }

    /// A door without a session: found open it is an alarm, once; found shut again it is noted.
    pub(super) fn compare(
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
                self.closed(now, id, true, step);
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
    fn is_awaited(&self, command: &CommandId) -> bool {
        let behind = |c: &Compartment| {
            c.is_commanded() && c.opening.as_ref().and_then(commanded_by).as_ref() == Some(command)
        };
        self.compartments.values().any(behind)
    }
}
