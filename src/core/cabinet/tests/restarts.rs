//! A crash between any two effects: nothing repeated, nothing forgotten.

use super::scenario::{Bench, door};
use crate::core::command::{Answer, Failure, Lifecycle, Order, Purpose};
use crate::core::event::Event;
use crate::core::ids::ConsentRef;
use crate::core::input::{Act, DoorPosition};

fn lifecycle(bench: &Bench) -> Lifecycle {
    bench.cabinet.compartments().next().unwrap().1.lifecycle()
}

fn pulses_after_restart(bench: &Bench) -> usize {
    bench.acts.iter().filter(|act| matches!(act, Act::Pulse { .. })).count()
}

#[test]
fn an_interrupted_pickup_is_reported_and_never_pulsed_again() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    let events = bench.restart();
    assert!(events.iter().any(|e| matches!(e, Event::UnlockInterrupted { .. })));
    assert_eq!(pulses_after_restart(&bench), 0);
    assert_eq!(lifecycle(&bench), Lifecycle::Loaded, "the citizen can try again");
    assert!(!bench.face("wang").is_empty());
}

#[test]
fn an_interrupted_unlock_is_answered_as_interrupted() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.unlock(1, Purpose::Recall);
    bench.restart();
    let interrupted = Answer::Failed { reason: Failure::Interrupted };
    let answered = |act: &Act| matches!(act, Act::Answer { answer, .. } if *answer == interrupted);
    assert_eq!(bench.acts.iter().filter(|act| answered(act)).count(), 1);
}

#[test]
fn a_door_found_open_after_its_pulse_did_open() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.doors.insert(door(1), DoorPosition::Open);
    let events = bench.restart();
    assert!(events.iter().any(|e| matches!(e, Event::DoorOpened { .. })));
    assert_eq!(lifecycle(&bench), Lifecycle::Collecting);
    bench.closes(1);
    assert_eq!(lifecycle(&bench), Lifecycle::Vacant);
}

#[test]
fn a_door_that_was_open_and_is_found_shut_was_closed_meanwhile() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.opens(1);
    bench.doors.insert(door(1), DoorPosition::Closed);
    bench.restart();
    assert_eq!(lifecycle(&bench), Lifecycle::Vacant);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositCollected { .. })), 1);
}

#[test]
fn a_door_forced_while_the_agent_was_down_raises_the_alarm_once() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.doors.insert(door(1), DoorPosition::Open);
    bench.restart();
    bench.restart();
    assert_eq!(bench.recorded(|e| matches!(e, Event::DoorForced { .. })), 1);
}

#[test]
fn an_enrolment_that_a_crash_cut_short_is_answered() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    let consent = ConsentRef::new("consent-1").unwrap();
    let recipient = super::scenario::recipient("wang");
    bench.order(Order::Enrol { recipient, consent });
    let events = bench.restart();
    let failed = |e: &Event| matches!(e, Event::CommandFailed { reason: Failure::Interrupted, .. });
    assert!(events.iter().any(failed));
}

#[test]
fn starting_with_nothing_under_way_moves_no_lock() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    for _ in 0..10 {
        bench.restart();
        assert_eq!(pulses_after_restart(&bench), 0);
    }
}
