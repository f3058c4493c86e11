//! `locker-agent`: the daemon inside a smart document locker.
//!
//! | room | what it knows |
//! | --- | --- |
//! | [`core`] | every decision, pure: commands and observations in, events and acts out |
//! | [`ports`] | the traits of the world around it |
//! | [`contract`] | what is stored and sent, versioned |
//! | [`models`], [`vision`] | which models there are; from pictures to numbers |
//! | [`cameras`], [`locks`] | devices; [`sim`] stands in where there are none |
//! | [`journal`] | the durable record, templates at rest |
//! | [`hall`], [`hallctl`] | the two ends of the conversation with the hall |
//! | [`control`] | the socket for whoever works at the cabinet itself |
//! | [`app`] | threads and one inbox: record, then act |
//! | [`config`], [`daemon`], [`cli`] | the file, the wiring, the commands |
//!
//! `ARCHITECTURE.md` has the map, the rules of import and one event's walk through it.

pub mod app;
pub mod cameras;
pub mod cli;
pub mod config;
pub mod contract;
pub mod control;
pub mod core;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
pub mod files;
pub mod hall;
pub mod hallctl;
pub mod host;
pub mod journal;
pub mod locks;
pub mod models;
pub mod ports;
pub mod sim;
pub mod vision;
