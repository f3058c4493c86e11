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

    /// Notes the newest answer of a command, forgetting the oldest finished one when full.
    pub(super) fn note(&mut self, id: &CommandId, entry: Entry) {
        if self.entries.insert(id.clone(), entry).is_none() {
            self.order.push_back(id.clone());
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }

    /// Commands that were begun and have no end yet.
    pub(super) fn unfinished(&self) -> Vec<CommandId> {
        let begun = |(id, entry): (&CommandId, &Entry)| {
            (entry.answer == Answer::Accepted).then(|| id.clone())
        };
        self.entries.iter().filter_map(begun).collect()
    }
}
