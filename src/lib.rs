//! `locker-agent`: the daemon inside a smart document locker.

pub mod app;
pub mod core;
pub mod ports;
