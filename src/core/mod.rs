//! The decisions, pure: commands and observations in, events and acts out.
//!
//! No clock, no I/O, no channels; chance arrives as an input. Tests feed it years in seconds.

pub mod attention;
pub mod cabinet;
pub mod calibration;
mod challenge;
pub mod command;
mod command_log;
pub mod compartment;
pub mod event;
mod face_policy;
pub mod fitting;
pub mod guidance;
pub mod ids;
pub mod input;
mod judgement;
mod looking;
pub mod policy;
mod recognition;
pub mod sighting;
pub mod switch;
pub mod time;
mod tracking;
pub mod view;
