//! Compartments with a sensor that looks inside.

use std::time::Duration;

use super::scenario::{Bench, deposit, door, operator};
use crate::core::command::{Lifecycle, Order, Purpose};
use crate::core::event::{Authority, Event};
use crate::core::input::Input;

/// A document loaded into compartment 1, whose sensor sees it.
fn loaded() -> Bench {
    let mut bench = Bench::new();
    bench.sees(1, false);
    bench.reserve("a", "wang");
    bench.enrol("wang");
    bench.unlock(1, Purpose::Load);
    bench.opens(1);
    bench.pulse_ends();
    bench.sees(1, true);
    bench.closes(1);
    bench
}

fn missing() -> Event {
    Event::DepositMissing { deposit: deposit("a"), compartment: door(1) }
}

#[test]
fn a_door_shut_over_nothing_loads_nothing_and_the_clerk_can_try_again() {
    let mut bench = Bench::new();
    bench.sees(1, false);
    bench.reserve("a", "wang");
    for _ in 0..2 {
        bench.unlock(1, Purpose::Load);
        bench.opens(1);
        bench.pulse_ends();
        let told = Event::DepositNotLoaded { deposit: deposit("a"), compartment: door(1) };
        assert!(bench.closes(1).contains(&told));
        assert_eq!(bench.lifecycle(1), Lifecycle::Reserved);
    }
    bench.unlock(1, Purpose::Load);
    bench.opens(1);
    bench.pulse_ends();
    bench.sees(1, true);
    bench.closes(1);
    assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(true)));
}

#[test]
fn a_door_shut_over_the_document_collects_nothing_and_may_be_opened_once_more() {
    let mut bench = loaded();
    let events = bench.collect("wang", 1);
    let purpose = Purpose::Collect;
    let left = Event::DepositLeftBehind { deposit: deposit("a"), compartment: door(1), purpose };
    assert_eq!(events[1..], [left], "it does not open again by itself");
    assert_eq!(bench.lifecycle(1), Lifecycle::Loaded);
    assert_eq!(bench.cabinet.enrolled().len(), 1, "the template stays");

    bench.rest();
    let events = bench.give(Input::Reopen { compartment: door(1) });
    assert!(matches!(
        &events[0],
        Event::UnlockAuthorised {
            purpose: Purpose::Collect,
            authority: Authority::Visit { .. },
            ..
        }
    ));
    bench.opens(1);
    bench.pulse_ends();
    bench.sees(1, false);
    let collected = |e: &Event| matches!(e, Event::DepositCollected { .. });
    assert!(bench.closes(1).iter().any(collected));
    assert!(bench.cabinet.enrolled().is_empty());
}

#[test]
fn a_document_that_a_clerk_left_behind_is_still_there() {
    let mut bench = loaded();
    bench.unlock(1, Purpose::Recall);
    bench.opens(1);
    bench.pulse_ends();
    bench.closes(1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Loaded);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositRecalled { .. })), 0);
}

#[test]
fn a_document_that_vanishes_behind_a_shut_door_is_told_once() {
    let mut bench = loaded();
    assert_eq!(bench.sees(1, false), vec![missing()]);
    assert_eq!(bench.verified(1), Some(false));
    bench.sees(1, true);
    bench.sees(1, false);
    bench.wait(Duration::from_secs(60));
    assert_eq!(bench.recorded(|e| *e == missing()), 1);
    let (compartment, operator) = (door(1), operator());
    bench.order(Order::SetService { compartment, in_service: true, operator });
    assert_eq!(bench.recorded(|e| *e == missing()), 2, "staff and sensor disagree");
}

#[test]
fn while_a_door_is_open_its_contents_are_whoever_stands_theres() {
    let mut bench = loaded();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.sees(1, false);
    bench.sees(1, true);
    bench.sees(1, false);
    bench.closes(1);
    assert_eq!(bench.recorded(|e| *e == missing()), 0);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn a_document_that_is_gone_after_a_power_cut_is_told_at_the_start() {
    let mut bench = loaded();
    bench.inside.insert(door(1), false);
    assert!(bench.restart().contains(&missing()));
    assert!(!bench.restart().contains(&missing()), "once");
}

#[test]
fn without_a_sensor_the_door_alone_decides() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(true)));
    bench.collect("wang", 1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}
