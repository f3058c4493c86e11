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
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::backlog::{Backlog, Limits};
use super::backoff::backoff;
use super::config::{HallConfig, HallConfigFault};
use super::inbound::{FromHall, ReplyTo};
use super::outbound::{Answers, Link, Sent};
use super::throttle::Throttle;
use super::waiting::{Held, Waiting};
use super::{acks, connection};
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
    while let End::Lost { why, had_connected, useful } = uplink.connect_and_serve().await {
        failures = if useful { 0 } else { failures + 1 };
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
    /// `useful` if it brought the conversation forward or lasted: the next attempt need not wait for long.
    Lost {
        why: String,
        had_connected: bool,
        useful: bool,
    },
}

struct Uplink {
    config: HallConfig,
    identity: Identity,
    topics: Topics,
    outbox: Arc<dyn Outbox>,
    from_app: mpsc::Receiver<ToHall>,
    to_app: mpsc::Sender<FromHall>,
    waiting: Waiting,
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
            waiting: Waiting::default(),
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
                return End::Lost { why, had_connected: false, useful: false };
            }
        };
        // Room for all that is ever handed over at once: publishes, acknowledgements, to subscribe, to disconnect.
        let requests = usize::from(self.config.window) + acks::MOST_UNDER_WAY + 8;
        let (client, eventloop) = AsyncClient::new(options, requests);
        let mut link = Link::new(client);
        let end = self.serve(&mut link, eventloop).await;
        self.backlog.disconnected();
        let unsettled = link.in_flight.drain().filter_map(|sent| match sent {
            Sent::Answer(answer) => Some(answer),
            Sent::Event | Sent::Notice(_) => None,
        });
        self.answers.put_back(unsettled.collect());
        self.waiting.connection_lost();
        match end {
            Ok(()) => End::Stopped,
            Err(why) => {
                let had_connected = link.subscribed;
                let useful = link.progressed || (had_connected && began.elapsed() > STABLE);
                End::Lost { why, had_connected, useful }
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
                    self.check_for_more(link)?;
                    let deadline = self.started + self.next_deadline().0;
                    tokio::select! {
                        polled = &mut poll, if self.may_read() => break polled,
                        message = self.from_app.recv(), if self.stopping.is_none() => {
                            self.hear_app(message);
                        }
                        permit = to_app.reserve(), if self.may_hand_over() => {
                            let Ok(permit) = permit else { return Ok(()) };
                            self.hand_over(permit, link);
                        }
                        () = tokio::time::sleep_until(deadline) => self.tick(),
                    }
                }
            };
            match polled {
                Ok(Event::Incoming(packet)) => self.hear_broker(packet, link).await?,
                Ok(Event::Outgoing(Outgoing::Publish(packet))) => link.in_flight.numbered(packet),
                Ok(Event::Outgoing(Outgoing::PubAck(_))) => {
                    link.acks.written();
                    link.progressed = true;
                }
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return Ok(()),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => {
                    // Two cabinets of one name would otherwise take it from each other every second.
                    link.progressed &= !connection::is_taken_over(&error);
                    self.indigestible |= connection::is_indigestible(&error);
                    self.fresh_session = connection::is_indigestible(&error);
                    return Err(connection::explain(&error, &self.config));
                }
            }
        }
    }

    /// The connection is not read while the app has enough to do, which holds the broker back; but while answers
    /// wait for the broker, only reading can help: its acknowledgements come behind whatever else it has sent.
    fn may_read(&self) -> bool {
        !self.waiting.are_many() || self.answers.are_many()
    }

    /// Commands are kept back while too many answers wait.
    fn may_hand_over(&self) -> bool {
        !self.waiting.is_empty() && !self.answers.are_many()
    }

    fn hand_over(&mut self, permit: mpsc::Permit<'_, FromHall>, link: &mut Link) {
        let Some(Held { message, packet, answer }) = self.waiting.next() else { return };
        permit.send(message);
        if let Some((reply, id, answer)) = answer {
            self.answer(reply, id, answer);
        }
        if let Some(packet) = packet {
            link.acks.due(packet);
        }
    }

    /// An error when it is time for a new connection, on which the broker sends again what found no room on this.
    fn check_for_more(&self, link: &Link) -> Result<(), String> {
        let all_dealt_with = self.waiting.wants_more()
            && self.answers.is_empty()
            && !link.has_answers_under_way()
            && link.acks.is_empty();
        if all_dealt_with {
            return Err("the broker sent more at once than it was asked to; connecting again \
                        makes it send the rest"
                .into());
        }
        Ok(())
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
        self.waiting.notice(FromHall::Disconnected { why });
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
                permit = to_app.reserve(), if !self.waiting.is_empty() => {
                    let Ok(permit) = permit else { return ControlFlow::Break(()) };
                    if let Some(held) = self.waiting.next() {
                        permit.send(held.message);
                    }
                }
            }
        }
    }
}

/// A number between 0 and 1 that differs from cabinet to cabinet and from time to time.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
