//! What a message of the hall means.

use crate::contract::answer::Reply;
use crate::contract::command::{self, ParsedCommand};
use crate::contract::malformed::RefusedKind;
use crate::contract::receipt::Receipt;
use crate::contract::topics::Topics;
use crate::core::ids::{CommandId, DeviceId};

/// What the uplink tells the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromHall {
    /// A well-formed command for this cabinet. The broker hears that it arrived once this is in the app's queue; it
    /// may come twice, and the core is ready for that.
    Command {
        /// What to do; `retained` is set if the broker had kept it.
        parsed: ParsedCommand,
        /// Where its answers go. The app keeps it by the command's id.
        reply: ReplyTo,
    },
    /// The hall can be reached: connected and subscribed.
    Connected,
    /// The hall cannot be reached; the uplink goes on trying.
    Disconnected {
        /// What happened and what to look at.
        why: String,
    },
    /// A message was refused; if it was a command with a readable id, it has been answered.
    Refused {
        /// For counting.
        kind: RefusedKind,
        /// What was wrong with it.
        detail: String,
    },
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// The topic the sender asked for, or the cabinet's own answer topic.
    pub topic: String,
    /// What the sender wants back with the answer.
    pub correlation: Option<Vec<u8>>,
}

/// A message as it came off the connection.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Where it was published.
    pub topic: &'a [u8],
    /// Its content.
    pub payload: &'a [u8],
    /// Whether the broker had kept it, or was asked to keep it.
    pub retained: bool,
    /// Where the sender wants the answer.
    pub response_topic: Option<&'a str>,
    /// What the sender wants back with it.
    pub correlation: Option<&'a [u8]>,
}

/// What to do about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing: a retained message was deleted.
    Nothing,
    /// Judge it.
    Command {
        /// The command.
        parsed: ParsedCommand,
        /// Where its answers go.
        reply: ReplyTo,
    },
    /// Let go of events.
    Receipt(Receipt),
    /// Count it, and answer it if possible.
    Refused {
        /// For counting.
        kind: RefusedKind,
        /// What is wrong.
        detail: String,
        /// What to answer, to whom.
        answer: Option<(ReplyTo, CommandId, Reply)>,
    },
}

/// Says what a message means for this cabinet.
pub fn meaning(arrived: Arrived<'_>, topics: &Topics, device: &DeviceId) -> Meaning {
    if arrived.payload.is_empty() && arrived.retained {
        Meaning::Nothing
    } else if arrived.topic == topics.command.as_bytes() {
        command(arrived, topics, device)
    } else if arrived.topic == topics.receipt.as_bytes() {
        receipt(arrived.payload)
    } else {
        let topic: String = String::from_utf8_lossy(arrived.topic).chars().take(64).collect();
        let detail = format!("'{topic}' is no topic of this cabinet");
        Meaning::Refused { kind: RefusedKind::Topic, detail, answer: None }
    }
}

fn command(arrived: Arrived<'_>, topics: &Topics, device: &DeviceId) -> Meaning {
    let reply = reply_to(arrived, topics);
    match command::parse(arrived.payload, device) {
        Ok(mut parsed) => {
            parsed.command.retained = arrived.retained;
            Meaning::Command { parsed, reply }
        }
        Err(malformed) => {
            let kind = malformed.kind;
            let detail = malformed.to_string();
            let answer = Reply::from(&malformed);
            let answer = malformed.id.map(|id| (reply, id, answer));
            Meaning::Refused { kind, detail, answer }
        }
    }
}

fn receipt(payload: &[u8]) -> Meaning {
    let refused = |detail| Meaning::Refused { kind: RefusedKind::Receipt, detail, answer: None };
    if payload.len() > 1024 {
        return refused(format!("a receipt of {} bytes: one has less than 1 KiB", payload.len()));
    }
    Receipt::decode(payload).map_or_else(|e| refused(e.to_string()), Meaning::Receipt)
}

fn reply_to(arrived: Arrived<'_>, topics: &Topics) -> ReplyTo {
    const LONGEST_CORRELATION: usize = 256;
    let topic = arrived.response_topic.filter(|topic| topics.may_answer_to(topic));
    let correlation = arrived.correlation.filter(|data| data.len() <= LONGEST_CORRELATION);
    ReplyTo {
        topic: topic.unwrap_or(&topics.answer).to_owned(),
        correlation: correlation.map(<[u8]>::to_vec),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::core::command::{Command, Order};
    use crate::core::ids::EventSeq;
    use crate::core::time::WallTime;

    fn judged(topic: &str, payload: &[u8], retained: bool, response: Option<&str>) -> Meaning {
        let device = device();
        let correlation = Some(b"k".as_slice());
        let topic = topic.as_bytes();
        let arrived = Arrived { topic, payload, retained, response_topic: response, correlation };
        meaning(arrived, &Topics::of(&device), &device)
    }

    fn device() -> DeviceId {
        "luohu-1".parse().unwrap()
    }

    fn cancel() -> Vec<u8> {
        let command = Command {
            id: "c-1".parse().unwrap(),
            issued_at: WallTime(1),
            expires_at: WallTime(2),
            retained: false,
            order: Order::Cancel { deposit: "d".parse().unwrap() },
        };
        command::encode(&command, &device(), None)
    }

    const COMMAND: &str = "locker/v1/luohu-1/command";

    #[test]
    fn a_kept_command_is_passed_on_marked_as_such() {
        for retained in [false, true] {
            let Meaning::Command { parsed, .. } = judged(COMMAND, &cancel(), retained, None) else {
                panic!("not taken for a command")
            };
            assert_eq!(parsed.command.retained, retained);
        }
        assert_eq!(judged(COMMAND, b"", true, None), Meaning::Nothing);
    }

    #[test]
    fn answers_go_where_the_sender_asked_unless_that_could_do_harm() {
        for (asked, given) in [
            (Some("hall/answers/desk-3"), "hall/answers/desk-3"),
            (Some("locker/v1/luohu-2/command"), "locker/v1/luohu-1/answer"),
            (None, "locker/v1/luohu-1/answer"),
        ] {
            let Meaning::Command { reply, .. } = judged(COMMAND, &cancel(), false, asked) else {
                panic!("not taken for a command")
            };
            assert_eq!(reply, ReplyTo { topic: given.into(), correlation: Some(b"k".to_vec()) });
        }
    }

    #[test]
    fn a_malformed_command_is_answered_if_its_id_can_be_read() {
        let text = String::from_utf8(cancel()).unwrap().replace("cancel", "cansel");
        let Meaning::Refused { kind, answer, .. } = judged(COMMAND, text.as_bytes(), false, None)
        else {
            panic!("was accepted")
        };
        let (reply, id, _) = answer.unwrap();
        assert_eq!(kind, RefusedKind::Field);
        assert_eq!((reply.topic.as_str(), id.as_str()), ("locker/v1/luohu-1/answer", "c-1"));
        let without_id = judged(COMMAND, b"{}", false, None);
        assert!(matches!(without_id, Meaning::Refused { answer: None, .. }));
    }

    #[test]
    fn receipts_are_read_and_nonsense_is_refused() {
        let receipt = Receipt::new("5eed", EventSeq(3));
        let topic = "locker/v1/luohu-1/receipt";
        assert_eq!(judged(topic, &receipt.encode(), false, None), Meaning::Receipt(receipt));
        let refused = |topic: &str, payload: &[u8]| match judged(topic, payload, false, None) {
            Meaning::Refused { kind, .. } => Some(kind),
            Meaning::Nothing | Meaning::Command { .. } | Meaning::Receipt(_) => None,
        };
        assert_eq!(refused(topic, b"{"), Some(RefusedKind::Receipt));
        assert_eq!(refused(topic, &[b' '; 2000]), Some(RefusedKind::Receipt));
        assert_eq!(refused("locker/v1/luohu-2/command", b"{}"), Some(RefusedKind::Topic));
    }
}
