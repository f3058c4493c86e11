//! `locker-agent`: the daemon inside a smart document locker.

pub mod cli;
pub mod core;
pub mod models;
pub mod ports;
pub mod vision;
