//! Messages on their way to the broker.

use std::collections::VecDeque;

use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAckProperties, PublishProperties};

use super::in_flight::InFlight;
use crate::contract::delivery::ACKNOWLEDGED;
use crate::core::ids::EventSeq;

/// Answers that wait for a connection; beyond this the oldest is dropped (the outcome is in the journal too).
const MOST_ANSWERS: usize = 256;
/// Places that events leave to answers, the state and presence.
const KEPT_FREE: usize = 4;
/// What a packet has besides topic, payload and properties' texts, in bytes, rounded up.
const FRAME: usize = 40;

/// What was handed to the MQTT client, as far as its fate matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// An event: the journal still has it.
    Event,
    /// An answer: this is the only copy.
    Answer(AnswerOut),
    /// State or presence: published anew at every connection.
    Notice(&'static str),
}

/// An answer with its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerOut {
    pub(super) topic: String,
    pub(super) correlation: Option<Vec<u8>>,
    pub(super) payload: Vec<u8>,
}

/// The answers that wait.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: VecDeque<AnswerOut>,
}

impl Answers {
    /// Takes an answer; true if an older one had to go for it.
    pub(super) fn add(&mut self, answer: AnswerOut) -> bool {
        self.waiting.push_back(answer);
        let full = self.waiting.len() > MOST_ANSWERS;
        if full {
            self.waiting.pop_front();
        }
        full
    }

    /// The oldest.
    pub(super) fn next(&mut self) -> Option<AnswerOut> {
        self.waiting.pop_front()
    }

    /// Puts back what a lost connection left unsettled, in front, in order.
    pub(super) fn put_back(&mut self, unsettled: Vec<AnswerOut>) {
        unsettled.into_iter().rev().for_each(|answer| self.waiting.push_front(answer));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// One connection's sending side: what is under way on it and how much the broker takes.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: AsyncClient,
    pub(super) in_flight: InFlight<Sent>,
    pub(super) connected: bool,
    pub(super) subscribed: bool,
    capacity: usize,
    largest_packet: Option<usize>,
}

impl Link {
    pub(super) fn new(client: AsyncClient) -> Self {
        let in_flight = InFlight::default();
        let (connected, subscribed, capacity, largest_packet) = (false, false, 0, None);
        Self { client, in_flight, connected, subscribed, capacity, largest_packet }
    }

    /// The broker accepted the connection, on these terms. One place stays free, because the MQTT client stops
    /// taking requests, acknowledgements too, when all are taken.
    pub(super) fn accepted(&mut self, terms: Option<&ConnAckProperties>, window: u16) {
        let receive_max = terms.and_then(|terms| terms.receive_max).unwrap_or(u16::MAX);
        self.capacity = usize::from(window.min(receive_max).saturating_sub(1).max(1));
        self.largest_packet = terms
            .and_then(|terms| terms.max_packet_size)
            .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        self.connected = true;
    }

    /// Whether one more message may go under way.
    pub(super) fn has_room(&self) -> bool {
        self.connected && self.in_flight.len() < self.capacity
    }

    /// How many events may be under way besides what else is.
    pub(super) fn window_for_events(&self) -> usize {
        match self.connected {
            true => self.capacity.saturating_sub(KEPT_FREE).max(1).min(self.capacity),
            false => 0,
        }
    }

    /// Whether the broker takes a packet with this topic and so many other bytes.
    pub(super) fn fits(&self, topic: &str, bytes: usize) -> bool {
        self.largest_packet.is_none_or(|largest| topic.len() + bytes + FRAME <= largest)
    }

    pub(super) fn send_event(
        &mut self,
        topic: &str,
        record: Vec<u8>,
        acknowledged: EventSeq,
    ) -> Result<(), String> {
        let user_properties = vec![(ACKNOWLEDGED.to_owned(), acknowledged.to_string())];
        let properties = PublishProperties { user_properties, ..PublishProperties::default() };
        self.send(topic, false, record, properties, Sent::Event)
    }

    pub(super) fn send_answer(&mut self, answer: AnswerOut) -> Result<(), String> {
        let correlation_data = answer.correlation.clone().map(Into::into);
        let properties = PublishProperties { correlation_data, ..PublishProperties::default() };
        let AnswerOut { topic, payload, .. } = answer.clone();
        self.send(&topic, false, payload, properties, Sent::Answer(answer))
    }

    pub(super) fn send_notice(
        &mut self,
        topic: &str,
        payload: Vec<u8>,
        name: &'static str,
    ) -> Result<(), String> {
        self.send(topic, true, payload, PublishProperties::default(), Sent::Notice(name))
    }

    fn send(
        &mut self,
        topic: &str,
        retain: bool,
        payload: Vec<u8>,
        properties: PublishProperties,
        sent: Sent,
    ) -> Result<(), String> {
        let qos = QoS::AtLeastOnce;
        self.client
            .try_publish_with_properties(topic, qos, retain, payload, properties)
            .map_err(|error| format!("the MQTT client is stuck: {error}"))?;
        self.in_flight.handed(sent);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn answer(n: usize) -> AnswerOut {
        AnswerOut { topic: "t".into(), correlation: None, payload: n.to_string().into_bytes() }
    }

    #[test]
    fn answers_keep_their_order_over_a_lost_connection_and_have_a_limit() {
        let mut answers = Answers::default();
        assert!((0..MOST_ANSWERS).all(|n| !answers.add(answer(n))));
        assert!(answers.add(answer(MOST_ANSWERS)));
        let unsettled = vec![answers.next().unwrap(), answers.next().unwrap()];
        answers.put_back(unsettled);
        assert_eq!(answers.next(), Some(answer(1)));
        assert_eq!(answers.next(), Some(answer(2)));
    }
}
