//! The control socket: how somebody at the cabinet asks the running daemon for a door.
//!
//! A Unix socket that only its group may use (mode 0660). One line of JSON asks, one answers. Who asks is not taken
//! from what they say but from the kernel, which knows whose process is at the other end.

mod client;
mod peer;
mod protocol;
mod server;

use crate::core::command::Answer;
use crate::core::ids::CompartmentId;
use crate::core::view::CabinetView;

pub use client::Client;
pub use peer::{local_user, operator_of};
pub use protocol::{Doorway, Reply, Request};
pub use server::{Server, serve};

/// What somebody at the cabinet may ask for; the running agent answers.
pub trait Doors: Send + Sync {
    /// How the cabinet stands.
    fn look(&self) -> Result<CabinetView, ControlFault>;
    /// Opens a door and waits until it was seen open, or will not open.
    fn open(&self, opening: Asked) -> Result<Answer, ControlFault>;
}

/// A door that was asked for, with who asked already known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub compartment: CompartmentId,
    /// For whom.
    pub operator: crate::core::ids::OperatorId,
    /// Why.
    pub reason: String,
    /// Whether it may be opened although a document lies behind it.
    pub even_loaded: bool,
}

/// Why the control socket is of no use now.
#[derive(Debug, thiserror::Error)]
pub enum ControlFault {
    /// Nobody answers at that path.
    #[error("no daemon answers at {socket}")]
    NobodyThere {
        /// The path.
        socket: String,
    },
    /// The socket is there and this user may not use it.
    #[error(
        "{socket} may be used only by its group: run this with sudo, or join the group (usermod -aG)"
    )]
    Forbidden {
        /// The path.
        socket: String,
    },
    /// The socket cannot be made.
    #[error("the control socket {socket} cannot be made: {problem}")]
    NotMade {
        /// The path.
        socket: String,
        /// What the system said, and what to do.
        problem: String,
    },
    /// The exchange broke off.
    #[error("the daemon's answer did not come: {0}")]
    Broken(String),
    /// The daemon refused to listen to the request.
    #[error("the daemon refuses: {0}")]
    Refused(String),
}
