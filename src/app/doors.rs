//! The thread that watches the doors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::inbox::{Inbox, Message};
use crate::core::input::Input;
use crate::ports::{DoorSensors, SensorFault};

/// How long one wait for an edge lasts: how quickly the thread notices that it should end.
const GLANCE: Duration = Duration::from_millis(200);
/// How long to wait after a sensor fault before reading again.
const AFTER_FAULT: Duration = Duration::from_secs(2);

/// Starts the thread; it ends when `stop` is set or the agent is gone.
pub(super) fn spawn(
    sensors: Box<dyn DoorSensors>,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("doors".into()).spawn(move || {
        let last_word = inbox.clone();
        watch(sensors, &inbox, &stop);
        if !stop.load(Ordering::Relaxed) {
            last_word.send(Message::Died("doors"));
        }
    })
}

fn watch(mut sensors: Box<dyn DoorSensors>, inbox: &Inbox, stop: &AtomicBool) {
    let mut faulty = false;
    while !stop.load(Ordering::Relaxed) {
        let alive = match glance(sensors.as_mut(), inbox, faulty) {
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

/// Waits for one edge and reports it. False when the agent is gone.
fn glance(
    sensors: &mut dyn DoorSensors,
    inbox: &Inbox,
    after_fault: bool,
) -> Result<bool, SensorFault> {
    if after_fault {
        return reread(sensors, inbox);
    }
    let Some(edge) = sensors.next_edge(GLANCE)? else { return Ok(true) };
    let (compartment, position) = (edge.compartment, edge.position);
    Ok(inbox.send(Message::Observed(Input::Door { compartment, position })))
}

/// After a fault edges may have been missed: every door is reported as it stands.
fn reread(sensors: &mut dyn DoorSensors, inbox: &Inbox) -> Result<bool, SensorFault> {
    let positions = sensors.positions()?;
    Ok(positions.into_iter().all(|(compartment, position)| {
        inbox.send(Message::Observed(Input::Door { compartment, position }))
    }))
}
