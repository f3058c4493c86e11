//! Several documents of one person, and doors that are opened once more.

use std::time::Duration;

use super::scenario::{Bench, deposit, door, recipient};
use crate::core::command::{Answer, Lifecycle, Order, Purpose, Rejection};
use crate::core::event::{Authority, Erasure, Event};
use crate::core::fitting::Needs;
use crate::core::ids::{CompartmentId, UnlockId};
use crate::core::input::Input;

/// Two documents of one person and one of another.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.load("b", "li", 2);
    bench.load("c", "wang", 3);
    bench
}

fn reopen(bench: &mut Bench, number: u16) -> Vec<Event> {
    bench.give(Input::Reopen { compartment: door(number) })
}

/// The opening that these events authorise.
fn authorised(events: &[Event]) -> Option<(CompartmentId, Purpose, Authority)> {
    events.iter().find_map(|event| match event {
        Event::UnlockAuthorised { compartment, purpose, authority, .. } => {
            Some((*compartment, *purpose, authority.clone()))
        }
        _ => None,
    })
}

fn by_visit(since: u64) -> Authority {
    Authority::Visit { recipient: recipient("wang"), since: UnlockId(since) }
}

#[test]
fn the_next_document_of_the_same_person_opens_by_itself_when_the_first_door_is_shut() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.wait(Duration::from_secs(20));
    let events = bench.closes(1);
    assert_eq!(authorised(&events), Some((door(3), Purpose::Collect, by_visit(4))));
    assert_eq!(bench.last_pulse().unwrap().2, door(3));
    bench.opens(3);
    bench.pulse_ends();
    let events = bench.closes(3);
    assert_eq!(authorised(&events), None, "the third document is somebody else's");
    let gone =
        Event::TemplatesErased { recipient: recipient("wang"), cause: Erasure::NothingWaiting };
    assert!(events.contains(&gone));
    assert_eq!(bench.lifecycle(2), Lifecycle::Loaded);
}

#[test]
fn a_visit_that_has_become_too_old_wants_the_face_again() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.wait(Duration::from_secs(120));
    assert_eq!(authorised(&bench.closes(1)), None);
    assert_eq!(authorised(&bench.face("wang")).unwrap().0, door(3));
}

#[test]
fn the_next_door_waits_until_no_lock_is_commanded_any_more() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.unlock(4, Purpose::Inspect);
    assert_eq!(authorised(&bench.closes(1)), None, "staff open another door");
    bench.opens(4);
    let events = bench.pulse_ends();
    assert_eq!(authorised(&events).unwrap().0, door(3));
    assert!(!events.iter().any(|e| matches!(e, Event::PulseCommanded { .. })), "it has to rest");
    bench.rest();
    assert_eq!(bench.last_pulse().unwrap().2, door(3));
}

#[test]
fn a_face_that_is_being_served_does_not_get_a_second_door_at_once() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.wait(Duration::from_secs(6));
    assert_eq!(bench.face("wang"), vec![], "the first door stands open");
    bench.wait(Duration::from_secs(60));
    let events = bench.face("wang");
    assert_eq!(authorised(&events).unwrap().0, door(3), "perhaps its switch is broken");
}

#[test]
fn whoever_comes_next_ends_the_visit() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.wait(Duration::from_secs(2));
    assert_eq!(authorised(&bench.face("li")).unwrap().0, door(2));
    bench.opens(2);
    bench.pulse_ends();
    assert_eq!(authorised(&bench.closes(1)), None, "somebody else stands there now");
    assert_eq!(reopen(&mut bench, 1), vec![]);
}

#[test]
fn a_restart_ends_the_visit() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.restart();
    assert_eq!(authorised(&bench.closes(1)), None);
    bench.rest();
    assert_eq!(reopen(&mut bench, 1), vec![]);
}

#[test]
fn consent_withdrawn_in_the_middle_ends_the_visit() {
    let mut bench = bench();
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.order(Order::Erase { recipient: recipient("wang") });
    assert_eq!(authorised(&bench.closes(1)), None);
    assert_eq!(reopen(&mut bench, 1), vec![]);
}

#[test]
fn a_door_just_shut_opens_once_more_without_a_second_look_and_its_contents_stay_as_they_are() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.collect("wang", 1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
    bench.wait(Duration::from_secs(29));
    let events = reopen(&mut bench, 1);
    assert_eq!(authorised(&events), Some((door(1), Purpose::Reopen, by_visit(2))));
    assert_eq!(bench.lifecycle(1), Lifecycle::Reopened);
    bench.opens(1);
    bench.pulse_ends();
    let closed = Event::DoorClosed { compartment: door(1), unseen: false };
    assert_eq!(bench.closes(1), vec![closed]);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
    bench.wait(Duration::from_secs(1));
    assert_eq!(reopen(&mut bench, 1), vec![], "the time counts from the collection");
}

#[test]
fn nothing_is_reopened_that_was_not_just_collected() {
    let mut bench = bench();
    assert_eq!(reopen(&mut bench, 1), vec![]);
    assert_eq!(reopen(&mut bench, 9), vec![]);
    bench.face("li");
    bench.opens(2);
    bench.pulse_ends();
    assert_eq!(reopen(&mut bench, 2), vec![], "it is open");
    bench.closes(2);
    for other in [1, 3, 4] {
        assert_eq!(reopen(&mut bench, other), vec![], "{other}");
    }
    let recorded = bench.journal.len();
    for _ in 0..1000 {
        bench.wait(Duration::from_secs(31));
        reopen(&mut bench, 2);
    }
    assert_eq!(bench.journal.len(), recorded, "a refusal leaves no record");
}

#[test]
fn a_compartment_that_may_be_reopened_is_nobody_elses_meanwhile() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.collect("wang", 1);
    let reserve = |bench: &mut Bench, name: &str, place: Option<u16>| {
        bench.order(Order::Reserve {
            deposit: deposit(name),
            recipient: recipient("li"),
            compartment: place.map(door),
            needs: Needs::default(),
            collect_by: None,
        })
    };
    let busy = Answer::Rejected { reason: Rejection::Busy };
    assert_eq!(reserve(&mut bench, "b", Some(1)), busy);
    assert_eq!(reserve(&mut bench, "b", None), Answer::Done { compartment: Some(door(2)) });
    bench.wait(Duration::from_secs(30));
    assert_eq!(reserve(&mut bench, "c", None), Answer::Done { compartment: Some(door(1)) });
}

#[test]
fn while_the_next_door_is_open_the_one_before_is_not_reopened() {
    let mut bench = bench();
    bench.collect("wang", 1);
    bench.rest();
    bench.opens(3);
    bench.pulse_ends();
    assert_eq!(reopen(&mut bench, 1), vec![], "one door at a time");
    bench.closes(3);
    assert_eq!(authorised(&reopen(&mut bench, 1)).unwrap().0, door(1));
}

#[test]
fn staff_at_a_door_end_its_reopening() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.collect("wang", 1);
    bench.unlock(1, Purpose::Inspect);
    bench.opens(1);
    bench.pulse_ends();
    bench.closes(1);
    bench.rest();
    assert_eq!(reopen(&mut bench, 1), vec![]);
}
