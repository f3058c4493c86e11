//! Holds `docs/hall-protocol.md` to the code.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{AnswerMessage, MalformedReason};
use super::command::parse;
use super::malformed::RefusedKind;
use super::names::variants_of;
use super::presence::Presence;
use super::receipt::Receipt;
use super::state::{CabinetState, DoorState};
use super::topics::Topics;
use super::{delivery, record};
use crate::core::command::{Answer, Failure, Lifecycle, OrderKind, Purpose, Rejection};
use crate::core::event::{Authority, Erasure, Event, Fault, Refusal};
use crate::core::fitting::Size;

const DOCUMENT: &str = include_str!("../../docs/hall-protocol.md");

#[test]
fn every_name_of_the_contract_is_explained() {
    let names = [
        variants_of::<Event>("type"),
        variants_of::<Rejection>("code"),
        variants_of::<MalformedReason>("code"),
        variants_of::<Failure>("code"),
        variants_of::<Answer>("status"),
        variants_of::<Authority>("by"),
        variants_of::<OrderKind>(""),
        variants_of::<Purpose>(""),
        variants_of::<Lifecycle>(""),
        variants_of::<Refusal>(""),
        variants_of::<Erasure>(""),
        variants_of::<Fault>(""),
        variants_of::<Size>(""),
        variants_of::<DoorState>(""),
        variants_of::<RefusedKind>(""),
    ];
    for name in names.concat() {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "`{name}` is not in the document");
    }
}

#[test]
fn every_topic_is_listed() {
    let topics = Topics::of(&"luohu-1".parse().unwrap());
    let Topics { command, receipt, answer, event, state, presence } = topics;
    for topic in [command, receipt, answer, event, state, presence] {
        let general = topic.replace("luohu-1", "{device}");
        assert!(DOCUMENT.contains(&format!("| `{general}` |")), "{general} is not listed");
    }
}

#[test]
fn every_example_is_what_it_says_and_every_command_has_one() {
    let mut commands = BTreeSet::new();
    let mut examples = 0;
    for example in DOCUMENT.split("```json\n").skip(1) {
        let text = example.split("```").next().unwrap().trim();
        let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let bytes = text.as_bytes();
        let has = |field: &str| value.get(field).is_some();
        if has("command") {
            let parsed = parse(bytes, &"luohu-1".parse().unwrap());
            let parsed = parsed.unwrap_or_else(|e| panic!("{e}: {text}"));
            let kind = serde_json::to_value(parsed.command.order.kind()).unwrap();
            commands.insert(kind.as_str().unwrap().to_owned());
        } else if has("event") {
            assert_eq!(record::encode(&record::decode(bytes).unwrap()), bytes, "{text}");
        } else if has("withheld") {
            assert!(delivery::read(bytes).unwrap().withheld);
        } else if has("answer") {
            AnswerMessage::decode(bytes).unwrap();
        } else if has("through") {
            Receipt::decode(bytes).unwrap();
        } else if has("online") {
            Presence::decode(bytes).unwrap();
        } else {
            CabinetState::decode(bytes).unwrap();
        }
        examples += 1;
    }
    assert_eq!(commands, variants_of::<OrderKind>("").into_iter().collect());
    assert!(examples >= 13, "only {examples} examples were found");
}
