//! The writing side of a journal. There is one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sled::Batch;

use super::disk::DiskFault;
use super::mark::{Mark, Newest};
use super::reader::JournalReader;
use super::store::place_key;
use crate::contract::record::{self, Record};
use crate::core::event::Event;
use crate::core::ids::EventSeq;
use crate::core::time::WallTime;
use crate::ports::{Journal, JournalFault, Outbox, Recorded};

/// Appends to a journal.
///
/// After an error it takes nothing more: what was not recorded may still have reached the disk, whole or not
/// at all, and only opening the journal anew tells. What was recorded before the error stays recorded.
pub struct JournalWriter {
    pub(super) reader: Arc<JournalReader>,
    pub(super) mark: Mark,
    /// Digest of the newest record.
    pub(super) head: [u8; 32],
    /// Why the mark could not be written, if it could not: then the next append is refused.
    pub(super) mark_lost: Option<String>,
}

impl JournalWriter {
    /// The records as a batch, with the place and digest of the last one.
    fn chain(&self, at: WallTime, events: &[Event]) -> (Batch, EventSeq, [u8; 32]) {
        let mut batch = Batch::default();
        let (mut seq, mut head) = (self.reader.newest(), self.head);
        for event in events {
            seq = EventSeq(seq.0 + 1);
            let (journal, event) = (self.reader.journal_id(), event.clone());
            let bytes = record::encode(&Record { journal, seq, at, prev: head, event });
            head = record::digest(&bytes);
            batch.insert(&place_key(seq), bytes);
        }
        (batch, seq, head)
    }
}

impl Journal for JournalWriter {
    fn append(&mut self, at: WallTime, events: &[Event]) -> Result<EventSeq, JournalFault> {
        if let Some(lost) = &self.mark_lost {
            let problem = format!("nothing more is recorded since this failed: {lost}");
            return Err(self.reader.fault(DiskFault(problem)));
        }
        if events.is_empty() {
            return Ok(self.reader.newest());
        }
        let (batch, seq, head) = self.chain(at, events);
        let done = self.reader.disk.commit(&self.reader.events, batch);
        done.map_err(|fault| self.reader.fault(fault))?;
        self.head = head;
        self.reader.newest.store(seq.0, Ordering::Release);
        let newest = Newest { journal: self.reader.journal_id(), seq, head };
        if let Err(error) = self.mark.write(&newest) {
            self.mark_lost = Some(format!(
                "the file 'newest' could not be written: {error}; check the disk and start the program again"
            ));
        }
        Ok(seq)
    }

    fn replay(&self, each: &mut dyn FnMut(Recorded)) -> Result<(), JournalFault> {
        let hand_over = |record: Record, _: &[u8]| {
            let Record { seq, at, event, .. } = record;
            each(Recorded { seq, at, event });
            Ok::<_, JournalFault>(())
        };
        self.reader.walk(hand_over).map(|_| ())
    }
}
