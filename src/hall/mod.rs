//! The uplink: the cabinet's side of the conversation with the hall, over MQTT 5.
//!
//! What to send, and when to send it again, is decided without I/O in [`backlog`] and [`in_flight`]; what waits for
//! the app, and what the broker is owed for it, in `waiting` and `acks`; what a message means in [`inbound`].
//! [`uplink`] owns the connection and nothing else.

mod acks;
pub mod backlog;
pub mod backoff;
pub mod config;
mod connection;
pub mod in_flight;
pub mod inbound;
mod outbound;
mod throttle;
pub mod uplink;
mod waiting;

pub use config::{Credentials, HallConfig, HallConfigFault};
pub use inbound::{FromHall, ReplyTo};
pub use uplink::{Identity, ToHall, run};
