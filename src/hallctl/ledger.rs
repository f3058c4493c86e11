//! Which events a receiver holds, and what to make of the next one. Pure.

use std::collections::BTreeMap;

use crate::contract::delivery::Delivery;
use crate::contract::record::NO_PREVIOUS;
use crate::core::ids::EventSeq;

/// The end of each journal as far as it is held.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    journals: BTreeMap<String, End>,
}

#[derive(Debug, Clone, Copy)]
struct End {
    through: EventSeq,
    digest: [u8; 32],
}

/// What to do with an event that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Keep(Vec<Irregularity>),
    /// It is held already.
    Repeat,
    /// Others come first; the cabinet will send them when it sees the receipt.
    TooEarly {
        /// The one that is waited for.
        expected: EventSeq,
    },
    /// It has the number of the newest event held and other content: somebody rewrote history.
    Contradiction,
}

/// What an auditor must be told about an event that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Irregularity {
    /// These were acknowledged to somebody else, so the cabinet will not send them any more.
    Missing {
        /// The first that is missing.
        from: EventSeq,
        /// The last that is missing.
        through: EventSeq,
    },
    /// It does not name the digest of the event before it: one of the two was changed.
    BrokenChain,
    /// Its content stayed on the device, because the broker takes no message of its size.
    Withheld,
}

impl Ledger {
    /// Judges an event; `acknowledged` is up to where the cabinet says that events were acknowledged.
    pub fn judge(&self, delivery: &Delivery, acknowledged: EventSeq) -> Verdict {
        let end = self.end(&delivery.head.journal);
        let (seq, expected) = (delivery.head.seq, EventSeq(end.through.0 + 1));
        if seq == end.through && delivery.digest != end.digest {
            return Verdict::Contradiction;
        }
        if seq < expected {
            return Verdict::Repeat;
        }
        let mut irregular = Vec::new();
        if seq == expected {
            if delivery.head.prev != end.digest {
                irregular.push(Irregularity::BrokenChain);
            }
        } else if seq.0 - 1 == acknowledged.0 {
            irregular.push(Irregularity::Missing { from: expected, through: acknowledged });
        } else {
            return Verdict::TooEarly { expected };
        }
        if delivery.withheld {
            irregular.push(Irregularity::Withheld);
        }
        Verdict::Keep(irregular)
    }

    /// The event is held from now on.
    pub fn kept(&mut self, delivery: &Delivery) {
        let end = End { through: delivery.head.seq, digest: delivery.digest };
        self.journals.insert(delivery.head.journal.clone(), end);
    }

    /// Up to where this journal is held; 0 for nothing.
    pub fn through(&self, journal: &str) -> EventSeq {
        self.end(journal).through
    }

    fn end(&self, journal: &str) -> End {
        let nothing = End { through: EventSeq(0), digest: NO_PREVIOUS };
        self.journals.get(journal).copied().unwrap_or(nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::record::RecordHead;
    use crate::core::time::WallTime;

    fn digest_of(seq: u64) -> [u8; 32] {
        if seq == 0 { NO_PREVIOUS } else { [u8::try_from(seq).unwrap_or(255); 32] }
    }

    fn delivery(seq: u64) -> Delivery {
        let head = RecordHead {
            journal: "5eed".into(),
            seq: EventSeq(seq),
            at: WallTime(seq),
            prev: digest_of(seq - 1),
        };
        Delivery { head, digest: digest_of(seq), withheld: false }
    }

    fn holding(through: u64) -> Ledger {
        let mut ledger = Ledger::default();
        (1..=through).for_each(|seq| ledger.kept(&delivery(seq)));
        ledger
    }

    const NONE: EventSeq = EventSeq(0);

    #[test]
    fn keeps_the_next_drops_repeats_and_waits_for_what_comes_first() {
        let ledger = holding(3);
        assert_eq!(ledger.judge(&delivery(4), NONE), Verdict::Keep(vec![]));
        assert_eq!(ledger.judge(&delivery(3), NONE), Verdict::Repeat);
        assert_eq!(ledger.judge(&delivery(1), NONE), Verdict::Repeat);
        assert_eq!(ledger.judge(&delivery(6), NONE), Verdict::TooEarly { expected: EventSeq(4) });
    }

    #[test]
    fn a_changed_history_is_noticed() {
        let ledger = holding(3);
        let mut forged = delivery(4);
        forged.head.prev = digest_of(9);
        assert_eq!(ledger.judge(&forged, NONE), Verdict::Keep(vec![Irregularity::BrokenChain]));
        let mut other = delivery(3);
        other.digest = digest_of(9);
        assert_eq!(ledger.judge(&other, NONE), Verdict::Contradiction);
        assert_eq!(Ledger::default().judge(&delivery(1), NONE), Verdict::Keep(vec![]));
    }

    #[test]
    fn what_the_cabinet_let_go_of_is_reported_missing_and_not_waited_for() {
        let missing = Irregularity::Missing { from: EventSeq(4), through: EventSeq(6) };
        assert_eq!(holding(3).judge(&delivery(7), EventSeq(6)), Verdict::Keep(vec![missing]));
        assert_eq!(
            holding(3).judge(&delivery(8), EventSeq(6)),
            Verdict::TooEarly { expected: EventSeq(4) }
        );
    }

    #[test]
    fn a_new_journal_starts_again_at_one() {
        let mut fresh = delivery(1);
        fresh.head.journal = "feed".into();
        assert_eq!(holding(3).judge(&fresh, NONE), Verdict::Keep(vec![]));
    }
}
