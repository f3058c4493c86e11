//! What reaches the cabinet's thread, and from whom.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::core::command::{Answer, Command};
use crate::core::ids::{CommandId, RecipientId};
use crate::core::input::{Input, LocalOpening};
use crate::core::sighting::Sighting;
use crate::core::time::Monotonic;
use crate::core::view::CabinetView;
use crate::ports::{PhotoFault, Template};

/// How many messages may wait. Who sends more is made to wait: nothing is dropped, nothing grows.
const INBOX: usize = 64;

/// Something for the cabinet's thread.
#[derive(Debug)]
pub enum Message {
    /// An observation for the core as it is.
    Observed(Input),
    /// The camera looked, then.
    Saw {
        /// When the frame was taken.
        at: Monotonic,
        /// What was in it.
        sighting: Sighting,
    },
    /// A command of the hall, with the photo if it carries one.
    Command {
        /// The command.
        command: Command,
        /// An enrolment's photo, as the file's bytes.
        photo: Option<Vec<u8>>,
    },
    /// Somebody at the cabinet asks for a door. Every answer goes to `reply`, which needs room for two.
    Local {
        /// Which door, and for whom.
        opening: LocalOpening,
        /// Whom to answer.
        reply: SyncSender<Answer>,
    },
    /// Somebody at the cabinet asks how it stands.
    Look(SyncSender<CabinetView>),
    /// A photo was looked at.
    Enrolled {
        /// The enrolment.
        command: CommandId,
        /// Whose face.
        recipient: RecipientId,
        /// The template, or what is wrong with the photo.
        result: Result<Template, PhotoFault>,
    },
    /// A thread has ended that never should.
    Died(&'static str),
    /// Finish what is begun, record nothing new, return.
    Stop,
}

/// The sending side; clones freely.
#[derive(Debug, Clone)]
pub struct Inbox(SyncSender<Message>);

impl Inbox {
    pub(super) fn new() -> (Self, Receiver<Message>) {
        let (sender, receiver) = sync_channel(INBOX);
        (Self(sender), receiver)
    }

    /// Hands a message over, waiting if the inbox is full. False when the agent is gone.
    pub fn send(&self, message: Message) -> bool {
        self.0.send(message).is_ok()
    }
}
