//! The contract with the hall, version 1: what travels over MQTT and what the journal stores, byte for byte.
//!
//! Serialised forms only: no connection, no storage, no decision. `docs/hall-protocol.md` says it in prose.

#[cfg(test)]
pub(crate) mod names;
pub mod record;

/// The version of every serialised form in this module; each form carries it as `v`.
pub const VERSION: u16 = 1;
