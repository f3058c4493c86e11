//! The decisions, pure: commands and observations in, events and acts out.
//!
//! No clock, no I/O, no channels, no randomness. Tests feed it years in seconds.

pub mod attention;
pub mod cabinet;
pub mod command;
mod command_log;
pub mod compartment;
pub mod event;
pub mod fitting;
pub mod ids;
pub mod input;
mod judgement;
pub mod policy;
mod recognition;
pub mod sighting;
pub mod switch;
pub mod time;
pub mod view;
