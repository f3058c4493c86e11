//! What the tests of the uplink stand on: a real broker, and a journal in memory.

pub(crate) mod mosquitto;
pub(crate) mod outbox;
