//! Door switches that lie, and doors that stay open.

use std::time::Duration;

use super::scenario::{Bench, door, operator};
use crate::core::command::{Answer, Failure, Lifecycle, Order, Purpose, Rejection};
use crate::core::event::{Event, Fault};
use crate::core::input::Act;

fn faulted(fault: Fault) -> impl Fn(&Event) -> bool {
    move |event| *event == Event::CompartmentFaulted { compartment: door(1), fault }
}

fn return_to_service(bench: &mut Bench, number: u16) -> Answer {
    let (compartment, operator) = (door(number), operator());
    bench.order(Order::SetService { compartment, in_service: true, operator })
}

fn rattle(bench: &mut Bench, moves: u32) {
    for _ in 0..moves / 2 {
        bench.opens(1);
        bench.closes(1);
    }
}

#[test]
fn a_flapping_switch_is_a_fault_once_and_then_not_listened_to() {
    let mut bench = Bench::new();
    rattle(&mut bench, 10);
    assert_eq!(bench.recorded(faulted(Fault::SwitchFlapping)), 0, "ten moves are allowed");
    let recorded = bench.journal.len();
    rattle(&mut bench, 1_000_000);
    assert_eq!(bench.recorded(faulted(Fault::SwitchFlapping)), 1);
    assert_eq!(bench.journal.len(), recorded + 1, "a loose wire does not fill the journal");
    assert_eq!(bench.lifecycle(1), Lifecycle::Fault);
    assert_eq!(bench.compartment(1).door.position(), None, "nobody can say where it is");
}

#[test]
fn a_door_that_staff_open_again_and_again_does_not_flap() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        bench.unlock(1, Purpose::Inspect);
        bench.opens(1);
        bench.pulse_ends();
        bench.closes(1);
    }
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn moves_that_a_hand_can_make_are_no_fault() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.wait(Duration::from_secs(2));
        rattle(&mut bench, 2);
    }
    assert_eq!(bench.recorded(faulted(Fault::SwitchFlapping)), 0);
}

#[test]
fn a_switch_is_believed_again_when_staff_return_the_compartment_to_service() {
    let mut bench = Bench::new();
    rattle(&mut bench, 12);
    bench.opens(1);
    bench.restart();
    assert_eq!(bench.compartment(1).door.position(), None, "a restart does not mend a wire");
    let forced = bench.recorded(|e| matches!(e, Event::DoorForced { .. }));
    return_to_service(&mut bench, 1);
    let now = bench.recorded(|e| matches!(e, Event::DoorForced { .. }));
    assert_eq!(now, forced + 1, "it stands open");
    bench.closes(1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
    assert!(bench.compartment(1).door.position().is_some());
}

#[test]
fn staff_get_a_compartment_with_a_flapping_switch_open_and_learn_that_nobody_saw_it() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    rattle(&mut bench, 12);
    assert_eq!(bench.unlock(1, Purpose::Recall), Answer::Accepted);
    for attempt in 1..=3 {
        assert_eq!(bench.last_pulse().unwrap().1, attempt);
        bench.pulse_ends();
        bench.wait(Duration::from_secs(6));
    }
    let unseen = Answer::Failed { reason: Failure::DoorUnseen };
    assert!(matches!(bench.acts.last(), Some(Act::Answer { answer, .. }) if *answer == unseen));
    rattle(&mut bench, 2);
    assert_eq!(bench.lifecycle(1), Lifecycle::Fault);
    assert_eq!(bench.verified(1), Some(false));
}

#[test]
fn a_switch_that_says_open_before_the_pulse_blocks_nothing_and_is_told() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.opens(1);
    bench.face("wang");
    let events = bench.pulse_ends();
    assert!(matches!(
        events[..],
        [Event::PulseEnded { .. }, Event::DoorOpened { already_open: true, .. }]
    ));
    bench.closes(1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn a_door_that_nobody_shuts_is_a_fault_after_the_last_reminder_and_its_collection_is_not_lost() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    let mut reminders = Vec::new();
    for _ in 0..3600 {
        let events = bench.wait(Duration::from_secs(1));
        reminders.extend(events.into_iter().filter_map(|event| match event {
            Event::DoorAjar { reminder, .. } => Some(reminder),
            _ => None,
        }));
    }
    assert_eq!(reminders, [1, 2, 3, 4, 5]);
    assert_eq!(bench.recorded(faulted(Fault::DidNotClose)), 1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Collecting, "the session is still open");
    bench.closes(1);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositCollected { .. })), 1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Fault, "staff look before it is used again");
    return_to_service(&mut bench, 1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn what_lies_behind_a_door_that_nobody_shuts_is_in_doubt() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.unlock(1, Purpose::Inspect);
    bench.opens(1);
    bench.pulse_ends();
    for _ in 0..32 {
        bench.wait(Duration::from_secs(60));
    }
    bench.closes(1);
    assert_eq!(bench.verified(1), Some(false));
    return_to_service(&mut bench, 1);
    assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(true)));
}

#[test]
fn a_door_whose_switch_is_stuck_open_can_still_be_opened_by_staff() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    let busy = Answer::Rejected { reason: Rejection::Busy };
    assert_eq!(bench.unlock(1, Purpose::Recall), busy, "the citizen is at it");
    for _ in 0..32 {
        bench.wait(Duration::from_secs(60));
    }
    assert_eq!(bench.unlock(1, Purpose::Recall), Answer::Accepted);
    assert_eq!(bench.verified(1), Some(false), "who knows what happened before");
    bench.pulse_ends();
    bench.closes(1);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositRecalled { .. })), 1);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositCollected { .. })), 0);
}

#[test]
fn a_switch_stuck_shut_is_told_from_a_jammed_door_by_what_was_taken_out() {
    let mut bench = Bench::new();
    bench.sees(1, false);
    bench.reserve("a", "wang");
    bench.unlock(1, Purpose::Load);
    bench.sees(1, true);
    for _ in 0..3 {
        bench.pulse_ends();
        bench.wait(Duration::from_secs(6));
    }
    assert_eq!(bench.recorded(faulted(Fault::SwitchStuck)), 1);
    let unseen = Answer::Failed { reason: Failure::DoorUnseen };
    assert!(matches!(bench.acts.last(), Some(Act::Answer { answer, .. }) if *answer == unseen));
}

#[test]
fn no_lock_is_driven_before_the_supply_has_rested() {
    let mut bench = Bench::new();
    bench.rest();
    bench.unlock_at_once(1, Purpose::Inspect);
    bench.opens(1);
    bench.pulse_ends();
    bench.acts.clear();
    assert_eq!(bench.unlock_at_once(2, Purpose::Inspect), Answer::Accepted);
    assert_eq!(bench.last_pulse(), None, "authorised, and waiting for its turn");
    assert_eq!(
        bench.unlock_at_once(3, Purpose::Inspect),
        Answer::Rejected { reason: Rejection::Busy }
    );
    let due = bench.cabinet.deadline(bench.now()).unwrap();
    assert_eq!(due.since(bench.now().mono), Duration::from_millis(100));
    bench.wait(Duration::from_millis(99));
    assert_eq!(bench.last_pulse(), None);
    bench.wait(Duration::from_millis(1));
    assert_eq!(bench.last_pulse().unwrap().2, door(2));
}

#[test]
fn a_retry_waits_for_the_supply_too() {
    let mut policy = crate::core::policy::Policy::default();
    policy.locks.open_within = Duration::from_millis(500);
    policy.locks.rest = Duration::from_secs(10);
    let mut bench = Bench::with(policy);
    bench.unlock(1, Purpose::Inspect);
    bench.pulse_ends();
    let due = bench.cabinet.deadline(bench.now()).unwrap();
    assert_eq!(due.since(bench.now().mono), Duration::from_secs(10));
    bench.wait(Duration::from_millis(9_999));
    assert_eq!(bench.last_pulse().unwrap().1, 1);
    bench.wait(Duration::from_millis(1));
    assert_eq!(bench.last_pulse().unwrap().1, 2);
}

#[test]
fn a_door_that_opens_before_its_lock_was_driven_was_forced() {
    let mut bench = Bench::new();
    bench.rest();
    bench.unlock_at_once(1, Purpose::Inspect);
    bench.opens(1);
    bench.pulse_ends();
    bench.unlock_at_once(2, Purpose::Inspect);
    assert!(matches!(bench.opens(2)[..], [Event::DoorForced { .. }]));
    bench.rest();
    let events = bench.pulse_ends();
    assert!(matches!(events[1], Event::DoorOpened { already_open: true, .. }), "{events:?}");
}
