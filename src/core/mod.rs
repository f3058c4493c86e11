//! The decisions, pure: commands and observations in, events and acts out.
//!
//! No clock, no I/O, no channels, no randomness. Tests feed it years in seconds.

pub mod command;
pub mod event;
pub mod ids;
pub mod input;
pub mod sighting;
pub mod time;
