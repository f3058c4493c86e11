//! Messages on their way to the broker.

use std::collections::VecDeque;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAckProperties, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, ClientError};

use super::acks::Acks;
use super::in_flight::InFlight;
use crate::contract::delivery::ACKNOWLEDGED;
use crate::core::ids::EventSeq;

/// With so many answers waiting, the app gets no more commands. Twice what mosquitto queues for a cabinet if nobody
/// tells it otherwise, since a command may have two answers: all that can be waited out without a new connection.
const MANY_ANSWERS: usize = 2048;
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
    /// Takes an answer. None is ever dropped: who gives it is kept from new commands while [`Self::are_many`].
    pub(super) fn add(&mut self, answer: AnswerOut) {
        self.waiting.push_back(answer);
    }

    /// Whether so many wait that there should be no more for now.
    pub(super) fn are_many(&self) -> bool {
        self.waiting.len() >= MANY_ANSWERS
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
    pub(super) acks: Acks,
    pub(super) connected: bool,
    pub(super) subscribed: bool,
    /// Whether something of the hall's has been dealt with for good: the next connection has less to do.
    pub(super) progressed: bool,
    capacity: usize,
    largest_packet: Option<usize>,
}

impl Link {
    pub(super) fn new(client: AsyncClient) -> Self {
        Self {
            client,
            in_flight: InFlight::default(),
            acks: Acks::default(),
            connected: false,
            subscribed: false,
            progressed: false,
            capacity: 0,
            largest_packet: None,
        }
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

    /// Whether the broker has not yet taken an answer that was sent.
    pub(super) fn has_answers_under_way(&self) -> bool {
        self.in_flight.iter().any(|sent| matches!(sent, Sent::Answer(_)))
    }

    /// Hands over as many of the acknowledgements that are due as the client should have.
    pub(super) fn acknowledge(&mut self) -> Result<(), String> {
        while let Some(pkid) = self.acks.next() {
            let message = Publish { pkid, qos: QoS::AtLeastOnce, ..Publish::default() };
            self.client.try_ack(&message).map_err(|error| stuck(&error))?;
        }
        Ok(())
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
            .map_err(|error| stuck(&error))?;
        self.in_flight.handed(sent);
        Ok(())
    }
}

/// The client's queue has room for everything that may be under way, so this would be a fault of the program.
fn stuck(error: &ClientError) -> String {
    format!("the MQTT client is stuck: {error}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn answer(n: usize) -> AnswerOut {
        AnswerOut { topic: "t".into(), correlation: None, payload: n.to_string().into_bytes() }
    }

    #[test]
    fn answers_keep_their_order_over_a_lost_connection_and_none_is_dropped() {
        let mut answers = Answers::default();
        for n in 0..=MANY_ANSWERS {
            assert_eq!(answers.are_many(), n == MANY_ANSWERS);
            answers.add(answer(n));
        }
        let unsettled = vec![answers.next().unwrap(), answers.next().unwrap()];
        answers.put_back(unsettled);
        let all: Vec<AnswerOut> = std::iter::from_fn(|| answers.next()).collect();
        assert_eq!(all, (0..=MANY_ANSWERS).map(answer).collect::<Vec<_>>());
    }
}
