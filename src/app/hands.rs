//! The thread that drives the locks: one pulse at a time. When the next one may come, the core decides.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::inbox::{Inbox, Message};
use crate::core::ids::{CompartmentId, UnlockId};
use crate::core::input::Input;
use crate::ports::LockBank;

/// One pulse to give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pulse {
    pub(super) unlock: UnlockId,
    pub(super) attempt: u32,
    pub(super) compartment: CompartmentId,
    pub(super) width: Duration,
}

/// Starts the thread. The core never commands a second pulse before the first has ended, so one place is enough.
pub(super) fn spawn(locks: Box<dyn LockBank>, inbox: Inbox) -> std::io::Result<Hands> {
    let (orders, received) = sync_channel(1);
    let drive = move || drive(locks, &inbox, &received);
    let thread = thread::Builder::new().name("locks".into()).spawn(drive)?;
    Ok(Hands { orders, thread })
}

/// The way to the thread that drives the locks.
pub(super) struct Hands {
    orders: SyncSender<Pulse>,
    thread: JoinHandle<()>,
}

impl Hands {
    /// Commands a pulse. False when the thread is gone.
    pub(super) fn pulse(&self, pulse: Pulse) -> bool {
        self.orders.send(pulse).is_ok()
    }

    /// Ends the thread and waits until the lock driver has released its lines.
    pub(super) fn rest(self) {
        drop(self.orders);
        if self.thread.join().is_err() {
            tracing::error!("the locks thread panicked");
        }
    }
}

fn drive(mut locks: Box<dyn LockBank>, inbox: &Inbox, orders: &Receiver<Pulse>) {
    for pulse in orders {
        let result = catch_unwind(AssertUnwindSafe(|| locks.pulse(pulse.compartment, pulse.width)));
        let result = match result {
            Ok(result) => result.map_err(|fault| fault.to_string()),
            Err(_) => Err("the lock driver panicked; its lines are released".to_owned()),
        };
        let (unlock, attempt) = (pulse.unlock, pulse.attempt);
        if !inbox.send(Message::Observed(Input::PulseEnded { unlock, attempt, result })) {
            return;
        }
    }
}
