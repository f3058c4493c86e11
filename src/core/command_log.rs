//! The memory of commands: the same id gets the same answer and is never obeyed twice, also after a restart.

use std::collections::{BTreeMap, VecDeque};

use super::command::{Answer, OrderKind};
use super::ids::{CommandId, RecipientId};
use super::time::WallTime;

/// How many commands are remembered: far more than can be unexpired at once in one cabinet, 5 MB at most.
const REMEMBERED: usize = 20_000;

/// What is known of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) order: OrderKind,
    pub(super) expires_at: WallTime,
    pub(super) answer: Answer,
}

/// The commands seen, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CommandLog {
    entries: BTreeMap<CommandId, Entry>,
    order: VecDeque<CommandId>,
    /// Enrolments whose template is still being made: volatile, they do not survive a restart.
    pub(super) enrolling: BTreeMap<CommandId, Enrolling>,
}

/// An enrolment under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Enrolling {
    pub(super) recipient: RecipientId,
    pub(super) consent: super::ids::ConsentRef,
}

impl CommandLog {
    pub(super) fn get(&self, id: &CommandId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Notes the newest answer of a command. When full, the oldest one that has expired is forgotten: should it come
    /// again it is refused for its age.
    pub(super) fn note(&mut self, now: WallTime, id: &CommandId, entry: Entry) {
        if self.entries.insert(id.clone(), entry).is_some() {
            return;
        }
        self.order.push_back(id.clone());
        if self.order.len() > REMEMBERED
            && let Some(at) = self.order.iter().position(|id| self.has_expired(now, id))
            && let Some(forgotten) = self.order.remove(at)
        {
            self.entries.remove(&forgotten);
        }
    }

    /// Whether no further command can be remembered, and so none may be obeyed.
    pub(super) fn is_full(&self, now: WallTime) -> bool {
        self.order.len() >= REMEMBERED && !self.order.iter().any(|id| self.has_expired(now, id))
    }

    fn has_expired(&self, now: WallTime, id: &CommandId) -> bool {
        let over = |entry: &Entry| entry.expires_at <= now && entry.answer != Answer::Accepted;
        self.entries.get(id).is_some_and(over)
    }

    /// The enrolments of this recipient whose template is still being made.
    pub(super) fn enrolling_of(&self, recipient: &RecipientId) -> Vec<CommandId> {
        let theirs =
            |(id, e): (&CommandId, &Enrolling)| (e.recipient == *recipient).then(|| id.clone());
        self.enrolling.iter().filter_map(theirs).collect()
    }

    /// Commands that were begun and have no end yet.
    pub(super) fn unfinished(&self) -> Vec<CommandId> {
        let begun = |(id, entry): (&CommandId, &Entry)| {
            (entry.answer == Answer::Accepted).then(|| id.clone())
        };
        self.entries.iter().filter_map(begun).collect()
    }
}
