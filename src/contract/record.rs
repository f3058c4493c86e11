//! One event as it is stored, sent and hashed: the same bytes everywhere.
//!
//! Canonical form: compact JSON with the fields in the order of [`Record`]. Each record names the SHA-256 of the
//! record before it, so a gap or a change in the middle shows.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::VERSION;
use crate::core::event::Event;
use crate::core::ids::EventSeq;
use crate::core::time::WallTime;

/// What the first record of a journal names as the one before it.
pub const NO_PREVIOUS: [u8; 32] = [0; 32];

/// An event with its place, its time and the record it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The journal's random name: 1 to 64 lower-case hexadecimal digits.
    pub journal: String,
    /// Its place: the first is 1, without gaps.
    pub seq: EventSeq,
    /// When, by the board's clock.
    pub at: WallTime,
    /// SHA-256 of the previous record's bytes; [`NO_PREVIOUS`] for the first.
    pub prev: [u8; 32],
    /// What happened.
    pub event: Event,
}

/// A record's place in its journal, readable even if the event is of a kind this program does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHead {
    /// The journal's random name.
    pub journal: String,
    /// Its place.
    pub seq: EventSeq,
    /// When, by the board's clock.
    pub at: WallTime,
    /// SHA-256 of the previous record's bytes.
    pub prev: [u8; 32],
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Not JSON of the agreed shape.
    #[error("the record cannot be read: {0}")]
    Unreadable(String),
    /// Of a version this program does not know.
    #[error("the record has version {0}, this program reads version 1: use a newer program")]
    Version(u64),
    /// The journal's name is not hexadecimal.
    #[error("the record's journal '{0}' is not 1 to 64 lower-case hexadecimal digits")]
    Journal(String),
    /// Places start at 1.
    #[error("the record has sequence 0: places in a journal start at 1")]
    Sequence,
    /// The digest of the previous record is not one.
    #[error("the record's prev '{0}' is not 64 lower-case hexadecimal digits")]
    Previous(String),
}

/// The canonical bytes of a record.
pub fn encode(record: &Record) -> Vec<u8> {
    let wire = Wire {
        v: u64::from(VERSION),
        journal: record.journal.clone(),
        seq: record.seq,
        at_ms: record.at,
        prev: to_hex(&record.prev),
        event: &record.event,
    };
    serde_json::to_vec(&wire).expect("a record holds only texts, numbers and lists of fields")
}

/// Reads a record. Refuses unknown fields and unknown kinds of event: what is not understood must not be replayed.
pub fn decode(bytes: &[u8]) -> Result<Record, RecordFault> {
    let RecordHead { journal, seq, at, prev } = decode_head(bytes)?;
    let wire: Wire<Event> = serde_json::from_slice(bytes).map_err(|e| unreadable(&e))?;
    Ok(Record { journal, seq, at, prev, event: wire.event })
}

/// Reads a record's place only. For receivers, which keep the bytes whatever the event is.
pub fn decode_head(bytes: &[u8]) -> Result<RecordHead, RecordFault> {
    let wire: Wire<serde::de::IgnoredAny> =
        serde_json::from_slice(bytes).map_err(|e| unreadable(&e))?;
    check_head(wire.v, wire.journal, wire.seq, wire.at_ms, &wire.prev)
}

/// The head of a record or of what stands for one, if its parts are lawful.
pub(super) fn check_head(
    version: u64,
    journal: String,
    seq: EventSeq,
    at: WallTime,
    prev: &str,
) -> Result<RecordHead, RecordFault> {
    if version != u64::from(VERSION) {
        return Err(RecordFault::Version(version));
    }
    if !is_journal_id(&journal) {
        return Err(RecordFault::Journal(journal.chars().take(64).collect()));
    }
    if seq == EventSeq(0) {
        return Err(RecordFault::Sequence);
    }
    let prev =
        from_hex(prev).ok_or_else(|| RecordFault::Previous(prev.chars().take(64).collect()))?;
    Ok(RecordHead { journal, seq, at, prev })
}

/// SHA-256 of a record's bytes: what the next record names as `prev`.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether a text can name a journal: 1 to 64 lower-case hexadecimal digits.
pub fn is_journal_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| nibble(b).is_some())
}

/// Bytes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 0x0f)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

/// A digest from exactly 64 lower-case hexadecimal digits.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

/// The wire form: the order of these fields is the canonical order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<E> {
    v: u64,
    journal: String,
    seq: EventSeq,
    at_ms: WallTime,
    prev: String,
    event: E,
}

fn unreadable(error: &serde_json::Error) -> RecordFault {
    RecordFault::Unreadable(error.to_string())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::contract::names::variants_of;

    fn started(seq: u64) -> Record {
        let event = Event::AgentStarted { version: "0.1.0".into() };
        let journal = "5eed0000000000000000000000000001".into();
        Record { journal, seq: EventSeq(seq), at: WallTime(7), prev: NO_PREVIOUS, event }
    }

    #[test]
    fn every_fixture_decodes_and_encodes_to_the_same_bytes_and_no_event_lacks_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events");
        let mut seen = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let record =
                decode(text.trim_end().as_bytes()).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            assert_eq!(String::from_utf8(encode(&record)).unwrap(), text.trim_end(), "{path:?}");
            let event = serde_json::to_value(&record.event).unwrap();
            seen.insert(event["type"].as_str().unwrap().to_owned());
        }
        let known: BTreeSet<String> = variants_of::<Event>("type").into_iter().collect();
        assert_eq!(seen, known, "each kind of event needs a fixture in tests/fixtures/events");
    }

    #[test]
    fn a_record_is_read_back_and_its_digest_is_the_published_sha256() {
        let bytes = encode(&started(1));
        assert_eq!(decode(&bytes).unwrap(), started(1));
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(to_hex(&digest(b"abc")), abc);
        assert_eq!(from_hex(abc), Some(digest(b"abc")));
    }

    #[test]
    fn what_is_not_a_record_is_refused_with_its_reason() {
        let good = String::from_utf8(encode(&started(1))).unwrap();
        let refused = |from: &str, to: &str| decode(good.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(refused("\"v\":1", "\"v\":2"), RecordFault::Version(2));
        assert_eq!(refused("\"seq\":1", "\"seq\":0"), RecordFault::Sequence);
        assert!(matches!(refused("5eed", "5EED"), RecordFault::Journal(_)));
        assert!(matches!(refused("\"prev\":\"0", "\"prev\":\""), RecordFault::Previous(_)));
        assert!(matches!(refused("agent_started", "agent_danced"), RecordFault::Unreadable(_)));
        assert!(matches!(refused("\"v\":1", "\"v\":1,\"w\":1"), RecordFault::Unreadable(_)));
        assert!(matches!(decode(b"\xff"), Err(RecordFault::Unreadable(_))));
    }

    #[test]
    fn the_place_of_a_record_is_readable_although_its_event_is_not_known_here() {
        let later = String::from_utf8(encode(&started(4))).unwrap();
        let later = later.replace("agent_started", "agent_danced");
        assert_eq!(decode_head(later.as_bytes()).unwrap().seq, EventSeq(4));
    }
}
