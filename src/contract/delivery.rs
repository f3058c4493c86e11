//! What a receiver of events finds on the event topic: a record, or the place of one that did not fit.

use serde::{Deserialize, Serialize};

use super::VERSION;
use super::record::{RecordFault, RecordHead, check_head, decode_head, digest, from_hex, to_hex};
use crate::core::ids::EventSeq;
use crate::core::time::WallTime;

/// The MQTT user property of every event message: up to where the hall has acknowledged, in decimal digits.
///
/// A receiver that has never seen the journal can tell by it which event is the first that it can still get.
pub const ACKNOWLEDGED: &str = "acknowledged";

/// One message on the event topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The record's place.
    pub head: RecordHead,
    /// The record's digest: what the next one names as `prev`.
    pub digest: [u8; 32],
    /// True if the record itself stayed on the device, because the broker takes no message of its size.
    pub withheld: bool,
}

/// Reads a message of the event topic.
pub fn read(payload: &[u8]) -> Result<Delivery, RecordFault> {
    if payload.contains(&b'\n') {
        return Err(RecordFault::Unreadable("a record is one line".into()));
    }
    if let Ok(stub) = serde_json::from_slice::<Stub>(payload) {
        let Stub { v, journal, seq, at_ms, prev, withheld } = stub;
        let head = check_head(v, journal, seq, at_ms, &prev)?;
        let unreadable = || RecordFault::Unreadable("its sha256 is not one".into());
        let digest = from_hex(&withheld.sha256).ok_or_else(unreadable)?;
        return Ok(Delivery { head, digest, withheld: true });
    }
    Ok(Delivery { head: decode_head(payload)?, digest: digest(payload), withheld: false })
}

/// Stands for a record that is too large for the broker, so that the events after it can go on.
pub fn stand_in(record: &[u8]) -> Result<Vec<u8>, RecordFault> {
    let RecordHead { journal, seq, at, prev } = decode_head(record)?;
    let withheld = Withheld { bytes: record.len(), sha256: to_hex(&digest(record)) };
    let v = u64::from(VERSION);
    let stub = Stub { v, journal, seq, at_ms: at, prev: to_hex(&prev), withheld };
    Ok(serde_json::to_vec(&stub).expect("a stand-in holds only texts and numbers"))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stub {
    v: u64,
    journal: String,
    seq: EventSeq,
    at_ms: WallTime,
    prev: String,
    withheld: Withheld,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Withheld {
    bytes: usize,
    sha256: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::contract::record::{NO_PREVIOUS, Record, encode};
    use crate::core::event::Event;

    fn record() -> Vec<u8> {
        let event = Event::AgentStarted { version: "x".repeat(500) };
        let journal = "5eed".into();
        encode(&Record { journal, seq: EventSeq(3), at: WallTime(7), prev: NO_PREVIOUS, event })
    }

    #[test]
    fn a_stand_in_keeps_the_place_and_the_digest_of_what_it_stands_for() {
        let stub = stand_in(&record()).unwrap();
        assert!(stub.len() < 350, "{} bytes", stub.len());
        let (whole, stub) = (read(&record()).unwrap(), read(&stub).unwrap());
        assert_eq!((&whole.head, whole.digest), (&stub.head, stub.digest));
        assert_eq!((whole.withheld, stub.withheld), (false, true));
    }

    #[test]
    fn a_record_with_a_line_break_is_refused_because_receivers_keep_one_record_a_line() {
        assert!(read(&[record(), b"\n".to_vec()].concat()).is_err());
    }
}
