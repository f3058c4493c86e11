//! The cabinet's thread: take one message, decide, record, then act.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use super::eyes::{Eyes, Eyesight};
use super::handle::AgentHandle;
use super::hands::{self, Hands, Pulse};
use super::inbox::{Inbox, Message};
use super::parts::{AgentFault, Parts};
use super::{Clock, doors};
use crate::core::cabinet::Cabinet;
use crate::core::command::{Answer, Command, Waiting};
use crate::core::guidance::Guidance;
use crate::core::ids::{CommandId, RecipientId};
use crate::core::input::{Act, Input};
use crate::core::sighting::Sighting;
use crate::core::time::Monotonic;
use crate::core::view::CabinetView;
use crate::ports::{
    Journal, JournalFault, PhotoFault, SensorFault, Template, TemplateFault, TemplateStore, Uplink,
};

/// The longest time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A driver that has not ended a pulse by then hangs, perhaps with an energised coil.
pub(super) const LONGEST_PULSE: Duration = Duration::from_secs(5);
/// A sighting older than this is about somebody who may have left.
const STALE: Duration = Duration::from_secs(1);
/// The name of the thread whose end or silence means that a line may be stuck.
const LOCKS: &str = "locks";

/// The cabinet's thread and what it owns.
pub struct Agent {
    cabinet: Cabinet,
    journal: Box<dyn Journal>,
    templates: Box<dyn TemplateStore>,
    uplink: Box<dyn Uplink>,
    heartbeat: Box<dyn FnMut() + Send>,
    hands: Hands,
    eyes: Eyes,
    inbox: Receiver<Message>,
    /// Messages to itself.
    own: VecDeque<Message>,
    clock: Clock,
    shown: CabinetView,
    told: Guidance,
    stop_doors: Arc<AtomicBool>,
    /// When the pulse under way must have ended.
    pulse_must_end: Option<Monotonic>,
    /// People at the cabinet who wait for the end of an opening.
    at_the_cabinet: BTreeMap<CommandId, SyncSender<Answer>>,
}

impl Agent {
    /// Rebuilds the state, settles what a restart left open, and starts the threads.
    pub fn start(mut parts: Parts) -> Result<AgentHandle, AgentFault> {
        let clock = Clock::start();
        let cabinet = rebuild(&parts)?;
        forget_strangers(&cabinet, parts.templates.as_mut())?;
        let doors = or_unknown(parts.sensors.positions());
        let occupied = or_unknown(parts.sensors.occupied());
        let (inbox, received) = Inbox::new();
        let stop_doors = Arc::new(AtomicBool::new(false));
        let hands = hands::spawn(parts.locks, inbox.clone())?;
        let eyesight = Eyesight {
            clock,
            policy: parts.policy.attention.clone(),
            open_engine: parts.open_engine,
            open_camera: parts.open_camera,
        };
        let (mut eyes, asleep) = Eyes::new();
        let eyes_report = eyes.report();
        let mut agent = Self {
            cabinet,
            journal: parts.journal,
            templates: parts.templates,
            uplink: parts.uplink,
            heartbeat: parts.heartbeat,
            hands,
            eyes,
            inbox: received,
            own: VecDeque::new(),
            clock,
            shown: CabinetView::default(),
            told: Guidance::default(),
            stop_doors: Arc::clone(&stop_doors),
            pulse_must_end: None,
            at_the_cabinet: BTreeMap::new(),
        };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        agent.step(Input::Started { version, doors, occupied: occupied.clone() }, None)?;
        agent.step(Input::Chance(chance()), None)?;
        // Now that it is known whether anybody waits: only then is the camera opened.
        asleep.wake(eyesight, inbox.clone())?;
        doors::spawn(parts.sensors, occupied, inbox.clone(), stop_doors)?;
        let thread = thread::Builder::new().name("cabinet".into()).spawn(move || agent.run())?;
        Ok(AgentHandle { inbox, eyes: eyes_report, thread })
    }

    fn run(mut self) -> Result<(), AgentFault> {
        let ended = self.serve().and_then(|()| self.finish_pulse());
        self.stop_doors.store(true, Ordering::Relaxed);
        if !matches!(ended, Err(AgentFault::LocksHang)) {
            self.hands.rest();
        }
        ended
    }

    fn serve(&mut self) -> Result<(), AgentFault> {
        loop {
            (self.heartbeat)();
            self.check_locks()?;
            let Some(message) = self.next_message() else { return Ok(()) };
            match message {
                Message::Observed(input) => self.step(input, None)?,
                Message::Command { command, photo } => self.command(command, photo)?,
                Message::Local { opening, reply } => {
                    self.at_the_cabinet.insert(opening.id.clone(), reply);
                    self.step(Input::Local(opening), None)?;
                }
                Message::Look(reply) => self.show_to(&reply),
                Message::Enrolled { command, recipient, result } => {
                    self.enrolled(command, &recipient, result)?;
                }
                Message::Saw { at, sighting } => self.saw(at, sighting)?,
                Message::Died("eyes") => self.blind()?,
                Message::Died(thread) => return Err(AgentFault::Died(thread)),
                Message::Stop => return Ok(()),
            }
        }
    }

    /// A pulse that is under way is finished and recorded before the agent ends.
    fn finish_pulse(&mut self) -> Result<(), AgentFault> {
        while self.cabinet.is_energised() {
            match self.inbox.recv_timeout(LONGEST_PULSE) {
                Ok(Message::Observed(input @ (Input::PulseEnded { .. } | Input::Door { .. }))) => {
                    self.step(input, None)?;
                }
                Ok(_) => {}
                Err(_) => return Err(AgentFault::LocksHang),
            }
        }
        Ok(())
    }

    fn check_locks(&mut self) -> Result<(), AgentFault> {
        self.pulse_must_end.take_if(|_| !self.cabinet.is_energised());
        match self.pulse_must_end {
            Some(due) if due <= self.clock.now().mono => Err(AgentFault::LocksHang),
            Some(_) | None => Ok(()),
        }
    }

    /// The next message, or a tick when a time-out is due first; `None` when everybody else is gone.
    fn next_message(&mut self) -> Option<Message> {
        if let Some(message) = self.own.pop_front() {
            return Some(message);
        }
        let now = self.clock.now();
        let due = self.cabinet.deadline(now).map_or(HEARTBEAT, |deadline| deadline.since(now.mono));
        match self.inbox.recv_timeout(due.min(HEARTBEAT)) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => Some(Message::Observed(Input::Tick)),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn command(&mut self, command: Command, photo: Option<Vec<u8>>) -> Result<(), AgentFault> {
        let (id, order) = (command.id.clone(), command.order.kind());
        tracing::info!(command = %id, ?order, "command received");
        self.step(Input::Command(command), photo)
    }

    /// A sighting that had to wait too long says nothing about who stands there now.
    fn saw(&mut self, at: Monotonic, sighting: Sighting) -> Result<(), AgentFault> {
        if self.clock.now().mono.since(at) > STALE {
            tracing::warn!("a frame was judged too late and does not count");
            return Ok(());
        }
        self.step(Input::Sighting(sighting), None)
    }

    /// The camera's thread has ended: faces are off, and photos that waited for it get their answer.
    fn blind(&mut self) -> Result<(), AgentFault> {
        tracing::error!("the camera's thread has ended; faces are off until a restart");
        self.step(Input::FacesAvailable(false), None)?;
        for (command, recipient) in self.cabinet.enrolling() {
            let result = Err(PhotoFault("face recognition has stopped on this device".to_owned()));
            self.enrolled(command, &recipient, result)?;
        }
        Ok(())
    }

    /// Stores a template before the core hears of it, and takes it back if the core does not want it.
    fn enrolled(
        &mut self,
        command: CommandId,
        recipient: &RecipientId,
        result: Result<Template, PhotoFault>,
    ) -> Result<(), AgentFault> {
        let stored = result.map_err(|fault| fault.to_string()).and_then(|template| {
            let put = self.templates.put(recipient, &template);
            put.map(|()| template.model.clone()).map_err(|fault| fault.to_string())
        });
        let new = stored.is_ok();
        self.step(Input::TemplateMade { command, result: stored }, None)?;
        if new && !self.cabinet.enrolled().contains_key(recipient) {
            self.erase(recipient);
        }
        Ok(())
    }

    /// Decides, makes the events durable, and only then acts.
    fn step(&mut self, input: Input, photo: Option<Vec<u8>>) -> Result<(), AgentFault> {
        let now = self.clock.now();
        let step = self.cabinet.step(now, input);
        let recorded = !step.events().is_empty();
        let journal = &mut self.journal;
        let acts = step.record(|events| {
            journal.append(now.wall, events)?;
            events.iter().for_each(|event| tracing::info!(?event, "recorded"));
            Ok::<(), JournalFault>(())
        })?;
        if recorded {
            self.uplink.recorded();
        }
        let mut photo = photo;
        for act in acts {
            self.act(act, &mut photo)?;
        }
        let view = CabinetView::of(&self.cabinet, now.mono);
        if view != self.shown {
            self.uplink.show(&view);
            self.shown = view;
        }
        let guidance = self.cabinet.guidance(now.mono);
        if guidance != self.told {
            tracing::debug!(?guidance, "to be told to whoever stands there");
            self.told = guidance;
        }
        Ok(())
    }

    fn act(&mut self, act: Act, photo: &mut Option<Vec<u8>>) -> Result<(), AgentFault> {
        match act {
            Act::Pulse { unlock, attempt, compartment, width } => {
                let pulse = Pulse { unlock, attempt, compartment, width };
                self.pulse_must_end = Some(self.clock.now().mono.plus(width + LONGEST_PULSE));
                if !self.hands.pulse(pulse) {
                    return Err(AgentFault::Died(LOCKS));
                }
            }
            Act::Answer { command, answer } => self.answer(&command, answer),
            Act::MakeTemplate { command, recipient } => {
                self.look_at_photo(command, recipient, photo.take());
            }
            Act::EraseTemplates(recipient) => self.erase(&recipient),
            Act::LookFor(waiting) => self.look_for(&waiting)?,
        }
        Ok(())
    }

    /// An answer goes back to where the command came from.
    fn answer(&mut self, command: &CommandId, answer: Answer) {
        let Some(reply) = self.at_the_cabinet.get(command) else {
            self.uplink.answer(command, &answer);
            return;
        };
        let is_last = answer != Answer::Accepted;
        if reply.try_send(answer).is_err() {
            tracing::debug!(%command, "who asked for this door waits no longer");
        }
        if is_last {
            self.at_the_cabinet.remove(command);
        }
    }

    fn show_to(&self, reply: &SyncSender<CabinetView>) {
        let view = CabinetView::of(&self.cabinet, self.clock.now().mono);
        if reply.try_send(view).is_err() {
            tracing::debug!("who asked for the state waits no longer");
        }
    }

    fn look_at_photo(
        &mut self,
        command: CommandId,
        recipient: RecipientId,
        photo: Option<Vec<u8>>,
    ) {
        let problem = match photo {
            None => "the command carried no photo",
            Some(photo) => {
                if self.eyes.look_at_photo(command.clone(), recipient.clone(), photo) {
                    return;
                }
                "too many photos are waiting; send it again in a minute"
            }
        };
        let result = Err(PhotoFault(problem.to_owned()));
        self.own.push_back(Message::Enrolled { command, recipient, result });
    }

    /// Gives the eyes the templates of the people who have something waiting, and of nobody else.
    fn look_for(&mut self, waiting: &Waiting) -> Result<(), AgentFault> {
        let (stored, unreadable) = self.templates.all()?;
        if unreadable > 0 {
            tracing::error!(unreadable, "templates cannot be read; those people need another way");
        }
        let mut people: Vec<(RecipientId, Vec<Template>)> = Vec::new();
        for (recipient, template) in stored {
            if !waiting.contains(&recipient) {
                continue;
            }
            match people.iter_mut().find(|(who, _)| *who == recipient) {
                Some((_, templates)) => templates.push(template),
                None => people.push((recipient, vec![template])),
            }
        }
        self.eyes.look_for(people);
        Ok(())
    }

    /// A template that could not be erased now is erased at the next start: its recipient is no longer enrolled.
    fn erase(&mut self, recipient: &RecipientId) {
        if let Err(fault) = self.templates.erase(recipient) {
            tracing::error!(%fault, %recipient, "templates not erased; tried again at the next start");
        }
    }
}

/// Without their switches doors are unknown, and locks work all the same: the thread that watches goes on trying.
fn or_unknown<T: Default>(read: Result<T, SensorFault>) -> T {
    read.unwrap_or_else(|fault| {
        tracing::error!(%fault, "the agent starts without knowing where its doors are");
        T::default()
    })
}

/// A number that nobody can know: the standard library keys its hashers from the system's random source.
fn chance() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

fn rebuild(parts: &Parts) -> Result<Cabinet, JournalFault> {
    let mut cabinet = Cabinet::new(parts.policy.clone(), parts.fitted.clone());
    parts.journal.replay(&mut |recorded| cabinet.replay(recorded.at, &recorded.event))?;
    Ok(cabinet)
}

/// A crash may have come between the record and the erasure, or between the storing and the record.
fn forget_strangers(
    cabinet: &Cabinet,
    templates: &mut dyn TemplateStore,
) -> Result<(), TemplateFault> {
    let (stored, _) = templates.all()?;
    let strangers: BTreeSet<RecipientId> =
        stored.into_iter().map(|(recipient, _)| recipient).collect();
    for recipient in strangers.iter().filter(|who| !cabinet.enrolled().contains_key(*who)) {
        templates.erase(recipient)?;
    }
    Ok(())
}
