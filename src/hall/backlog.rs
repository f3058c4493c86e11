//! Which event to send next, and when to send it again. Pure: no connection, no clock, no storage.
//!
//! Only the hall's receipt lets go of an event. The broker's acknowledgement makes room for the next one and says
//! nothing more: a broker that is killed forgets what it acknowledged. Events go out in order; after a lost
//! connection, or when receipts stay away, sending starts again behind the last receipt, and the hall drops
//! repeats by journal and sequence.

use std::time::Duration;

use crate::core::ids::EventSeq;
use crate::core::time::Monotonic;

/// How far to go and how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events that may be sent and not covered by a receipt.
    pub ahead: u64,
    /// How long a receipt may stay away before the first event without one is sent again; doubles each time.
    pub patience: Duration,
    /// The longest such wait.
    pub longest_patience: Duration,
    /// At least this long between two returns to the last receipt that a repeated receipt asks for.
    pub rewind_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ahead: 256,
            patience: Duration::from_secs(5),
            longest_patience: Duration::from_secs(300),
            rewind_pause: Duration::from_secs(1),
        }
    }
}

/// What to read from the journal and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The entries after this one.
    pub after: EventSeq,
    /// At most so many.
    pub count: usize,
}

/// What a receipt meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipted {
    /// The hall holds more than before: the outbox may let go up to here.
    Advanced(EventSeq),
    /// Nothing new.
    Repeated,
    /// The hall claims events that were never recorded; nothing was changed.
    Beyond,
}

/// The sending side's memory.
#[derive(Debug)]
pub struct Backlog {
    limits: Limits,
    acknowledged: EventSeq,
    next: EventSeq,
    connected: bool,
    under_way: usize,
    /// After silence or a refusal: one event at a time until a receipt comes.
    probing: bool,
    patience: Duration,
    /// When silence has lasted too long; none while nothing waits for a receipt.
    silence_ends: Option<Monotonic>,
    /// The broker refused an event: nothing is sent before this.
    paused_until: Option<Monotonic>,
    last_rewind: Option<Monotonic>,
    /// A repeated receipt came too soon after the last: when to follow it.
    rewind_due: Option<Monotonic>,
}

impl Backlog {
    /// Starts behind what the hall has acknowledged.
    pub fn new(acknowledged: EventSeq, limits: Limits) -> Self {
        Self {
            limits,
            acknowledged,
            next: following(acknowledged),
            connected: false,
            under_way: 0,
            probing: false,
            patience: limits.patience,
            silence_ends: None,
            paused_until: None,
            last_rewind: None,
            rewind_due: None,
        }
    }

    /// Up to where the hall holds the events.
    pub fn acknowledged(&self) -> EventSeq {
        self.acknowledged
    }

    /// A connection stands: everything without a receipt goes out again.
    pub fn connected(&mut self) {
        self.disconnected();
        self.connected = true;
        self.probing = false;
        self.patience = self.limits.patience;
    }

    /// The connection is gone; what was under way may or may not have arrived.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.under_way = 0;
        self.paused_until = None;
        self.rewind();
    }

    /// What may be sent now, given how many messages may be under way at once.
    pub fn wanted(&self, window: usize, now: Monotonic) -> Option<Wanted> {
        if !self.connected || self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        let ahead = if self.probing { 1 } else { self.limits.ahead };
        let room = ahead.saturating_sub(self.without_receipt());
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let count = room.min(window.saturating_sub(self.under_way));
        (count > 0).then(|| Wanted { after: self.sent(), count })
    }

    /// The event that [`Self::wanted`] asked for was handed to the connection. False, and no change, if it is not
    /// the next one: the journal has a gap.
    #[must_use]
    pub fn handed(&mut self, seq: EventSeq, now: Monotonic) -> bool {
        if seq != self.next {
            return false;
        }
        self.next = following(seq);
        self.under_way += 1;
        self.silence_ends.get_or_insert(now.plus(self.patience));
        true
    }

    /// The broker took an event: there is room for another.
    pub fn settled(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The broker would not take an event: wait, then start again behind the last receipt. True if that is news:
    /// the other events that were under way will be refused too, and count as the same refusal.
    pub fn refused(&mut self, now: Monotonic) -> bool {
        self.settled();
        if self.paused_until.is_some_and(|until| now < until) {
            return false;
        }
        self.paused_until = Some(now.plus(self.patience));
        self.lose_patience();
        true
    }

    /// The hall says that it holds everything up to here; `newest` is the journal's end.
    pub fn receipt(&mut self, through: EventSeq, newest: EventSeq, now: Monotonic) -> Receipted {
        if through > newest {
            return Receipted::Beyond;
        }
        if through <= self.acknowledged {
            self.hall_misses_something(now);
            return Receipted::Repeated;
        }
        self.acknowledged = through;
        self.next = self.next.max(following(through));
        self.probing = false;
        self.paused_until = None;
        self.rewind_due = None;
        self.patience = self.limits.patience;
        self.silence_ends = (self.without_receipt() > 0).then(|| now.plus(self.patience));
        Receipted::Advanced(through)
    }

    /// Time has passed: a pause may be over; if receipts stayed away too long, the first event without one goes out
    /// again.
    pub fn tick(&mut self, now: Monotonic) {
        self.paused_until = self.paused_until.filter(|until| now < *until);
        if self.rewind_due.is_some_and(|due| due <= now) {
            self.send_again(now);
        }
        if self.silence_ends.is_some_and(|end| end <= now) {
            self.lose_patience();
        }
    }

    /// When [`Self::tick`] is needed.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        [self.silence_ends, self.paused_until, self.rewind_due].into_iter().flatten().min()
    }

    fn hall_misses_something(&mut self, now: Monotonic) {
        if self.without_receipt() == 0 {
            return;
        }
        let earliest = self.last_rewind.map(|last| last.plus(self.limits.rewind_pause));
        match earliest.filter(|earliest| now < *earliest) {
            Some(later) => self.rewind_due = Some(later),
            None => self.send_again(now),
        }
    }

    fn send_again(&mut self, now: Monotonic) {
        self.last_rewind = Some(now);
        self.probing = false;
        self.rewind();
    }

    fn lose_patience(&mut self) {
        self.patience = self.patience.saturating_mul(2).min(self.limits.longest_patience);
        self.probing = true;
        self.rewind();
    }

    fn rewind(&mut self) {
        self.next = following(self.acknowledged);
        self.silence_ends = None;
        self.rewind_due = None;
    }

    fn sent(&self) -> EventSeq {
        EventSeq(self.next.0 - 1)
    }

    fn without_receipt(&self) -> u64 {
        self.sent().0 - self.acknowledged.0
    }
}

fn following(seq: EventSeq) -> EventSeq {
    EventSeq(seq.0.saturating_add(1))
}

#[cfg(test)]
mod tests;
