//! For whoever has to trust a journal: proof that it is whole, and its records as they are stored.

use std::io::{self, Write};

use super::reader::JournalReader;
use crate::core::ids::EventSeq;
use crate::core::time::WallTime;
use crate::ports::{JournalFault, Outbox, OutboxEntry};

/// What a whole journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// The journal's name.
    pub journal: String,
    /// How many events.
    pub events: u64,
    /// When the first happened.
    pub first_at: Option<WallTime>,
    /// When the last happened.
    pub last_at: Option<WallTime>,
    /// The digest of the last record. Who wrote it down once can tell later that nothing before it changed.
    pub head: [u8; 32],
}

/// Reads every record and proves the chain; the error names the first record that does not fit.
pub fn verify(reader: &JournalReader) -> Result<AuditReport, JournalFault> {
    let (mut events, mut first_at, mut last_at) = (0, None, None);
    let head = reader.walk(|record, _| {
        events += 1;
        first_at = first_at.or(Some(record.at));
        last_at = Some(record.at);
        Ok::<_, JournalFault>(())
    })?;
    Ok(AuditReport { journal: reader.journal_id(), events, first_at, last_at, head })
}

/// Why a journal could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// It is not whole, or could not be read.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// The lines could not be written.
    #[error("the export could not be written: {0}; check where it goes to")]
    Output(#[from] io::Error),
}

/// Writes every record as one line, byte for byte as stored, proving the chain on the way; gives their number.
pub fn export(reader: &JournalReader, out: &mut dyn Write) -> Result<u64, ExportFault> {
    let mut events = 0;
    reader.walk(|_, bytes| {
        out.write_all(bytes)?;
        out.write_all(b"\n")?;
        events += 1;
        Ok::<_, ExportFault>(())
    })?;
    Ok(events)
}

/// The newest records, oldest first, as they are stored.
pub fn tail(reader: &JournalReader, count: usize) -> Result<Vec<OutboxEntry>, JournalFault> {
    let skipped = reader.newest().0.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    reader.after(EventSeq(skipped), count)
}
