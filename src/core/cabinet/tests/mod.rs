//! The cabinet's behaviour as scripted timelines, and its laws under any interleaving.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests look for one thing among many"
)]

mod allocation;
mod claims;
mod commands;
mod contents;
mod happenings;
mod laws;
mod local;
mod openings;
mod restarts;
mod scenario;
mod switches;
mod visits;
mod witness;
