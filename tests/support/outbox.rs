//! A journal in memory, with the real records' form.

use std::sync::Mutex;

use locker_agent::contract::record::{NO_PREVIOUS, Record, digest, encode};
use locker_agent::core::event::Event;
use locker_agent::core::ids::{CompartmentId, EventSeq};
use locker_agent::core::time::WallTime;
use locker_agent::ports::{JournalFault, Outbox, OutboxEntry};

pub(crate) const JOURNAL: &str = "5eed0000000000000000000000000001";

#[derive(Default)]
pub(crate) struct MemoryOutbox(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    records: Vec<Vec<u8>>,
    acknowledged: u64,
}

impl MemoryOutbox {
    /// A journal with so many events.
    pub(crate) fn with(count: u64) -> Self {
        let outbox = Self::default();
        outbox.record(count);
        outbox
    }

    pub(crate) fn record(&self, count: u64) {
        for _ in 0..count {
            self.record_event(Event::DoorClosed {
                compartment: CompartmentId::new(7).unwrap(),
                unseen: false,
            });
        }
    }

    pub(crate) fn record_event(&self, event: Event) {
        let mut inner = self.0.lock().unwrap();
        let seq = inner.records.len() as u64 + 1;
        let prev = inner.records.last().map_or(NO_PREVIOUS, |last| digest(last));
        let (journal, seq, at) = (JOURNAL.to_owned(), EventSeq(seq), WallTime(1_000 + seq));
        inner.records.push(encode(&Record { journal, seq, at, prev, event }));
    }

    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().records.clone()
    }
}

impl Outbox for MemoryOutbox {
    fn journal_id(&self) -> String {
        JOURNAL.to_owned()
    }

    fn after(&self, after: EventSeq, limit: usize) -> Result<Vec<OutboxEntry>, JournalFault> {
        let inner = self.0.lock().unwrap();
        let from = usize::try_from(after.0).unwrap();
        let entries = inner.records.iter().enumerate().skip(from).take(limit);
        Ok(entries
            .map(|(at, record)| OutboxEntry {
                seq: EventSeq(at as u64 + 1),
                record: record.clone(),
            })
            .collect())
    }

    fn newest(&self) -> EventSeq {
        EventSeq(self.0.lock().unwrap().records.len() as u64)
    }

    fn acknowledged(&self) -> EventSeq {
        EventSeq(self.0.lock().unwrap().acknowledged)
    }

    fn acknowledge(&self, through: EventSeq) -> Result<(), JournalFault> {
        let mut inner = self.0.lock().unwrap();
        let lawful = inner.acknowledged..=inner.records.len() as u64;
        if !lawful.contains(&through.0) {
            let problem = format!("{through} is not within {lawful:?}");
            return Err(JournalFault { path: "memory".into(), problem });
        }
        inner.acknowledged = through.0;
        Ok(())
    }
}
