//! The reading side of a journal, shared between threads: what is durable, and what the hall lacks of it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use sled::Tree;

use super::chain::Chain;
use super::disk::{Disk, DiskFault, damaged, guarded};
use super::store::{ACKNOWLEDGED, place, place_key};
use crate::contract::record::Record;
use crate::core::ids::EventSeq;
use crate::ports::{JournalFault, Outbox, OutboxEntry};

/// Reads a journal. Sees a record only when it is durable.
pub struct JournalReader {
    pub(super) path: PathBuf,
    pub(super) disk: Disk,
    pub(super) events: Tree,
    pub(super) meta: Tree,
    pub(super) journal: String,
    pub(super) newest: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    /// Held while the acknowledged mark moves.
    pub(super) moving: Mutex<()>,
}

impl JournalReader {
    /// Size on disk, in bytes.
    pub fn bytes(&self) -> Result<u64, JournalFault> {
        self.disk.bytes().map_err(|fault| self.fault(fault))
    }

    /// Hands every record and its bytes to `each`, oldest first, proving the chain on the way; gives the
    /// digest of the last one.
    pub(super) fn walk<E: From<JournalFault>>(
        &self,
        mut each: impl FnMut(Record, &[u8]) -> Result<(), E>,
    ) -> Result<[u8; 32], E> {
        let mut chain = Chain::new(self.journal.clone());
        let newest = self.newest();
        self.scan(EventSeq(0), usize::MAX, |seq, bytes| {
            let record = chain
                .follow(seq, bytes)
                .map_err(|problem| self.fault(DiskFault(damaged(&problem.to_string()))))?;
            each(record, bytes)
        })?;
        let (last, head) = chain.head();
        if last != newest {
            let lost = format!("it ends at record {last}, but {newest} had been recorded");
            return Err(self.fault(DiskFault(damaged(&lost))).into());
        }
        Ok(head)
    }

    /// Hands at most `limit` stored records after `after` to `each`, whatever they hold.
    fn scan<E: From<JournalFault>>(
        &self,
        after: EventSeq,
        limit: usize,
        mut each: impl FnMut(EventSeq, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let newest = self.newest();
        if after >= newest {
            return Ok(());
        }
        let range = place_key(EventSeq(after.0 + 1))..=place_key(newest);
        let mut records = self.events.range(range);
        for _ in 0..limit {
            let next = guarded("read", || records.next().transpose());
            let Some((key, bytes)) = next.map_err(|fault| self.fault(fault))? else { break };
            let seq = place(&key).ok_or_else(|| {
                self.fault(DiskFault(damaged("a record has no place: its key is not 8 bytes")))
            })?;
            each(seq, &bytes)?;
        }
        Ok(())
    }

    pub(super) fn fault(&self, DiskFault(problem): DiskFault) -> JournalFault {
        JournalFault { path: self.path.display().to_string(), problem }
    }
}

impl Outbox for JournalReader {
    fn journal_id(&self) -> String {
        self.journal.clone()
    }

    fn after(&self, after: EventSeq, limit: usize) -> Result<Vec<OutboxEntry>, JournalFault> {
        let mut entries = Vec::new();
        let mut expected = after.0;
        self.scan(after, limit, |seq, bytes| {
            expected += 1;
            if seq.0 != expected {
                let gap = format!("record {expected} is missing, and {seq} follows");
                return Err(self.fault(DiskFault(damaged(&gap))));
            }
            entries.push(OutboxEntry { seq, record: bytes.to_vec() });
            Ok(())
        })?;
        Ok(entries)
    }

    fn newest(&self) -> EventSeq {
        EventSeq(self.newest.load(Ordering::Acquire))
    }

    fn acknowledged(&self) -> EventSeq {
        EventSeq(self.acknowledged.load(Ordering::Acquire))
    }

    /// The mark becomes durable with the next append: if it is lost before, the hall is sent some events again.
    fn acknowledge(&self, through: EventSeq) -> Result<(), JournalFault> {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let (acknowledged, newest) = (self.acknowledged(), self.newest());
        if through < acknowledged || through > newest {
            return Err(self.fault(DiskFault(format!(
                "an acknowledgement through {through} is refused: it must lie between {acknowledged}, which was \
                 acknowledged before, and {newest}, the newest; the hall may be speaking of another journal"
            ))));
        }
        guarded("written", || self.meta.insert(ACKNOWLEDGED, &through.0.to_be_bytes()))
            .map_err(|fault| self.fault(fault))?;
        self.acknowledged.store(through.0, Ordering::Release);
        Ok(())
    }
}
