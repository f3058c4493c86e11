//! The durable record, and the part of it that the hall has not acknowledged.

use crate::core::event::Event;
use crate::core::ids::EventSeq;
use crate::core::time::WallTime;

/// The journal could not be read or written. Nothing may be done that needed the record.
#[derive(Debug, thiserror::Error)]
#[error("journal {path}: {problem}")]
pub struct JournalFault {
    /// Where the journal is.
    pub path: String,
    /// What happened and what to do about it.
    pub problem: String,
}

/// An event with its place and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place.
    pub seq: EventSeq,
    /// When, by the board's clock.
    pub at: WallTime,
    /// What.
    pub event: Event,
}

/// The writer's side of the journal.
pub trait Journal: Send {
    /// Appends all events as one batch and returns when they would survive a pulled plug;
    /// gives the place of the last one. On an error none of them counts as recorded.
    fn append(&mut self, at: WallTime, events: &[Event]) -> Result<EventSeq, JournalFault>;
    /// Hands every recorded event to `each`, oldest first.
    fn replay(&self, each: &mut dyn FnMut(Recorded)) -> Result<(), JournalFault>;
}

/// A record on its way to the hall: the bytes as they are stored, so that both ends hash the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place.
    pub seq: EventSeq,
    /// The stored record: canonical JSON.
    pub record: Vec<u8>,
}

/// The reader's side: what the hall has not acknowledged yet. Shared with the uplink's task.
pub trait Outbox: Send + Sync {
    /// This journal's random name; a new journal starts again at sequence 1 under a new name.
    fn journal_id(&self) -> String;
    /// At most `limit` entries after `after`, oldest first.
    fn after(&self, after: EventSeq, limit: usize) -> Result<Vec<OutboxEntry>, JournalFault>;
    /// The newest recorded event.
    fn newest(&self) -> EventSeq;
    /// Up to where the hall has said that it holds the events.
    fn acknowledged(&self) -> EventSeq;
    /// Moves that mark forward; backwards or beyond the newest is an error and changes nothing.
    fn acknowledge(&self, through: EventSeq) -> Result<(), JournalFault>;
}
