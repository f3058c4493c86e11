//! Doors opened for somebody at the cabinet itself.

use super::scenario::{Bench, door, operator};
use crate::core::command::{Answer, Lifecycle, Purpose, Rejection};
use crate::core::event::{Authority, Event};
use crate::core::ids::CommandId;
use crate::core::input::{Act, Input, LocalOpening};

fn ask(bench: &mut Bench, id: &str, number: u16, even_loaded: bool) -> Vec<Answer> {
    let before = bench.acts.len();
    let id = CommandId::new(id).unwrap();
    let (compartment, operator, reason) = (door(number), operator(), "hinge".to_owned());
    let opening = LocalOpening { id, compartment, operator, reason, even_loaded };
    bench.give(Input::Local(opening));
    answers(bench, before)
}

fn answers(bench: &Bench, from: usize) -> Vec<Answer> {
    let answer = |act: &Act| match act {
        Act::Answer { answer, .. } => Some(answer.clone()),
        _ => None,
    };
    bench.acts[from..].iter().filter_map(answer).collect()
}

#[test]
fn a_door_opened_by_hand_is_on_record_with_who_and_why_and_answered_once_it_is_open() {
    let mut bench = Bench::new();
    assert_eq!(ask(&mut bench, "local-1", 3, false), [Answer::Accepted]);
    let authority = bench.journal.iter().find_map(|(_, event)| match event {
        Event::UnlockAuthorised { authority, purpose: Purpose::Inspect, .. } => Some(authority),
        _ => None,
    });
    let command = CommandId::new("local-1").unwrap();
    let expected = Authority::Local { command, operator: operator(), reason: "hinge".into() };
    assert_eq!(authority, Some(&expected));
    let before = bench.acts.len();
    bench.opens(3);
    assert_eq!(answers(&bench, before), [Answer::Done { compartment: Some(door(3)) }]);
}

#[test]
fn a_refusal_leaves_no_trace() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    let recorded = bench.journal.len();
    let loaded = Rejection::WrongState { state: Lifecycle::Loaded };
    assert_eq!(ask(&mut bench, "local-1", 1, false), [Answer::Rejected { reason: loaded }]);
    let nowhere = Answer::Rejected { reason: Rejection::NoSuchCompartment };
    assert_eq!(ask(&mut bench, "local-2", 99, false), [nowhere]);
    assert_eq!(bench.journal.len(), recorded);

    assert_eq!(ask(&mut bench, "local-3", 1, true), [Answer::Accepted]);
    let busy = Answer::Rejected { reason: Rejection::Busy };
    assert_eq!(ask(&mut bench, "local-4", 2, false), [busy], "one door at a time");
}

#[test]
fn after_a_restart_nothing_is_opened_by_hand_again() {
    let mut bench = Bench::new();
    ask(&mut bench, "local-1", 3, false);
    let events = bench.restart();
    assert!(events.iter().any(|event| matches!(event, Event::UnlockInterrupted { .. })));
    assert!(!bench.acts.iter().any(|act| matches!(act, Act::Pulse { .. })));
}
