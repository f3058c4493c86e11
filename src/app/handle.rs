//! A running agent, from outside.

use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use super::eyes::EyesReport;
use super::inbox::{Inbox, Message};
use super::parts::AgentFault;

/// A running agent.
#[derive(Debug)]
pub struct AgentHandle {
    pub(super) inbox: Inbox,
    pub(super) eyes: Option<Receiver<EyesReport>>,
    pub(super) thread: JoinHandle<Result<(), AgentFault>>,
}

impl AgentHandle {
    /// The way in for observations and commands.
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Waits until the models are up (and, if anybody is waited for, the camera), or are known not to come up.
    pub fn wait_for_eyes(&self) -> EyesReport {
        let report = self.eyes.as_ref().and_then(|eyes| eyes.recv().ok());
        report.unwrap_or_else(|| Err("the camera's thread has ended".to_owned()))
    }

    /// Whether faces have gone off or on since this or [`Self::wait_for_eyes`] was last asked; the newest word.
    pub fn news_of_eyes(&self) -> Option<EyesReport> {
        self.eyes.as_ref()?.try_iter().last()
    }

    /// Whether the agent has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Stops the agent, or learns how it ended.
    pub fn stop(self) -> Result<(), AgentFault> {
        self.inbox.send(Message::Stop);
        self.join()
    }

    /// Waits until the agent ends by itself.
    pub fn join(self) -> Result<(), AgentFault> {
        self.thread.join().unwrap_or(Err(AgentFault::Died("cabinet")))
    }
}
