//! Between the agent's thread and the hall's task: answers find their way back, the state stays current.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::{Clock, Inbox, Message};
use crate::contract::VERSION;
use crate::contract::malformed::RefusedKind;
use crate::contract::state::{CabinetState, CompartmentState};
use crate::contract::topics::Topics;
use crate::core::command::Answer;
use crate::core::ids::{CommandId, DeviceId};
use crate::core::time::Monotonic;
use crate::core::view::CabinetView;
use crate::hall::{FromHall, Identity, ReplyTo, ToHall};
use crate::ports::{Outbox, Uplink};

/// Commands whose last answer is still to come; far more than can be under way.
const MOST_OPEN: usize = 1024;

/// How often a state is published only because the hall has caught up.
const REFRESH: Duration = Duration::from_secs(1);

/// The agent's end of the way to the hall. Clones share everything.
#[derive(Clone)]
pub(super) struct HallLink {
    device: DeviceId,
    to_hall: mpsc::Sender<ToHall>,
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    open: OpenCommands,
    refused: BTreeMap<RefusedKind, u64>,
    view: CabinetView,
    /// When the state was published last, and how far behind the hall was then.
    published: (Monotonic, u64),
}

/// Where the answers to commands go whose last answer is still to come, oldest first.
#[derive(Default)]
struct OpenCommands(VecDeque<(CommandId, ReplyTo)>);

impl OpenCommands {
    /// Remembers a command; for one too many the oldest is forgotten.
    fn add(&mut self, id: CommandId, reply: ReplyTo) {
        self.take(&id);
        if self.0.len() >= MOST_OPEN {
            self.0.pop_front();
        }
        self.0.push_back((id, reply));
    }

    fn get(&self, id: &CommandId) -> Option<ReplyTo> {
        self.0.iter().find(|(open, _)| open == id).map(|(_, reply)| reply.clone())
    }

    fn take(&mut self, id: &CommandId) -> Option<ReplyTo> {
        let place = self.0.iter().position(|(open, _)| open == id)?;
        self.0.remove(place).map(|(_, reply)| reply)
    }
}

/// What the cabinet says of itself to the hall.
pub(super) fn identity() -> Identity {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Identity { version, wall_clock: || Clock::start().now().wall }
}

impl HallLink {
    pub(super) fn new(
        device: DeviceId,
        to_hall: mpsc::Sender<ToHall>,
        outbox: Arc<dyn Outbox>,
    ) -> Self {
        Self { device, to_hall, outbox, clock: Clock::start(), shared: Arc::default() }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task reads its end whatever else it waits for, so this waits only while it is far behind.
    fn tell(&self, message: ToHall) {
        if self.to_hall.blocking_send(message).is_err() {
            tracing::debug!("the hall's task has ended");
        }
    }

    fn publish_state(&self) {
        let state = self.state();
        self.shared().published = (self.clock.now().mono, state.outbox_depth);
        self.tell(ToHall::State(state.encode()));
    }

    /// Keeps the published depth of the outbox current, at most once a second.
    pub(super) fn refresh(&self) {
        let (at, depth) = self.shared().published;
        let due = self.clock.now().mono.since(at) >= REFRESH;
        if due && depth != self.outbox_depth() {
            self.publish_state();
        }
    }

    fn outbox_depth(&self) -> u64 {
        self.outbox.newest().0.saturating_sub(self.outbox.acknowledged().0)
    }

    fn state(&self) -> CabinetState {
        let shared = self.shared();
        CabinetState {
            v: VERSION,
            device: self.device.clone(),
            journal: self.outbox.journal_id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at_ms: self.clock.now().wall,
            compartments: shared.view.compartments.iter().map(CompartmentState::from).collect(),
            face_pickup: shared.view.faces_on,
            refused: shared.refused.clone(),
            outbox_depth: self.outbox_depth(),
        }
    }
}

impl Uplink for HallLink {
    /// An answer to a command whose sender is not known any more (a restart lay between) goes to the cabinet's
    /// own answer topic.
    fn answer(&mut self, command: &CommandId, answer: &Answer) {
        let known = match answer {
            Answer::Accepted => self.shared().open.get(command),
            Answer::Done { .. } | Answer::Rejected { .. } | Answer::Failed { .. } => {
                self.shared().open.take(command)
            }
        };
        let own = || ReplyTo { topic: Topics::of(&self.device).answer, correlation: None };
        let reply = known.unwrap_or_else(own);
        self.tell(ToHall::Answer { reply, id: command.clone(), answer: answer.clone() });
    }

    fn recorded(&mut self) {
        self.tell(ToHall::NewEvents);
    }

    fn show(&mut self, view: &CabinetView) {
        self.shared().view.clone_from(view);
        self.publish_state();
    }
}

/// Starts the thread that carries the hall's messages into the agent's inbox. It waits when the inbox is full;
/// then the hall's task stops acknowledging, and the broker keeps what comes.
pub(super) fn listen(
    link: HallLink,
    mut from_hall: mpsc::Receiver<FromHall>,
    inbox: Inbox,
) -> std::io::Result<()> {
    thread::Builder::new().name("hall-inbox".into()).spawn(move || {
        while let Some(message) = from_hall.blocking_recv() {
            if !link.hear(message, &inbox) {
                return;
            }
        }
    })?;
    Ok(())
}

impl HallLink {
    /// False when the agent is gone.
    fn hear(&self, message: FromHall, inbox: &Inbox) -> bool {
        match message {
            FromHall::Command { parsed, reply } => {
                self.shared().open.add(parsed.command.id.clone(), reply);
                inbox.send(Message::Command { command: parsed.command, photo: parsed.photo })
            }
            FromHall::Connected => {
                tracing::info!("connected to the hall");
                self.publish_state();
                true
            }
            FromHall::Disconnected { .. } => true,
            FromHall::Refused { kind, .. } => {
                *self.shared().refused.entry(kind).or_default() += 1;
                self.publish_state();
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn id(n: usize) -> CommandId {
        format!("c-{n}").parse().unwrap()
    }

    fn desk(n: usize) -> ReplyTo {
        ReplyTo { topic: format!("desk/{n}"), correlation: None }
    }

    #[test]
    fn one_command_too_many_costs_only_the_oldest_its_way_back() {
        let mut open = OpenCommands::default();
        (0..MOST_OPEN).for_each(|n| open.add(id(n), desk(n)));
        open.add(id(0), desk(7));
        assert_eq!((open.get(&id(0)), open.0.len()), (Some(desk(7)), MOST_OPEN));
        open.add(id(MOST_OPEN), desk(0));
        assert_eq!(open.get(&id(1)), None);
        assert_eq!(open.take(&id(2)), Some(desk(2)));
        assert_eq!((open.take(&id(2)), open.0.len()), (None, MOST_OPEN - 1));
    }
}
