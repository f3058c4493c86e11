//! `locker-agent`: the daemon inside a smart document locker.

pub mod cli;
pub mod config;
pub mod contract;
pub mod core;
pub mod journal;
pub mod locks;
pub mod ports;
pub mod sim;
