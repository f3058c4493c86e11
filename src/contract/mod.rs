//! The contract with the hall, version 1: what travels over MQTT and what the journal stores, byte for byte.
//!
//! Serialised forms only: no connection, no storage, no decision. `docs/hall-protocol.md` says it in prose.

pub mod answer;
pub mod command;
pub mod delivery;
#[cfg(test)]
mod document;
mod fields;
pub mod malformed;
#[cfg(test)]
pub(crate) mod names;
pub mod presence;
pub mod receipt;
pub mod record;
pub mod state;
mod strict_json;
pub mod topics;

/// The version of every serialised form in this module; each form carries it as `v`.
pub const VERSION: u16 = 1;

/// Reads a message that carries its version as `v`. Unknown fields are ignored: the other end may be newer.
fn read<T: serde::de::DeserializeOwned>(what: &str, payload: &[u8]) -> Result<T, Unreadable> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        v: u64,
    }
    let unreadable = |problem: String| Unreadable { what: what.to_owned(), problem };
    let versioned: Versioned =
        serde_json::from_slice(payload).map_err(|e| unreadable(e.to_string()))?;
    if versioned.v != u64::from(VERSION) {
        return Err(unreadable(format!("its version is {}, this program reads 1", versioned.v)));
    }
    serde_json::from_slice(payload).map_err(|e| unreadable(e.to_string()))
}

/// A message that is not of the agreed form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} cannot be read: {problem}")]
pub struct Unreadable {
    /// Which form was expected.
    pub what: String,
    /// Why it is not one.
    pub problem: String,
}
