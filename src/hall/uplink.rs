//! The task that owns the connection.
//!
//! A new MQTT client for every connection: the library silently forgets what it had under way when a session is
//! lost, so nothing that matters is left in its memory. What is under way is known here, by packet id, and starts
//! again from the journal. The library's `poll` is never cancelled half-way: dropping it could lose a packet.

mod hearing;
mod sending;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::Publish;
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::backlog::{Backlog, Limits};
use super::backoff::backoff;
use super::config::{HallConfig, HallConfigFault};
use super::connection::{self, RECEIVE_AT_ONCE};
use super::inbound::{FromHall, ReplyTo};
use super::outbound::{Answers, Link, Sent};
use super::throttle::Throttle;
use crate::contract::presence::Presence;
use crate::contract::topics::Topics;
use crate::core::command::Answer;
use crate::core::ids::CommandId;
use crate::core::time::{Monotonic, WallTime};
use crate::ports::{Outbox, OutboxEntry};

/// How long a stopping uplink tries to say good-bye.
const FAREWELL: Duration = Duration::from_secs(2);
/// A connection that lasted so long was a good one: the next attempt need not wait for long.
const STABLE: Duration = Duration::from_secs(10);
/// Notices that wait for room in the app's queue.
const MOST_NOTICES: usize = 4;

/// Messages that wait for room in the app's queue. With so many the connection is not read any more: that is what
/// holds the broker back, because not every broker keeps to the number it was asked to (mosquitto 2.0.11 does not
/// when it empties its queue).
const MOST_HELD: usize = RECEIVE_AT_ONCE as usize + MOST_NOTICES;

/// What the app tells the uplink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToHall {
    /// Answer a command.
    Answer {
        /// Where its answers go.
        reply: ReplyTo,
        /// Which command.
        id: CommandId,
        /// What.
        answer: Answer,
    },
    /// Publish this as the retained state; a newer one replaces one that was not sent yet.
    State(Vec<u8>),
    /// The journal has grown.
    NewEvents,
    /// Say good-bye and end.
    Stop,
}

/// Who the cabinet says it is, besides its name.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The program's version.
    pub version: String,
    /// The board's clock.
    pub wall_clock: fn() -> WallTime,
}

/// Keeps the cabinet in touch with the hall until told to stop, or until the app's ends of the channels are gone.
///
/// An unreachable hall is no error: the uplink tries for ever. Only a setting that cannot work is.
pub async fn run(
    config: HallConfig,
    identity: Identity,
    outbox: Arc<dyn Outbox>,
    from_app: mpsc::Receiver<ToHall>,
    to_app: mpsc::Sender<FromHall>,
) -> Result<(), HallConfigFault> {
    config.check()?;
    let mut uplink = Uplink::new(config, identity, outbox, from_app, to_app);
    let mut failures = 0;
    while let End::Lost { why, had_connected, lasted } = uplink.connect_and_serve().await {
        failures = if had_connected && lasted > STABLE { 0 } else { failures + 1 };
        uplink.tell_lost(why, had_connected);
        let wait = backoff(failures, random());
        if uplink.wait_before_next_attempt(wait).await.is_break() {
            break;
        }
    }
    Ok(())
}

/// How a connection ended.
enum End {
    Stopped,
    Lost { why: String, had_connected: bool, lasted: Duration },
}

/// A message for the app, and the packet to acknowledge once the app has it.
struct Held {
    message: FromHall,
    packet: Option<Publish>,
}

struct Uplink {
    config: HallConfig,
    identity: Identity,
    topics: Topics,
    outbox: Arc<dyn Outbox>,
    from_app: mpsc::Receiver<ToHall>,
    to_app: mpsc::Sender<FromHall>,
    held: VecDeque<Held>,
    started: Instant,
    backlog: Backlog,
    read_ahead: VecDeque<OutboxEntry>,
    journal_pause_ends: Option<Monotonic>,
    answers: Answers,
    state: Option<Vec<u8>>,
    state_is_due: bool,
    presence_is_due: bool,
    /// When to give up saying good-bye; none while nobody has asked to stop.
    stopping: Option<Monotonic>,
    farewell_said: bool,
    /// The broker sent what cannot be taken in: the next session starts empty, and kept messages stay there.
    indigestible: bool,
    fresh_session: bool,
    last_why: String,
    refusals: Throttle,
}

impl Uplink {
    fn new(
        config: HallConfig,
        identity: Identity,
        outbox: Arc<dyn Outbox>,
        from_app: mpsc::Receiver<ToHall>,
        to_app: mpsc::Sender<FromHall>,
    ) -> Self {
        Self {
            topics: Topics::of(&config.device),
            backlog: Backlog::new(outbox.acknowledged(), Limits::default()),
            config,
            identity,
            outbox,
            from_app,
            to_app,
            held: VecDeque::new(),
            started: Instant::now(),
            read_ahead: VecDeque::new(),
            journal_pause_ends: None,
            answers: Answers::default(),
            state: None,
            state_is_due: false,
            presence_is_due: false,
            stopping: None,
            farewell_said: false,
            indigestible: false,
            fresh_session: false,
            last_why: String::new(),
            refusals: Throttle::default(),
        }
    }

    fn now(&self) -> Monotonic {
        Monotonic(self.started.elapsed())
    }

    fn presence(&self, online: bool) -> Vec<u8> {
        let (device, journal) = (self.config.device.clone(), self.outbox.journal_id());
        let at = (self.identity.wall_clock)();
        Presence::new(device, online, journal, self.identity.version.clone(), at).encode()
    }

    async fn connect_and_serve(&mut self) -> End {
        let began = Instant::now();
        let will = self.presence(false);
        let fresh = std::mem::take(&mut self.fresh_session);
        let options = match connection::options(&self.config, &self.topics, will, fresh) {
            Ok(options) => options,
            Err(why) => {
                return End::Lost { why, had_connected: false, lasted: Duration::ZERO };
            }
        };
        let requests = usize::from(self.config.window) + usize::from(RECEIVE_AT_ONCE) + 8;
        let (client, eventloop) = AsyncClient::new(options, requests);
        let mut link = Link::new(client);
        let end = self.serve(&mut link, eventloop).await;
        self.backlog.disconnected();
        let unsettled = link.in_flight.drain().filter_map(|sent| match sent {
            Sent::Answer(answer) => Some(answer),
            Sent::Event | Sent::Notice(_) => None,
        });
        self.answers.put_back(unsettled.collect());
        // The broker delivers again what was not acknowledged; its packet ids mean nothing on the next connection.
        self.held.retain(|held| held.packet.is_none());
        match end {
            Ok(()) => End::Stopped,
            Err(why) => {
                let (had_connected, lasted) = (link.subscribed, began.elapsed());
                End::Lost { why, had_connected, lasted }
            }
        }
    }

    /// Serves one connection: `Ok` if it was ended on purpose, else why it broke.
    async fn serve(&mut self, link: &mut Link, mut eventloop: EventLoop) -> Result<(), String> {
        let to_app = self.to_app.clone();
        loop {
            let polled = {
                let poll = eventloop.poll();
                tokio::pin!(poll);
                loop {
                    self.fill(link).await?;
                    if self.has_stopped(link)? {
                        return Ok(());
                    }
                    let deadline = self.started + self.next_deadline().0;
                    tokio::select! {
                        polled = &mut poll, if self.held.len() < MOST_HELD => break polled,
                        message = self.from_app.recv(), if self.stopping.is_none() => {
                            self.hear_app(message);
                        }
                        permit = to_app.reserve(), if !self.held.is_empty() => {
                            let Ok(permit) = permit else { return Ok(()) };
                            let held = self.held.pop_front();
                            hand_over(held, permit, &link.client)?;
                        }
                        () = tokio::time::sleep_until(deadline) => self.tick(),
                    }
                }
            };
            match polled {
                Ok(Event::Incoming(packet)) => self.hear_broker(packet, link).await?,
                Ok(Event::Outgoing(Outgoing::Publish(packet))) => link.in_flight.numbered(packet),
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return Ok(()),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => {
                    self.indigestible |= connection::is_indigestible(&error);
                    self.fresh_session = connection::is_indigestible(&error);
                    return Err(connection::explain(&error, &self.config));
                }
            }
        }
    }

    /// Whether a stopping uplink is done; says good-bye when nothing is under way any more.
    fn has_stopped(&mut self, link: &Link) -> Result<bool, String> {
        let Some(give_up) = self.stopping else { return Ok(false) };
        if !link.connected || self.now() >= give_up {
            return Ok(true);
        }
        let all_said = self.answers.is_empty() && !self.presence_is_due;
        if all_said && link.in_flight.is_empty() && !self.farewell_said {
            self.farewell_said = true;
            link.client.try_disconnect().map_err(|e| e.to_string())?;
        }
        Ok(false)
    }

    fn tick(&mut self) {
        let now = self.now();
        self.journal_pause_ends = self.journal_pause_ends.filter(|end| now < *end);
        self.backlog.tick(now);
    }

    fn next_deadline(&self) -> Monotonic {
        let idle = self.now().plus(Duration::from_secs(60));
        [self.backlog.next_deadline(), self.stopping, self.journal_pause_ends]
            .into_iter()
            .flatten()
            .fold(idle, Monotonic::min)
    }

    fn tell_lost(&mut self, why: String, had_connected: bool) {
        if why == self.last_why && !had_connected {
            debug!("still no connection to the hall: {why}");
            return;
        }
        warn!("no connection to the hall, trying again: {why}");
        self.last_why.clone_from(&why);
        self.notice(FromHall::Disconnected { why });
    }

    /// Waits, and listens to the app meanwhile; breaks off if it is time to stop.
    async fn wait_before_next_attempt(&mut self, wait: Duration) -> ControlFlow<()> {
        let over = Instant::now() + wait;
        let to_app = self.to_app.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(over) => return ControlFlow::Continue(()),
                message = self.from_app.recv() => {
                    self.hear_app(message);
                    if self.stopping.is_some() {
                        return ControlFlow::Break(());
                    }
                }
                permit = to_app.reserve(), if !self.held.is_empty() => {
                    let Ok(permit) = permit else { return ControlFlow::Break(()) };
                    if let Some(held) = self.held.pop_front() {
                        permit.send(held.message);
                    }
                }
            }
        }
    }
}

fn hand_over(
    held: Option<Held>,
    permit: mpsc::Permit<'_, FromHall>,
    client: &AsyncClient,
) -> Result<(), String> {
    let Some(Held { message, packet }) = held else { return Ok(()) };
    permit.send(message);
    packet.map_or(Ok(()), |packet| acknowledge(client, &packet))
}

fn acknowledge(client: &AsyncClient, message: &Publish) -> Result<(), String> {
    client.try_ack(message).map_err(|error| format!("the MQTT client is stuck: {error}"))
}

/// A number between 0 and 1 that differs from cabinet to cabinet and from time to time.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
