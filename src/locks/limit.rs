//! The second hand on every pulse: a thread that does nothing but switch a line off when its pulse is overdue.
//!
//! The thread that gives a pulse also ends it. This one does not trust it to: whatever that thread waits for, and
//! whatever the rest of the program is busy with, a line goes off [`Limit::GRACE`] after its time.

use std::fmt::{Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::pulse::{LockLine, LockLines, release};
use crate::core::ids::CompartmentId;

/// Watches the pulses of one bank of locks.
pub(super) struct Limit {
    /// `None` only while it is dropped.
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    cut: Arc<AtomicBool>,
}

enum Order {
    Begin(CompartmentId, Duration),
    End,
}

/// The pulse was longer than it should have been, and was cut off from outside.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overdue;

impl Display for Overdue {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "its pulse was not ended in time and was cut off; this machine is overloaded or hangs: \
             look at its load and its kernel log",
        )
    }
}

impl Limit {
    /// How long after its time a pulse is cut off: more than a loaded board is late, less than a coil minds.
    pub(super) const GRACE: Duration = Duration::from_millis(100);

    /// Starts the thread.
    pub(super) fn watch<L: LockLine>(lines: LockLines<L>) -> std::io::Result<Self> {
        let (orders, received) = channel();
        let cut = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&cut);
        let name = "locks-limit".to_owned();
        let thread =
            thread::Builder::new().name(name).spawn(move || guard(&received, &lines, &noted))?;
        Ok(Self { orders: Some(orders), thread: Some(thread), cut })
    }

    /// Says that a pulse begins. It ends when the answer is told so, or dropped.
    pub(super) fn begin(&self, compartment: CompartmentId, width: Duration) -> Limited<'_> {
        self.cut.store(false, Ordering::SeqCst);
        self.tell(Order::Begin(compartment, width));
        Limited(self)
    }

    fn tell(&self, order: Order) {
        // Without the thread the pulse still ends by the thread that gives it.
        let told = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        if !told {
            tracing::error!("the thread that limits pulses has ended; start the agent anew");
        }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.orders = None;
        // Its handle on the lines has to be gone before they can be closed.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that limits pulses panicked");
        }
    }
}

/// A pulse under way.
pub(super) struct Limited<'a>(&'a Limit);

impl Limited<'_> {
    /// Ends it, and says whether it was in time.
    pub(super) fn end(self) -> Result<(), Overdue> {
        if self.0.cut.load(Ordering::SeqCst) { Err(Overdue) } else { Ok(()) }
    }
}

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        self.0.tell(Order::End);
    }
}

fn guard<L: LockLine>(orders: &Receiver<Order>, lines: &LockLines<L>, cut: &AtomicBool) {
    while let Ok(order) = orders.recv() {
        let Order::Begin(compartment, width) = order else { continue };
        if !matches!(orders.recv_timeout(width + Limit::GRACE), Err(RecvTimeoutError::Timeout)) {
            continue;
        }
        cut.store(true, Ordering::SeqCst);
        tracing::error!(%compartment, "a pulse was not ended in time: the line is switched off");
        keep_off(orders, lines, compartment);
    }
}

/// Switches the line off again and again until the other thread is done with it: a slow bus may switch it on after the
/// first time, and what could not be switched off once may be the next time.
fn keep_off<L: LockLine>(
    orders: &Receiver<Order>,
    lines: &LockLines<L>,
    compartment: CompartmentId,
) {
    let mut told = false;
    loop {
        if let Some(Err(reason)) = lines.get(&compartment).map(release)
            && !told
        {
            tracing::error!(%compartment, %reason, "the line cannot be switched off: cut the supply");
            told = true;
        }
        if !matches!(orders.recv_timeout(Limit::GRACE), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::mpsc::sync_channel;
    use std::sync::{Mutex, mpsc};

    use super::super::pulse::PulsedLines;
    use super::*;
    use crate::ports::LockBank;

    /// Tells when it is released.
    struct Line(Mutex<mpsc::SyncSender<()>>);

    impl LockLine for Line {
        fn energise(&self) -> Result<(), String> {
            Ok(())
        }
        fn release(&self) -> Result<(), String> {
            let _ = self.0.lock().unwrap().try_send(());
            Ok(())
        }
    }

    #[test]
    fn a_pulse_that_hangs_is_switched_off_by_another_thread_and_told() {
        let (released, releases) = sync_channel(16);
        let door = CompartmentId::new(1).unwrap();
        let (answer, answered) = sync_channel(1);
        // The pulse "hangs" until its line is seen to be released, which it does not do itself.
        let hang = move |_| {
            while releases.try_recv().is_ok() {}
            answer.send(releases.recv_timeout(Duration::from_secs(20)).is_ok()).unwrap();
        };
        let lines = [(door, Line(Mutex::new(released)))].into();
        let mut bank = PulsedLines::new(lines, hang).unwrap();
        let fault = bank.pulse(door, Duration::from_millis(50)).unwrap_err().to_string();
        assert!(answered.recv().unwrap(), "nobody released the line");
        assert!(fault.contains("cut off"), "{fault}");
    }

    /// A bus so slow that the line is on only after the pulse should have been over.
    struct SlowLine {
        on: Arc<AtomicBool>,
        cut_off: Mutex<Receiver<()>>,
        releases: Mutex<mpsc::SyncSender<()>>,
    }

    impl LockLine for SlowLine {
        fn energise(&self) -> Result<(), String> {
            // Once when the bank was made, and once by the second hand before the bus gets through.
            let cut_off = self.cut_off.lock().unwrap();
            (0..2).for_each(|_| cut_off.recv_timeout(Duration::from_secs(20)).unwrap());
            self.on.store(true, Ordering::SeqCst);
            Ok(())
        }
        fn release(&self) -> Result<(), String> {
            self.on.store(false, Ordering::SeqCst);
            let _ = self.releases.lock().unwrap().try_send(());
            Ok(())
        }
    }

    #[test]
    fn a_line_that_a_slow_bus_switches_on_too_late_is_switched_off_again() {
        let (released, releases) = sync_channel(1);
        let on = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&on);
        let hang = move |_| {
            let clock = std::iter::repeat_with(thread::yield_now);
            let off = clock.take(200_000_000).any(|()| !seen.load(Ordering::SeqCst));
            assert!(off, "nobody switched the line off again");
        };
        let door = CompartmentId::new(1).unwrap();
        let line = SlowLine { on, cut_off: Mutex::new(releases), releases: Mutex::new(released) };
        let mut bank = PulsedLines::new([(door, line)].into(), hang).unwrap();
        assert!(bank.pulse(door, Duration::from_millis(50)).is_err());
    }
}
