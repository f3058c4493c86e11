//! The uplink: the cabinet's side of the conversation with the hall, over MQTT 5.
//!
//! What to send, and when to send it again, is decided without I/O in [`backlog`] and [`in_flight`]; what a message
//! means is decided in [`inbound`]. [`uplink`] owns the connection and nothing else.

pub mod backlog;
pub mod backoff;
pub mod config;
mod connection;
pub mod in_flight;
pub mod inbound;
mod outbound;
mod throttle;
pub mod uplink;

pub use config::{Credentials, HallConfig, HallConfigFault};
pub use inbound::{FromHall, ReplyTo};
pub use uplink::{Identity, ToHall, run};
