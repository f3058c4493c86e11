//! The hall's word that it holds events: the only thing that lets a cabinet let go of them.

use serde::{Deserialize, Serialize};

use super::{Unreadable, VERSION};
use crate::core::ids::EventSeq;

/// "I hold this journal's events up to here, each of them, durably."
///
/// Cumulative, so a lost or repeated receipt does no harm. One that brings nothing new says that the hall is
/// there and misses something: the cabinet then sends again what lies behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    v: u16,
    /// Which journal; a receipt for another one is refused.
    pub journal: String,
    /// The last event held; 0 for none.
    pub through: EventSeq,
}

impl Receipt {
    /// A receipt for this journal.
    pub fn new(journal: impl Into<String>, through: EventSeq) -> Self {
        Self { v: VERSION, journal: journal.into(), through }
    }

    /// As JSON.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a receipt holds only a text and two numbers")
    }

    /// From JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, Unreadable> {
        super::read("receipt", payload)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_receipt_is_read_back_and_a_later_version_is_refused() {
        let receipt = Receipt::new("5eed", EventSeq(17));
        assert_eq!(receipt.encode(), br#"{"v":1,"journal":"5eed","through":17}"#);
        assert_eq!(Receipt::decode(&receipt.encode()).unwrap(), receipt);
        let error = Receipt::decode(br#"{"v":2,"journal":"5eed","through":17}"#).unwrap_err();
        assert!(error.to_string().contains("its version is 2"), "{error}");
    }
}
