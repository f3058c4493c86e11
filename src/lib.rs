//! `locker-agent`: the daemon inside a smart document locker.

pub mod contract;
pub mod core;
pub mod hall;
pub mod hallctl;
pub mod ports;
pub mod sim;
