//! Sends commands to one cabinet and waits for their answers.

use std::collections::HashMap;
use std::time::Duration;

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::session::{Heard, Seen, Session, ToSend};
use super::{Broker, HallFault};
use crate::contract::answer::{AnswerMessage, Reply};
use crate::contract::command::encode;
use crate::contract::presence::Presence;
use crate::contract::record::to_hex;
use crate::contract::state::CabinetState;
use crate::contract::topics::Topics;
use crate::core::command::{Command, Order};
use crate::core::ids::{CommandId, DeviceId};
use crate::core::time::WallTime;

/// How long to try to reach the broker at first.
const TO_CONNECT: Duration = Duration::from_secs(10);
/// How long to wait for the first answer until the command is sent again, under the same id.
const TO_ASK_AGAIN: Duration = Duration::from_secs(3);
/// How long the broker may take to hand out what it has retained.
const TO_BE_TOLD: Duration = Duration::from_secs(3);

/// A connection to the broker, for one cabinet. Many commands may be under way at once. After a lost connection
/// those without a final answer are sent again under the same id, which a cabinet carries out once.
#[derive(Debug)]
pub struct HallClient {
    device: DeviceId,
    requests: mpsc::Sender<Request>,
    told: watch::Receiver<Told>,
}

/// What the cabinet has published for everybody.
#[derive(Debug, Clone, Default)]
struct Told {
    connected: bool,
    trouble: Option<String>,
    presence: Option<Presence>,
    state: Option<CabinetState>,
}

#[derive(Clone)]
struct Request {
    message: ToSend,
    answers: mpsc::Sender<AnswerMessage>,
}

impl HallClient {
    /// Connects; an error says why the first attempt failed.
    pub async fn connect(broker: &Broker, device: &DeviceId) -> Result<Self, HallFault> {
        let name = format!("hallctl-{}", random_hex::<6>());
        let topics = Topics::of(device);
        let response_topic = format!("hall/answers/{name}");
        let heard = [response_topic.as_str(), &topics.presence, &topics.state];
        let session = Session::open(broker, &name, &heard)?;
        let (requests, requests_out) = mpsc::channel(64);
        let (told_in, told) = watch::channel(Told::default());
        let post = Post { topics, response_topic, session, told: told_in, pending: HashMap::new() };
        tokio::spawn(post.deliver(requests_out));
        let mut client = Self { device: device.clone(), requests, told };
        client.connected().await?;
        Ok(client)
    }

    async fn connected(&mut self) -> Result<(), HallFault> {
        let attempt = self.told.wait_for(|told| told.connected || told.trouble.is_some());
        let _ = timeout_at(Instant::now() + TO_CONNECT, attempt).await;
        let Told { connected, trouble, .. } = self.told.borrow().clone();
        if connected {
            return Ok(());
        }
        Err(HallFault::Broker(trouble.unwrap_or_else(|| "the broker does not answer".into())))
    }

    /// Sends a command and waits for its final answer; `each` hears every answer, also the first "accepted".
    pub async fn command(
        &self,
        command: &Command,
        photo: Option<&[u8]>,
        patience: Duration,
        mut each: impl FnMut(&AnswerMessage),
    ) -> Result<Reply, HallFault> {
        let deadline = Instant::now() + patience;
        let (answers, mut answered) = mpsc::channel(8);
        let message = ToSend {
            topic: Topics::of(&self.device).command,
            payload: encode(command, &self.device, photo),
            correlation: Some(random_hex::<8>().into_bytes()),
            expiry: Some(command.expires_at.since(command.issued_at)),
            response_topic: None,
        };
        let gone = || HallFault::Broker("the connection to the broker is closed".into());
        let request = Request { message, answers };
        self.requests.send(request.clone()).await.map_err(|_| gone())?;
        let mut last = None;
        loop {
            // A command may have reached the broker before the cabinet did, or the cabinet may have restarted: the
            // same id asks for the answer and is never carried out twice.
            let again = Instant::now() + TO_ASK_AGAIN;
            let answer = match timeout_at(again.min(deadline), answered.recv()).await {
                Ok(answer) => answer.ok_or_else(gone)?,
                Err(_) if again < deadline => {
                    self.requests.send(request.clone()).await.map_err(|_| gone())?;
                    continue;
                }
                Err(_) => {
                    let accepted = last.is_some();
                    return Err(HallFault::NoAnswer(self.why_no_answer(patience, accepted)));
                }
            };
            if last.as_ref() == Some(&answer) {
                continue;
            }
            each(&answer);
            if answer.answer.is_final() {
                return Ok(answer.answer);
            }
            last = Some(answer);
        }
    }

    /// What the cabinet has last said about being there; none if it never did.
    pub fn presence(&self) -> Option<Presence> {
        self.told.borrow().presence.clone()
    }

    /// The cabinet's retained state.
    pub async fn state(&mut self) -> Result<CabinetState, HallFault> {
        let told = self.told.wait_for(|told| told.state.is_some());
        let came = timeout_at(Instant::now() + TO_BE_TOLD, told).await;
        let state = came.ok().and_then(|told| told.ok()?.state.clone());
        let device = &self.device;
        state.ok_or_else(|| {
            HallFault::NoAnswer(format!("{device} has published no state: is the name right?"))
        })
    }

    fn why_no_answer(&self, patience: Duration, accepted: bool) -> String {
        let device = &self.device;
        let told = self.told.borrow();
        let seconds = patience.as_secs();
        let presence = told.presence.as_ref();
        match (&told.trouble, presence.map(|presence| presence.online)) {
            (Some(trouble), _) if !told.connected => trouble.clone(),
            (_, None) => format!(
                "no answer within {seconds} s, and {device} has never been connected to this broker: is the name \
                 right?"
            ),
            (_, Some(false)) => format!("no answer within {seconds} s: {device} is offline"),
            (_, Some(true)) if accepted => {
                format!("{device} accepted the command, but it has no end after {seconds} s")
            }
            (_, Some(true)) => {
                format!("no answer within {seconds} s although {device} is online: look at its log")
            }
        }
    }
}

/// A command with a random id, valid from now on for `lifetime`.
pub fn new_command(
    order: Order,
    id: Option<CommandId>,
    now: WallTime,
    lifetime: Duration,
) -> Command {
    let random = || {
        CommandId::new(format!("c-{}", random_hex::<12>()))
            .expect("hexadecimal digits are lawful in an id")
    };
    let id = id.unwrap_or_else(random);
    Command { id, issued_at: now, expires_at: now.plus(lifetime), retained: false, order }
}

/// Random bytes from the operating system, as hexadecimal digits.
pub(super) fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    OsRng.fill_bytes(&mut bytes);
    to_hex(&bytes)
}

/// The task that matches answers with commands.
struct Post {
    topics: Topics,
    response_topic: String,
    session: Session,
    told: watch::Sender<Told>,
    /// By correlation data.
    pending: HashMap<Vec<u8>, Request>,
}

impl Post {
    async fn deliver(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.send(request),
                    None => return,
                },
                seen = self.session.seen.recv() => match seen {
                    Some(Seen::Connected) => self.connected(),
                    Some(Seen::Message(message)) => self.heard(&message),
                    Some(Seen::Lost(why)) => self.told.send_modify(|told| {
                        told.connected = false;
                        told.trouble = Some(why);
                    }),
                    None => return,
                },
            }
        }
    }

    fn send(&mut self, mut request: Request) {
        request.message.response_topic = Some(self.response_topic.clone());
        // If the queue is full the command is lost here; the sender hears nothing and says so after its patience.
        let _ = self.session.to_send.try_send(request.message.clone());
        let correlation = request.message.correlation.clone().unwrap_or_default();
        self.pending.retain(|_, request| !request.answers.is_closed());
        self.pending.insert(correlation, request);
    }

    fn connected(&mut self) {
        self.told.send_modify(|told| {
            told.connected = true;
            told.trouble = None;
        });
        for request in self.pending.values() {
            if !request.answers.is_closed() {
                let _ = self.session.to_send.try_send(request.message.clone());
            }
        }
    }

    fn heard(&mut self, message: &Heard) {
        if message.topic == self.response_topic {
            self.answered(message);
        } else if message.topic == self.topics.presence
            && let Ok(presence) = Presence::decode(&message.payload)
        {
            self.told.send_modify(|told| told.presence = Some(presence));
        } else if message.topic == self.topics.state
            && let Ok(state) = CabinetState::decode(&message.payload)
        {
            self.told.send_modify(|told| told.state = Some(state));
        }
    }

    fn answered(&mut self, message: &Heard) {
        let Ok(answer) = AnswerMessage::decode(&message.payload) else { return };
        let last = answer.answer.is_final();
        if let Some(request) = self.pending.get(&message.correlation) {
            let _ = request.answers.try_send(answer);
        }
        if last {
            self.pending.remove(&message.correlation);
        }
    }
}
