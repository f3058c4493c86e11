//! From the app and the journal to the broker.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use super::{FAREWELL, ToHall, Uplink};
use crate::contract::answer::{AnswerMessage, Reply};
use crate::contract::delivery::stand_in;
use crate::core::ids::{CommandId, EventSeq};
use crate::hall::inbound::ReplyTo;
use crate::hall::outbound::{AnswerOut, Link};
use crate::ports::{JournalFault, Outbox, OutboxEntry};

/// Entries read from the journal at a time.
const READ_AHEAD: usize = 64;
/// The wait after the journal could not be read.
const JOURNAL_PAUSE: Duration = Duration::from_secs(5);

impl Uplink {
    pub(super) fn hear_app(&mut self, message: Option<ToHall>) {
        match message {
            Some(ToHall::Answer { reply, id, answer }) => {
                self.answer(reply, id, Reply::Judged(answer));
            }
            Some(ToHall::State(state)) => {
                self.state = Some(state);
                self.state_is_due = true;
            }
            Some(ToHall::NewEvents) => {}
            Some(ToHall::Stop) | None => {
                self.stopping = Some(self.now().plus(FAREWELL));
                self.presence_is_due = true;
            }
        }
    }

    pub(super) fn answer(&mut self, reply: ReplyTo, id: CommandId, answer: Reply) {
        let payload = AnswerMessage::new(self.config.device.clone(), id, answer).encode();
        let ReplyTo { topic, correlation } = reply;
        self.answers.add(AnswerOut { topic, correlation, payload });
    }

    /// Sends whatever may be sent: acknowledgements, presence, answers, the state, events; in this order.
    pub(super) async fn fill(&mut self, link: &mut Link) -> Result<(), String> {
        link.acknowledge()?;
        if self.presence_is_due && link.has_room() {
            let online = self.stopping.is_none();
            let presence = self.presence(online);
            link.send_notice(&self.topics.presence, presence, "presence")?;
            self.presence_is_due = false;
        }
        while link.has_room()
            && let Some(answer) = self.answers.next()
        {
            if link.fits(&answer.topic, answer.payload.len() + 300) {
                link.send_answer(answer)?;
            } else {
                warn!(topic = answer.topic, "an answer is too large for the broker: dropped");
            }
        }
        if self.state_is_due
            && link.has_room()
            && let Some(state) = &self.state
        {
            if link.fits(&self.topics.state, state.len()) {
                link.send_notice(&self.topics.state, state.clone(), "state")?;
            } else {
                warn!(bytes = state.len(), "the state is too large for the broker: not published");
            }
            self.state_is_due = false;
        }
        if self.stopping.is_some() { Ok(()) } else { self.fill_with_events(link).await }
    }

    pub(super) async fn fill_with_events(&mut self, link: &mut Link) -> Result<(), String> {
        while link.has_room()
            && let Some(wanted) = self.backlog.wanted(link.window_for_events(), self.now())
        {
            let Some(entry) = self.next_entry(wanted.after).await else { return Ok(()) };
            let payload = self.that_fits(link, entry.record)?;
            if !self.backlog.handed(entry.seq, self.now()) {
                error!(seq = entry.seq.0, "the journal gave an event out of turn");
                self.journal_pause_ends = Some(self.now().plus(JOURNAL_PAUSE));
                return Ok(());
            }
            let acknowledged = self.backlog.acknowledged();
            link.send_event(&self.topics.event, payload, acknowledged)?;
        }
        Ok(())
    }

    /// The entry after this one, read ahead; none if there is none or the journal cannot be read now.
    pub(super) async fn next_entry(&mut self, after: EventSeq) -> Option<OutboxEntry> {
        while self.read_ahead.front().is_some_and(|entry| entry.seq <= after) {
            self.read_ahead.pop_front();
        }
        let follows = |entry: &OutboxEntry| entry.seq.0 == after.0.saturating_add(1);
        if !self.read_ahead.front().is_some_and(follows) {
            self.read_ahead.clear();
            if self.journal_pause_ends.is_some() || self.outbox.newest() <= after {
                return None;
            }
            match on_blocking_thread(&self.outbox, move |box_| box_.after(after, READ_AHEAD)).await
            {
                Ok(entries) => self.read_ahead.extend(entries),
                Err(fault) => {
                    error!("events cannot be read: {fault}");
                    self.journal_pause_ends = Some(self.now().plus(JOURNAL_PAUSE));
                }
            }
        }
        self.read_ahead.pop_front()
    }

    /// The record, or what stands for it if the broker does not take messages of its size.
    pub(super) fn that_fits(&self, link: &Link, record: Vec<u8>) -> Result<Vec<u8>, String> {
        let topic = &self.topics.event;
        if link.fits(topic, record.len()) {
            return Ok(record);
        }
        let stub = stand_in(&record).map_err(|e| e.to_string())?;
        warn!(
            bytes = record.len(),
            "an event is too large for the broker: only its digest is sent"
        );
        if link.fits(topic, stub.len()) {
            return Ok(stub);
        }
        Err("the broker's largest packet is too small for events: allow 16 KiB or more".into())
    }
}

/// The journal blocks; the connection must not wait on the runtime's own threads for it.
pub(super) async fn on_blocking_thread<T: Send + 'static>(
    outbox: &Arc<dyn Outbox>,
    work: impl FnOnce(&dyn Outbox) -> Result<T, JournalFault> + Send + 'static,
) -> Result<T, JournalFault> {
    let outbox = Arc::clone(outbox);
    let fault = |problem: String| JournalFault { path: "of this cabinet".into(), problem };
    tokio::task::spawn_blocking(move || work(outbox.as_ref()))
        .await
        .unwrap_or_else(|error| Err(fault(format!("the thread that reads it ended: {error}"))))
}
