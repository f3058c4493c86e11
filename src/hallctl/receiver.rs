//! The reference receiver: keeps each event once, in order, and durably before it says so.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::client::random_hex;
use super::ledger::{Irregularity, Ledger, Verdict};
use super::session::{Heard, Seen, Session, ToSend};
use super::store::{EventStore, Opened};
use super::{Broker, HallFault};
use crate::contract::delivery::{self, ACKNOWLEDGED, Delivery};
use crate::contract::presence::Presence;
use crate::contract::receipt::Receipt;
use crate::contract::topics::Topics;
use crate::core::ids::{DeviceId, EventSeq};

/// Events that become durable together, at most.
const BATCH: usize = 64;

/// What a watcher is told.
#[derive(Debug)]
pub enum News {
    /// Connected to the broker.
    Connected,
    /// Not connected; trying again.
    Lost(String),
    /// An event; when receiving, it is durable now.
    Event {
        /// The bytes as they came.
        payload: Vec<u8>,
        /// Its place.
        delivery: Delivery,
        /// What is not as it should be.
        irregular: Vec<Irregularity>,
    },
    /// The cabinet said which journal it writes; up to here it is in the store already.
    Held(EventSeq),
    /// An event came before one that is missing, so it is not kept: the cabinet sends both again. Ordinary when this
    /// receiver began to listen while the cabinet was sending.
    Ahead {
        /// The event that came.
        seq: EventSeq,
        /// The one that is waited for.
        expected: EventSeq,
    },
    /// Something that is not kept and should not have come; a sentence.
    Remark(String),
}

/// Listens to a cabinet's events until `each` breaks off. With a store it receives: keeps what it has not, then
/// sends the receipt. Without one it only shows, and the cabinet will go on sending to whoever receives.
pub async fn watch(
    broker: &Broker,
    device: &DeviceId,
    store: Option<Opened>,
    mut each: impl FnMut(News) -> ControlFlow<()>,
) -> Result<(), HallFault> {
    let topics = Topics::of(device);
    let name = format!("hallctl-{}", random_hex::<6>());
    let heard = [topics.event.as_str(), &topics.presence];
    let mut session = Session::open(broker, &name, &heard)?;
    let keeping = store.map(|opened| Keeping { store: opened.store, ledger: opened.ledger });
    let mut receiver = Receiver { topics, keeping, owed: BTreeSet::new() };
    loop {
        let mut seen = Vec::with_capacity(BATCH);
        if session.seen.recv_many(&mut seen, BATCH).await == 0 {
            return Err(HallFault::Broker("the connection to the broker is closed".into()));
        }
        let news = receiver.take(seen)?;
        receiver.send_receipts(&session);
        if news.into_iter().any(|item| each(item).is_break()) {
            session.finish().await;
            return Ok(());
        }
    }
}

struct Receiver {
    topics: Topics,
    keeping: Option<Keeping>,
    /// Journals whose cabinet waits for a word.
    owed: BTreeSet<String>,
}

struct Keeping {
    store: EventStore,
    ledger: Ledger,
}

impl Receiver {
    /// Makes what is new durable, all at once.
    fn take(&mut self, seen: Vec<Seen>) -> Result<Vec<News>, HallFault> {
        let mut news = Vec::new();
        for item in seen {
            match item {
                Seen::Connected => news.push(News::Connected),
                Seen::Lost(why) => news.push(News::Lost(why)),
                Seen::Message(message) if message.topic == self.topics.presence => {
                    // A cabinet that is told how much is held sends the rest at once.
                    if let (Ok(presence), Some(keeping)) =
                        (Presence::decode(&message.payload), &self.keeping)
                    {
                        news.push(News::Held(keeping.ledger.through(&presence.journal)));
                        self.owed.insert(presence.journal);
                    }
                }
                Seen::Message(message) => news.extend(self.judge(message)),
            }
        }
        let kept = news.iter().filter_map(|item| match item {
            News::Event { payload, .. } => Some(payload.as_slice()),
            News::Connected
            | News::Lost(_)
            | News::Held(_)
            | News::Ahead { .. }
            | News::Remark(_) => None,
        });
        if let Some(keeping) = &mut self.keeping {
            keeping.store.append(kept)?;
        }
        Ok(news)
    }

    fn judge(&mut self, message: Heard) -> Option<News> {
        let delivery = match delivery::read(&message.payload) {
            Ok(delivery) => delivery,
            Err(fault) => return Some(News::Remark(format!("a message was passed over: {fault}"))),
        };
        let Some(keeping) = &mut self.keeping else {
            let (payload, irregular) = (message.payload, Vec::new());
            return Some(News::Event { payload, delivery, irregular });
        };
        self.owed.insert(delivery.head.journal.clone());
        let seq = delivery.head.seq;
        match keeping.ledger.judge(&delivery, acknowledged(&message)) {
            Verdict::Keep(irregular) => {
                keeping.ledger.kept(&delivery);
                Some(News::Event { payload: message.payload, delivery, irregular })
            }
            Verdict::Repeat => None,
            Verdict::TooEarly { expected } => Some(News::Ahead { seq, expected }),
            Verdict::Contradiction => Some(News::Remark(format!(
                "event {seq} came again with other content: somebody rewrote the journal"
            ))),
        }
    }

    fn send_receipts(&mut self, session: &Session) {
        let Some(keeping) = &self.keeping else { return };
        for journal in std::mem::take(&mut self.owed) {
            let receipt = Receipt::new(journal.clone(), keeping.ledger.through(&journal));
            let (topic, payload) = (self.topics.receipt.clone(), receipt.encode());
            // A full queue means no connection. Receipts are cumulative: a later one says it too.
            let _ = session.to_send.try_send(ToSend { topic, payload, ..ToSend::default() });
        }
    }
}

fn acknowledged(message: &Heard) -> EventSeq {
    let property = message.user_properties.iter().find(|(name, _)| name == ACKNOWLEDGED);
    EventSeq(property.and_then(|(_, value)| value.parse().ok()).unwrap_or(0))
}
