//! Where each kind of message is published.

use crate::core::ids::DeviceId;

/// What stands before the device in every topic; the version is that of the contract.
pub const ROOT: &str = "locker/v1";

/// The topics of one cabinet. A [`DeviceId`] holds nothing that means anything in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Hall to cabinet: orders.
    pub command: String,
    /// Hall to cabinet: up to where the hall holds the events.
    pub receipt: String,
    /// Cabinet to hall: answers to commands that named no response topic.
    pub answer: String,
    /// Cabinet to hall: the journal, record by record.
    pub event: String,
    /// Cabinet to hall, retained: the whole cabinet at a glance.
    pub state: String,
    /// Cabinet to hall, retained: online or not.
    pub presence: String,
}

impl Topics {
    /// The topics of this cabinet.
    pub fn of(device: &DeviceId) -> Self {
        let topic = |leaf: &str| format!("{ROOT}/{device}/{leaf}");
        Self {
            command: topic("command"),
            receipt: topic("receipt"),
            answer: topic("answer"),
            event: topic("event"),
            state: topic("state"),
            presence: topic("presence"),
        }
    }

    /// Whether a command may ask for its answer there. Never inside the lockers' own tree (an answer must not be
    /// able to pass for somebody's command), never a wildcard, never the broker's own topics.
    pub fn may_answer_to(&self, topic: &str) -> bool {
        let plain = !topic.is_empty() && topic.len() <= 256 && !topic.contains(['+', '#', '\0']);
        let foreign = !topic.starts_with("locker/") && !topic.starts_with('$');
        plain && (foreign || topic == self.answer)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_answer_can_never_be_sent_where_it_would_pass_for_a_command() {
        let topics = Topics::of(&DeviceId::new("luohu-1").unwrap());
        assert_eq!(topics.command, "locker/v1/luohu-1/command");
        for bad in
            ["locker/v1/luohu-2/command", &topics.receipt, "", "a/#", "$SYS/x", "locker/v2/x"]
        {
            assert!(!topics.may_answer_to(bad), "{bad}");
        }
        assert!(topics.may_answer_to("hall/answers/desk-3"));
        assert!(topics.may_answer_to(&topics.answer));
    }
}
