//! Proves record by record that a journal is whole: no gap, no foreign record, every link fits.

use crate::contract::record::{self, NO_PREVIOUS, Record, RecordFault};
use crate::core::ids::EventSeq;

/// The first record at which a journal is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {breach}")]
pub struct FirstProblem {
    /// Where.
    pub seq: EventSeq,
    /// What.
    pub breach: Breach,
}

/// How a record can break a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// It is not there, but later ones are.
    #[error("it is missing, and {0} follows the one before it")]
    Missing(EventSeq),
    /// Its bytes cannot be read.
    #[error("{0}")]
    Unreadable(#[from] RecordFault),
    /// It stands in another place than it says.
    #[error("it says that it is record {0}")]
    WrongPlace(EventSeq),
    /// It belongs to another journal.
    #[error("it belongs to the journal {0}")]
    OtherJournal(String),
    /// The digest it names is not that of the record before it: one of the two was changed.
    #[error("it does not follow the record before it: one of the two was changed afterwards")]
    BrokenLink,
}

/// Walks a journal from its first record.
pub(crate) struct Chain {
    journal: String,
    newest: EventSeq,
    head: [u8; 32],
}

impl Chain {
    /// Before the first record of this journal.
    pub(crate) fn new(journal: String) -> Self {
        Self { journal, newest: EventSeq(0), head: NO_PREVIOUS }
    }

    /// The last record that was found whole, and its digest.
    pub(crate) fn head(&self) -> (EventSeq, [u8; 32]) {
        (self.newest, self.head)
    }

    /// Checks the next record, which stands at `place`.
    pub(crate) fn follow(&mut self, place: EventSeq, bytes: &[u8]) -> Result<Record, FirstProblem> {
        let seq = EventSeq(self.newest.0 + 1);
        let problem = |breach| FirstProblem { seq, breach };
        if place != seq {
            return Err(problem(Breach::Missing(place)));
        }
        let found = record::decode(bytes).map_err(|fault| problem(fault.into()))?;
        if found.seq != seq {
            return Err(problem(Breach::WrongPlace(found.seq)));
        }
        if found.journal != self.journal {
            return Err(problem(Breach::OtherJournal(found.journal)));
        }
        if found.prev != self.head {
            return Err(problem(Breach::BrokenLink));
        }
        self.newest = seq;
        self.head = record::digest(bytes);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::core::event::Event;
    use crate::core::time::WallTime;

    fn records(count: u64) -> Vec<Vec<u8>> {
        let mut prev = NO_PREVIOUS;
        let make = |seq: u64| {
            let event = Event::AgentStarted { version: seq.to_string() };
            let (journal, seq, at) = ("5eed".to_owned(), EventSeq(seq), WallTime(seq));
            let bytes = record::encode(&Record { journal, seq, at, prev, event });
            prev = record::digest(&bytes);
            bytes
        };
        (1..=count).map(make).collect()
    }

    fn walk(records: &[Vec<u8>]) -> Result<(), FirstProblem> {
        let mut chain = Chain::new("5eed".to_owned());
        (1..)
            .zip(records)
            .try_for_each(|(seq, bytes)| chain.follow(EventSeq(seq), bytes).map(|_| ()))
    }

    #[test]
    fn a_whole_chain_passes_and_any_changed_byte_is_found() {
        let good = records(4);
        walk(&good).unwrap();
        for index in 0..good[1].len() {
            let mut bad = good.clone();
            bad[1][index] ^= 1;
            let seq = walk(&bad).unwrap_err().seq;
            assert!(seq == EventSeq(2) || seq == EventSeq(3), "byte {index}: {seq}");
        }
    }

    #[test]
    fn gaps_swaps_and_foreign_records_are_named() {
        let good = records(3);
        let mut chain = Chain::new("5eed".to_owned());
        chain.follow(EventSeq(1), &good[0]).unwrap();
        let gap = chain.follow(EventSeq(3), &good[2]).unwrap_err();
        assert_eq!(gap, FirstProblem { seq: EventSeq(2), breach: Breach::Missing(EventSeq(3)) });
        let swap = chain.follow(EventSeq(2), &good[2]).unwrap_err();
        assert_eq!(swap.breach, Breach::WrongPlace(EventSeq(3)));
        let foreign = Chain::new("f00d".to_owned()).follow(EventSeq(1), &good[0]).unwrap_err();
        assert_eq!(foreign.breach, Breach::OtherJournal("5eed".to_owned()));
    }
}
