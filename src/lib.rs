//! `locker-agent`: the daemon inside a smart document locker.

pub mod app;
pub mod cameras;
pub mod cli;
pub mod config;
pub mod contract;
pub mod core;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
pub mod files;
pub mod hall;
pub mod hallctl;
pub mod journal;
pub mod locks;
pub mod models;
pub mod ports;
pub mod sim;
pub mod vision;
