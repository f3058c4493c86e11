//! The carrying: one thread decides and records, one drives the locks, one reads the doors, one looks.
//!
//! The cabinet's thread owns the core and the journal. Everything reaches it through one bounded inbox, and it
//! acts only after the step's events are durable. The other threads own one device each and decide nothing.

mod agent;
mod clock;
mod doors;
mod eyes;
mod handle;
mod hands;
mod inbox;
mod parts;
#[cfg(test)]
mod tests;

pub use agent::Agent;
pub use clock::Clock;
pub use eyes::{EyesReport, OpenCamera, OpenEngine};
pub use handle::AgentHandle;
pub use inbox::{Inbox, Message};
pub use parts::{AgentFault, Parts};
