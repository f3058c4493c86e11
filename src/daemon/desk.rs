//! Where people at the cabinet are served: their requests go into the agent's inbox, its answers back to them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::app::{Clock, Inbox, Message};
use crate::control::{Asked, ControlFault, Doors};
use crate::core::command::Answer;
use crate::core::ids::CommandId;
use crate::core::input::LocalOpening;
use crate::core::view::CabinetView;

/// How long the agent may take to say how it stands.
const A_MOMENT: Duration = Duration::from_secs(10);
/// How long a door may take to open: every attempt that a configuration allows, and some more.
const OPENING: Duration = Duration::from_secs(170);

/// Serves one agent.
pub struct Desk {
    inbox: Inbox,
    served: AtomicU64,
}

impl Desk {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, served: AtomicU64::new(0) }
    }

    /// A name that no request had before, also before a restart.
    fn next_id(&self) -> CommandId {
        let number = self.served.fetch_add(1, Ordering::Relaxed);
        let started = Clock::start().now().wall.0;
        CommandId::new(format!("local-{started}-{number}"))
            .expect("a word and two numbers are a lawful name")
    }
}

fn ended() -> ControlFault {
    ControlFault::Broken("the agent has ended".to_owned())
}

fn late() -> ControlFault {
    ControlFault::Broken("the agent does not answer in time; its log may say why".to_owned())
}

impl Doors for Desk {
    fn look(&self) -> Result<CabinetView, ControlFault> {
        let (reply, view) = sync_channel(1);
        if !self.inbox.send(Message::Look(reply)) {
            return Err(ended());
        }
        view.recv_timeout(A_MOMENT).map_err(|_| late())
    }

    fn open(&self, asked: Asked) -> Result<Answer, ControlFault> {
        let Asked { compartment, operator, reason, even_loaded } = asked;
        let opening =
            LocalOpening { id: self.next_id(), compartment, operator, reason, even_loaded };
        let (reply, answers) = sync_channel(2);
        if !self.inbox.send(Message::Local { opening, reply }) {
            return Err(ended());
        }
        loop {
            match answers.recv_timeout(OPENING).map_err(|_| late())? {
                Answer::Accepted => {}
                last @ (Answer::Done { .. } | Answer::Rejected { .. } | Answer::Failed { .. }) => {
                    return Ok(last);
                }
            }
        }
    }
}
