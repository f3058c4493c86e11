//! One connection to the broker that mends itself, as two queues.

use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, PublishProperties, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tokio::sync::mpsc;

use super::{Broker, HallFault};

/// Messages under way to the broker at once; below the client's own limit, so that it never stops reading.
const UNDER_WAY: usize = 12;
/// The pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(500);

/// What happens on the connection.
#[derive(Debug)]
pub(super) enum Seen {
    /// Connected and subscribed. Whatever was sent before may be lost.
    Connected,
    /// A message.
    Message(Heard),
    /// The connection is gone; the next one is being tried.
    Lost(String),
}

/// A message that was heard.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) correlation: Vec<u8>,
    pub(super) user_properties: Vec<(String, String)>,
}

/// A message to send.
#[derive(Debug, Clone, Default)]
pub(super) struct ToSend {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) response_topic: Option<String>,
    pub(super) correlation: Option<Vec<u8>>,
    pub(super) expiry: Option<Duration>,
}

/// How long an ending session waits for the broker to take what was sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// The two queues. Dropping them cuts the connection off; [`Session::finish`] ends it in good order.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) seen: mpsc::Receiver<Seen>,
    pub(super) to_send: mpsc::Sender<ToSend>,
}

impl Session {
    /// Connects as `client_id`, hears `topics`, and goes on trying for ever.
    pub(super) fn open(
        broker: &Broker,
        client_id: &str,
        topics: &[&str],
    ) -> Result<Self, HallFault> {
        let options = broker.options(client_id)?;
        let filters = topics.iter().map(|topic| Filter::new(*topic, QoS::AtLeastOnce)).collect();
        let (seen_in, seen) = mpsc::channel(256);
        let (to_send, to_send_out) = mpsc::channel(256);
        let broker = broker.to_string();
        tokio::spawn(keep(Keeper {
            broker,
            options,
            filters,
            seen: seen_in,
            to_send: to_send_out,
        }));
        Ok(Self { seen, to_send })
    }

    /// Ends when the broker has taken everything that was sent, or after three seconds.
    pub(super) async fn finish(self) {
        let Self { mut seen, to_send } = self;
        drop(to_send);
        let ended = async { while seen.recv().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}

struct Keeper {
    broker: String,
    options: MqttOptions,
    filters: Vec<Filter>,
    seen: mpsc::Sender<Seen>,
    to_send: mpsc::Receiver<ToSend>,
}

/// The session is over: its owner is gone, or has finished.
struct NobodyListens;

async fn keep(mut keeper: Keeper) {
    let mut last_why = String::new();
    loop {
        let (client, eventloop) = AsyncClient::new(keeper.options.clone(), UNDER_WAY + 8);
        let Ok(why) = keeper.serve(client, eventloop).await else { return };
        // The same trouble again and again is said once.
        if why != last_why && keeper.tell(Seen::Lost(why.clone())).await.is_err() {
            return;
        }
        last_why = why;
        tokio::time::sleep(PAUSE).await;
    }
}

impl Keeper {
    /// Serves one connection; says why it broke. Never drops a `poll` half-way, never waits for the client's queue.
    async fn serve(
        &mut self,
        client: AsyncClient,
        mut eventloop: EventLoop,
    ) -> Result<String, NobodyListens> {
        let (mut connected, mut under_way) = (false, 0);
        let (mut closing, mut farewell_said) = (false, false);
        loop {
            let polled = {
                let poll = eventloop.poll();
                tokio::pin!(poll);
                loop {
                    if closing && under_way == 0 && !farewell_said {
                        client.try_disconnect().map_err(|_| NobodyListens)?;
                        farewell_said = true;
                    }
                    tokio::select! {
                        polled = &mut poll => break polled,
                        message = self.to_send.recv(),
                            if connected && !closing && under_way < UNDER_WAY => match message
                        {
                            Some(message) if publish(&client, &message).is_ok() => under_way += 1,
                            Some(_) => return Ok("the MQTT client is stuck".into()),
                            None => closing = true,
                        },
                        () = self.seen.closed() => return Err(NobodyListens),
                    }
                }
            };
            let packet = match polled {
                Ok(Event::Incoming(packet)) => packet,
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return Err(NobodyListens),
                Ok(Event::Outgoing(_)) => continue,
                Err(error) => return Ok(self.explain(&error)),
            };
            if let Packet::ConnAck(_) = packet {
                if client.try_subscribe_many(self.filters.clone()).is_err() {
                    return Ok("the MQTT client is stuck".into());
                }
            } else if let Packet::SubAck(answer) = packet {
                let granted = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                if !answer.return_codes.iter().all(granted) {
                    return Ok(format!(
                        "{} forbids to listen: check its access rules",
                        self.broker
                    ));
                }
                connected = true;
                self.tell(Seen::Connected).await?;
            } else if let Packet::PubAck(_) = packet {
                under_way = under_way.saturating_sub(1);
            } else if let Packet::Publish(message) = packet {
                self.tell(Seen::Message(heard(message))).await?;
            }
        }
    }

    async fn tell(&self, seen: Seen) -> Result<(), NobodyListens> {
        self.seen.send(seen).await.map_err(|_| NobodyListens)
    }

    fn explain(&self, error: &ConnectionError) -> String {
        let broker = &self.broker;
        if let ConnectionError::Io(error) = error {
            format!(
                "the broker {broker} cannot be reached ({error}): is it running, is the address right?"
            )
        } else if let ConnectionError::ConnectionRefused(code) = error {
            format!("the broker {broker} refuses the connection ({code:?}): check the login")
        } else {
            format!("the connection to the broker {broker} broke: {error}")
        }
    }
}

fn publish(client: &AsyncClient, message: &ToSend) -> Result<(), ()> {
    let properties = PublishProperties {
        response_topic: message.response_topic.clone(),
        correlation_data: message.correlation.clone().map(Into::into),
        message_expiry_interval: message
            .expiry
            .map(|expiry| u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX).max(1)),
        ..PublishProperties::default()
    };
    let (topic, payload) = (message.topic.clone(), message.payload.clone());
    client
        .try_publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)
        .map_err(|_| ())
}

fn heard(message: Publish) -> Heard {
    let properties = message.properties.unwrap_or_default();
    Heard {
        topic: String::from_utf8_lossy(&message.topic).into_owned(),
        payload: message.payload.to_vec(),
        correlation: properties.correlation_data.map(|data| data.to_vec()).unwrap_or_default(),
        user_properties: properties.user_properties,
    }
}
