//! The way to the hall.

use crate::core::command::Answer;
use crate::core::ids::CommandId;
use crate::core::view::CabinetView;

/// What the agent tells the hall besides the journal. Never blocks: what cannot be said now is said later
/// (events lie in the outbox, the newest state replaces an older one, an answer is given again when the
/// command is sent again).
pub trait Uplink: Send {
    /// Answers a command.
    fn answer(&mut self, command: &CommandId, answer: &Answer);
    /// The outbox has grown.
    fn recorded(&mut self);
    /// The state has changed.
    fn show(&mut self, view: &CabinetView);
}
