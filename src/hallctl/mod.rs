//! The hall's side of the conversation: sends commands and waits for their answers, watches and receives events.
//!
//! `hallctl` is the reference for whoever writes a hall server, and the tool of whoever has to find out what a
//! cabinet thinks. The demonstration uses the same client in-process.

pub mod arguments;
pub mod broker;
pub mod client;
pub mod command_line;
pub mod describe;
pub mod ledger;
pub mod receiver;
mod session;
pub mod store;

pub use broker::Broker;
pub use client::HallClient;

/// Why the hall's side could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum HallFault {
    /// No connection, or it could not be made useful.
    #[error("{0}")]
    Broker(String),
    /// The cabinet did not answer, or not finally.
    #[error("{0}")]
    NoAnswer(String),
    /// The event store cannot be used.
    #[error("event store {path}: {problem}")]
    Store {
        /// The file.
        path: String,
        /// What happened and what to do.
        problem: String,
    },
    /// An argument that cannot be used.
    #[error("{0}")]
    Usage(String),
}
