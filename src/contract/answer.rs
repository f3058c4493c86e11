//! What a cabinet says to a command.

use serde::{Deserialize, Serialize};

use super::malformed::Malformed;
use super::{Unreadable, VERSION};
use crate::core::command::Answer;
use crate::core::ids::{CommandId, DeviceId};

/// An answer on its way to whoever sent the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerMessage {
    v: u16,
    /// Who answers.
    pub device: DeviceId,
    /// Which command.
    pub id: CommandId,
    /// What.
    pub answer: Reply,
}

/// The core's answer, or the border's: a malformed command never reaches the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reply {
    /// The command was not well formed; nothing was changed.
    Malformed(MalformedReply),
    /// The cabinet's own answer.
    Judged(Answer),
}

/// The border's answer: it looks like a rejection by the core, with a code of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum MalformedReply {
    /// Not obeyed, and nothing was changed.
    Rejected {
        /// Why.
        reason: MalformedReason,
    },
}

/// The rejection that only the wire knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum MalformedReason {
    /// The command is not of the agreed form.
    Malformed {
        /// The field, as a path from the top of the command.
        field: String,
        /// What is wrong with it and what to send instead.
        remedy: String,
    },
}

impl From<&Malformed> for Reply {
    fn from(malformed: &Malformed) -> Self {
        let Malformed { field, remedy, .. } = malformed.clone();
        Self::Malformed(MalformedReply::Rejected {
            reason: MalformedReason::Malformed { field, remedy },
        })
    }
}

impl Reply {
    /// Whether another answer to the same command will follow.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Judged(Answer::Accepted) => false,
            Self::Judged(Answer::Rejected { .. } | Answer::Done { .. } | Answer::Failed { .. })
            | Self::Malformed(_) => true,
        }
    }
}

impl AnswerMessage {
    /// An answer of this device to that command.
    pub fn new(device: DeviceId, id: CommandId, answer: Reply) -> Self {
        Self { v: VERSION, device, id, answer }
    }

    /// As JSON.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an answer holds only texts and numbers")
    }

    /// From JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, Unreadable> {
        super::read("answer", payload)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::contract::malformed::RefusedKind;
    use crate::core::command::{Failure, Lifecycle, Rejection};

    fn message(answer: Reply) -> AnswerMessage {
        AnswerMessage::new("luohu-1".parse().unwrap(), "c-1".parse().unwrap(), answer)
    }

    #[test]
    fn every_kind_of_answer_is_read_back() {
        let wrong_state = Rejection::WrongState { state: Lifecycle::Loaded };
        for answer in [
            Answer::Accepted,
            Answer::Rejected { reason: wrong_state },
            Answer::Done { compartment: None },
            Answer::Failed { reason: Failure::UnusablePhoto { detail: "Two faces.".into() } },
        ] {
            let sent = message(Reply::Judged(answer));
            assert_eq!(AnswerMessage::decode(&sent.encode()).unwrap(), sent);
        }
    }

    #[test]
    fn a_malformed_command_is_answered_like_any_rejection() {
        let malformed = Malformed {
            kind: RefusedKind::Field,
            field: "command.reason".into(),
            remedy: "is blank".into(),
            id: None,
        };
        let sent = message(Reply::from(&malformed));
        let text = String::from_utf8(sent.encode()).unwrap();
        let answer = r#""answer":{"status":"rejected","reason":{"code":"malformed","field":"command.reason","remedy":"is blank"}}"#;
        assert!(text.contains(answer), "{text}");
        assert_eq!(AnswerMessage::decode(text.as_bytes()).unwrap(), sent);
    }
}
