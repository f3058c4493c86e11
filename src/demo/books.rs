//! The hall's books: every event as its receiver got it over the wire.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::runtime::Runtime;

use crate::contract::record;
use crate::core::event::Event;
use crate::core::ids::DeviceId;
use crate::hallctl::Broker;
use crate::hallctl::receiver::{News, watch};
use crate::hallctl::store::EventStore;

/// How long the hall waits for something.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the hall holds, growing.
#[derive(Clone, Default)]
pub(super) struct Books(Arc<(Mutex<Pages>, Condvar)>);

#[derive(Default)]
struct Pages {
    records: Vec<Vec<u8>>,
    events: Vec<Event>,
    complaints: Vec<String>,
    listening: bool,
}

impl Books {
    /// Starts the reference receiver, which keeps events in `file` and sends receipts.
    pub(super) fn open(
        runtime: &Runtime,
        broker: Broker,
        device: DeviceId,
        file: &Path,
    ) -> anyhow::Result<Self> {
        let books = Self::default();
        let store = EventStore::open(file)?;
        let writer = books.clone();
        runtime.spawn(async move {
            let ended = watch(&broker, &device, Some(store), |news| {
                writer.hear(news);
                ControlFlow::Continue(())
            });
            if let Err(fault) = ended.await {
                writer.complain(fault.to_string());
            }
        });
        Ok(books)
    }

    /// Waits until the broker has taken the receiver's subscription.
    pub(super) fn wait_until_listening(&self) -> anyhow::Result<()> {
        let quiet = |pages: &mut Pages| !pages.listening && pages.complaints.is_empty();
        let waited = self.0.1.wait_timeout_while(self.pages(), PATIENCE, quiet);
        let (pages, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(complaint) = pages.complaints.first() {
            bail!("the hall complains: {complaint}");
        }
        ensure!(!waited.timed_out(), "the hall's receiver did not reach the broker within 20 s");
        Ok(())
    }

    fn hear(&self, news: News) {
        match news {
            News::Event { payload, irregular, .. } => {
                if !irregular.is_empty() {
                    self.complain(format!("an event is irregular: {irregular:?}"));
                }
                match record::decode(&payload) {
                    Ok(record) => self.enter(payload, record.event),
                    Err(fault) => self.complain(fault.to_string()),
                }
            }
            News::Remark(remark) => self.complain(remark),
            News::Connected => {
                self.pages().listening = true;
                self.0.1.notify_all();
            }
            // The cabinet sends again what came too early; only what never comes is a fault, and waited for in vain.
            News::Lost(_) | News::Held(_) | News::Ahead { .. } => {}
        }
    }

    fn enter(&self, record: Vec<u8>, event: Event) {
        let mut pages = self.pages();
        pages.records.push(record);
        pages.events.push(event);
        self.0.1.notify_all();
    }

    fn complain(&self, complaint: String) {
        self.pages().complaints.push(complaint);
        self.0.1.notify_all();
    }

    /// Every record, as it came.
    pub(super) fn records(&self) -> Vec<Vec<u8>> {
        self.pages().records.clone()
    }

    /// How many events there are, to look only at later ones.
    pub(super) fn len(&self) -> usize {
        self.pages().events.len()
    }

    /// Waits for an event after the first `from`, and says in `what` what was waited for in vain.
    pub(super) fn wait_for<T>(
        &self,
        from: usize,
        what: &str,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> anyhow::Result<T> {
        let mut found = None;
        let (pages, waited) = self
            .0
            .1
            .wait_timeout_while(self.pages(), PATIENCE, |pages| {
                found = pages.events.iter().skip(from).find_map(&wanted);
                found.is_none() && pages.complaints.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(complaint) = pages.complaints.first() {
            bail!("the hall complains: {complaint}");
        }
        match found {
            Some(found) => Ok(found),
            None if waited.timed_out() => bail!("the hall did not hear within 20 s that {what}"),
            None => bail!("the hall's receiver has ended"),
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::EventSeq;

    #[test]
    fn an_event_that_came_too_early_is_no_complaint_but_a_wrong_one_is() {
        let books = Books::default();
        books.hear(News::Ahead { seq: EventSeq(2), expected: EventSeq(1) });
        books.hear(News::Connected);
        assert!(books.wait_until_listening().is_ok());
        books.hear(News::Remark("somebody rewrote the journal".into()));
        assert!(books.wait_until_listening().is_err());
    }
}
