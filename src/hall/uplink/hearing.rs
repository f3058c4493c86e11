//! From the broker to the app and the journal.

use rumqttc::v5::mqttbytes::v5::{
    Packet, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode,
};
use tracing::{debug, error, info, warn};

use super::Uplink;
use super::sending::on_blocking_thread;
use crate::contract::malformed::RefusedKind;
use crate::contract::receipt::Receipt;
use crate::contract::topics::Topics;
use crate::hall::backlog::Receipted;
use crate::hall::connection;
use crate::hall::inbound::{Arrived, FromHall, Meaning, meaning};
use crate::hall::outbound::{AnswerOut, Link, Sent};
use crate::hall::waiting::Held;

impl Uplink {
    pub(super) async fn hear_broker(
        &mut self,
        packet: Packet,
        link: &mut Link,
    ) -> Result<(), String> {
        if let Packet::ConnAck(accepted) = packet {
            link.accepted(accepted.properties.as_ref(), self.config.window);
            self.backlog.connected();
            self.presence_is_due = true;
            self.state_is_due = self.state.is_some();
            let filters = connection::subscriptions(&self.topics, !self.indigestible);
            link.client.try_subscribe_many(filters).map_err(|e| e.to_string())?;
        } else if let Packet::SubAck(answer) = packet {
            self.subscribed(&answer, link)?;
        } else if let Packet::PubAck(settled) = packet {
            self.settled(&settled, link);
        } else if let Packet::Publish(message) = packet {
            self.arrived(&message, link).await;
        }
        Ok(())
    }

    pub(super) fn subscribed(&mut self, answer: &SubAck, link: &mut Link) -> Result<(), String> {
        let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
        if !answer.return_codes.iter().all(granted) {
            let Topics { command, receipt, .. } = &self.topics;
            return Err(format!(
                "the broker forbids to subscribe to {command} and {receipt}: check its access rules"
            ));
        }
        link.subscribed = true;
        info!(broker = self.config.host, "connected to the hall");
        self.last_why.clear();
        self.waiting.notice(FromHall::Connected);
        Ok(())
    }

    pub(super) fn settled(&mut self, settled: &PubAck, link: &mut Link) {
        let taken =
            matches!(settled.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
        match link.in_flight.settled(settled.pkid) {
            Some(Sent::Event) if taken => self.backlog.settled(),
            Some(Sent::Event) => {
                if self.backlog.refused(self.now()) {
                    let reason = format!("{:?}", settled.reason);
                    warn!(reason, "the broker refuses events: check its access rules");
                }
            }
            Some(Sent::Answer(AnswerOut { topic, .. })) if !taken => {
                warn!(topic, reason = ?settled.reason, "the broker refused an answer");
            }
            Some(Sent::Notice(name)) if !taken => {
                warn!(name, reason = ?settled.reason, "the broker refused a retained message");
            }
            Some(Sent::Answer(_)) => link.progressed = true,
            Some(Sent::Notice(_)) => {}
            None => debug!(packet = settled.pkid, "acknowledgement of an unknown packet"),
        }
    }

    pub(super) async fn arrived(&mut self, message: &Publish, link: &mut Link) {
        let properties = message.properties.as_ref();
        let arrived = Arrived {
            topic: &message.topic,
            payload: &message.payload,
            retained: message.retain,
            response_topic: properties.and_then(|p| p.response_topic.as_deref()),
            correlation: properties.and_then(|p| p.correlation_data.as_deref()),
        };
        let held = match meaning(arrived, &self.topics, &self.config.device) {
            Meaning::Nothing => None,
            Meaning::Command { parsed, reply } => Some((FromHall::Command { parsed, reply }, None)),
            Meaning::Receipt(receipt) => match self.receipt(&receipt).await {
                Ok(()) => None,
                Err(detail) => Some((self.refused(RefusedKind::Receipt, detail), None)),
            },
            Meaning::Refused { kind, detail, answer } => Some((self.refused(kind, detail), answer)),
        };
        let packet = message.pkid;
        if let Some((message, answer)) = held {
            if self.waiting.hold(Held { message, packet: Some(packet), answer }) {
                link.acks.arrived(packet);
            }
        } else {
            link.acks.arrived(packet);
            link.acks.due(packet);
        }
    }

    pub(super) async fn receipt(&mut self, receipt: &Receipt) -> Result<(), String> {
        let journal = self.outbox.journal_id();
        if receipt.journal != journal {
            let other: String = receipt.journal.chars().take(64).collect();
            return Err(format!("a receipt for journal '{other}': this one is {journal}"));
        }
        let newest = self.outbox.newest();
        match self.backlog.receipt(receipt.through, newest, self.now()) {
            Receipted::Repeated => Ok(()),
            Receipted::Beyond => Err(format!(
                "a receipt for events up to {}: the newest is {newest}",
                receipt.through
            )),
            Receipted::Advanced(through) => {
                let kept = on_blocking_thread(&self.outbox, move |box_| box_.acknowledge(through));
                if let Err(fault) = kept.await {
                    error!("the hall's receipt could not be kept, the next one may be: {fault}");
                }
                Ok(())
            }
        }
    }

    fn refused(&mut self, kind: RefusedKind, detail: String) -> FromHall {
        if let Some(suppressed) = self.refusals.admit(self.now()) {
            warn!(kind = kind.name(), suppressed, "a message of the hall was refused: {detail}");
        }
        FromHall::Refused { kind, detail }
    }
}
