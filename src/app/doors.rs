//! The thread that watches the doors, and what lies behind those that have a sensor for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::inbox::{Inbox, Message};
use crate::core::ids::CompartmentId;
use crate::core::input::Input;
use crate::ports::{DoorEdge, DoorSensors, SensorFault};

/// How long one wait for an edge lasts: how quickly the thread notices that it should end.
const GLANCE: Duration = Duration::from_millis(200);
/// How long to wait after a sensor fault before reading again.
const AFTER_FAULT: Duration = Duration::from_secs(2);

/// Starts the thread; it ends when `stop` is set or the agent is gone. `occupied` is what the agent knows already.
pub(super) fn spawn(
    sensors: Box<dyn DoorSensors>,
    occupied: BTreeMap<CompartmentId, bool>,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("doors".into()).spawn(move || {
        let last_word = inbox.clone();
        Watcher { sensors, inside: Inside::new(occupied), inbox }.watch(&stop);
        if !stop.load(Ordering::Relaxed) {
            last_word.send(Message::Died("doors"));
        }
    })
}

struct Watcher {
    sensors: Box<dyn DoorSensors>,
    inside: Inside,
    inbox: Inbox,
}

impl Watcher {
    fn watch(&mut self, stop: &AtomicBool) {
        let mut faulty = false;
        while !stop.load(Ordering::Relaxed) {
            let alive = match self.glance(faulty) {
                Ok(alive) => {
                    if faulty {
                        tracing::info!("the door sensors can be read again");
                    }
                    faulty = false;
                    alive
                }
                Err(fault) => {
                    if !faulty {
                        tracing::error!(%fault, "door positions are unknown until this is mended");
                    }
                    faulty = true;
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "this thread has nothing else to do"
                    )]
                    thread::sleep(AFTER_FAULT);
                    true
                }
            };
            if !alive {
                return;
            }
        }
    }

    /// Waits for one edge and reports it. What lies inside is reported before it: whoever decides about a door that
    /// was shut has to know. False when the agent is gone.
    fn glance(&mut self, after_fault: bool) -> Result<bool, SensorFault> {
        if after_fault {
            return self.reread();
        }
        let edge = self.sensors.next_edge(GLANCE)?;
        let inside = self.sensors.occupied()?;
        let changes = self.inside.look(inside, edge.is_some());
        Ok(self.tell_inside(changes) && edge.is_none_or(|edge| self.tell(edge)))
    }

    /// After a fault edges may have been missed: every door is reported as it stands.
    fn reread(&mut self) -> Result<bool, SensorFault> {
        let positions = self.sensors.positions()?;
        let inside = self.sensors.occupied()?;
        let changes = self.inside.look(inside, true);
        let mut edges =
            positions.into_iter().map(|(compartment, position)| DoorEdge { compartment, position });
        Ok(self.tell_inside(changes) && edges.all(|edge| self.tell(edge)))
    }

    fn tell(&self, DoorEdge { compartment, position }: DoorEdge) -> bool {
        self.inbox.send(Message::Observed(Input::Door { compartment, position }))
    }

    fn tell_inside(&self, changes: Vec<(CompartmentId, bool)>) -> bool {
        changes.into_iter().all(|(compartment, occupied)| {
            self.inbox.send(Message::Observed(Input::Occupancy { compartment, occupied }))
        })
    }
}

/// What the sensors that look inside have told, and what they seem to say now. An arm in the beam is no document: a
/// change is believed when two looks in a row show it, or when a door has just moved.
struct Inside {
    told: BTreeMap<CompartmentId, bool>,
    seen: BTreeMap<CompartmentId, bool>,
}

impl Inside {
    fn new(told: BTreeMap<CompartmentId, bool>) -> Self {
        Self { seen: told.clone(), told }
    }

    /// Takes a look; gives what is to be told.
    fn look(
        &mut self,
        inside: BTreeMap<CompartmentId, bool>,
        door_moved: bool,
    ) -> Vec<(CompartmentId, bool)> {
        let mut changes = Vec::new();
        for (&compartment, &occupied) in &inside {
            let sure = door_moved || self.seen.get(&compartment) == Some(&occupied);
            if sure && self.told.insert(compartment, occupied) != Some(occupied) {
                changes.push((compartment, occupied));
            }
        }
        self.seen = inside;
        changes
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn looks(looks: &[(bool, bool)]) -> Vec<Option<bool>> {
        let compartment = CompartmentId::new(1).unwrap();
        let mut inside = Inside::new([(compartment, false)].into());
        let look = |&(occupied, door_moved): &(bool, bool)| {
            let changes = inside.look([(compartment, occupied)].into(), door_moved);
            changes.first().map(|(_, occupied)| *occupied)
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_change_is_told_once_when_two_looks_in_a_row_show_it() {
        let told = looks(&[(true, false), (false, false), (true, false), (true, false)]);
        assert_eq!(told, [None, None, None, Some(true)]);
        assert_eq!(looks(&[(true, false), (true, false), (true, false)]), [None, Some(true), None]);
    }

    #[test]
    fn when_a_door_has_moved_one_look_is_enough() {
        assert_eq!(
            looks(&[(true, true), (true, false), (false, true)]),
            [Some(true), None, Some(false)]
        );
    }
}
