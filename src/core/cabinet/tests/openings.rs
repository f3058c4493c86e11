//! Doors opened, not opened, left open and forced.

use std::time::Duration;

use super::scenario::{Bench, deposit, door, recipient};
use crate::core::cabinet::tests::scenario::operator;
use crate::core::command::{Answer, Failure, Lifecycle, Order, Purpose, Rejection};
use crate::core::event::{Erasure, Event, Fault, Refusal};
use crate::core::fitting::Needs;
use crate::core::ids::UnlockId;
use crate::core::input::{Act, Input};
use crate::core::judgement::tests::{face_of, one};
use crate::core::sighting::{FaceReading, Sighting};

#[test]
fn a_document_goes_from_reservation_to_collection() {
    let mut bench = Bench::new();
    bench.load("passport-1", "wang", 1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Loaded);

    let events = bench.face("wang");
    assert!(matches!(events[..], [Event::UnlockAuthorised { .. }, Event::PulseCommanded { .. }]));
    assert_eq!(bench.last_pulse(), Some((UnlockId(2), 1, door(1))));
    assert_eq!(bench.lifecycle(1), Lifecycle::Collecting);
    bench.opens(1);
    bench.pulse_ends();
    let events = bench.closes(1);
    let collected = Event::DepositCollected {
        deposit: deposit("passport-1"),
        compartment: door(1),
        recipient: recipient("wang"),
    };
    let erased =
        Event::TemplatesErased { recipient: recipient("wang"), cause: Erasure::NothingWaiting };
    assert_eq!(
        events,
        vec![Event::DoorClosed { compartment: door(1), unseen: false }, collected, erased]
    );
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
    assert!(bench.acts.contains(&Act::EraseTemplates(recipient("wang"))));
}

#[test]
fn a_jammed_door_is_pulsed_as_often_as_allowed_then_faulted_and_keeps_its_document() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    for attempt in 1..=3 {
        assert_eq!(bench.last_pulse().unwrap().1, attempt);
        bench.pulse_ends();
        bench.wait(Duration::from_millis(4_900));
        bench.wait(Duration::from_millis(200));
    }
    let fault = Event::CompartmentFaulted { compartment: door(1), fault: Fault::DidNotOpen };
    assert_eq!(bench.journal.last().unwrap().1, fault);
    assert_eq!(bench.lifecycle(1), Lifecycle::Fault);
    assert_eq!(bench.recorded(|e| matches!(e, Event::PulseCommanded { .. })), 1 + 3);

    let operator = operator();
    bench.order(Order::SetService { compartment: door(1), in_service: true, operator });
    assert_eq!(bench.lifecycle(1), Lifecycle::Loaded, "the document is still there");
}

#[test]
fn staff_learn_that_the_door_did_not_open() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.unlock(1, Purpose::Recall);
    for _ in 1..=3 {
        bench.pulse_ends();
        bench.wait(Duration::from_secs(6));
    }
    let failed = Answer::Failed { reason: Failure::DoorDidNotOpen };
    assert!(matches!(bench.acts.last(), Some(Act::Answer { answer, .. }) if *answer == failed));
}

#[test]
fn a_lock_that_cannot_be_driven_is_a_fault_at_once() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    let (unlock, attempt, _) = bench.last_pulse().unwrap();
    bench.give(Input::PulseEnded { unlock, attempt, result: Err("relay board is silent".into()) });
    assert_eq!(bench.lifecycle(1), Lifecycle::Fault);
}

#[test]
fn a_door_that_already_stands_open_by_its_sensor_is_pulsed_anyway() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.opens(1);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DoorForced { .. })), 1);
    bench.face("wang");
    assert_eq!(bench.last_pulse().unwrap().2, door(1));
    bench.pulse_ends();
    assert_eq!(bench.lifecycle(1), Lifecycle::Collecting);
    bench.closes(1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn a_forced_door_raises_the_alarm_once_and_puts_the_contents_in_doubt() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.opens(1);
    bench.opens(1);
    bench.closes(1);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DoorForced { .. })), 1);
    let (_, compartment) = bench.cabinet.compartments().next().unwrap();
    let in_doubt = crate::core::compartment::Content::Loaded {
        deposit: compartment.content.deposit().unwrap().clone(),
        verified: false,
        expired: false,
    };
    assert_eq!(compartment.content, in_doubt);
}

#[test]
fn an_ajar_door_is_reminded_of_at_growing_intervals() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    let mut at = Vec::new();
    for second in 1..=500 {
        if bench.wait(Duration::from_secs(1)).iter().any(|e| matches!(e, Event::DoorAjar { .. })) {
            at.push(second);
        }
    }
    assert_eq!(at, vec![60, 180, 420]);
}

#[test]
fn nobody_else_is_let_in_while_a_door_is_being_opened() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.load("b", "li", 2);
    bench.face("wang");
    assert_eq!(bench.face("li"), vec![]);
    assert_eq!(bench.unlock(2, Purpose::Recall), Answer::Rejected { reason: Rejection::Busy });
    bench.opens(1);
    assert_eq!(
        bench.unlock(2, Purpose::Recall),
        Answer::Rejected { reason: Rejection::Busy },
        "the first lock is still energised"
    );
    bench.pulse_ends();
    bench.wait(Duration::from_secs(2));
    bench.face("li");
    assert_eq!(bench.last_pulse().unwrap().2, door(2), "an open door does not make others wait");
}

#[test]
fn an_uncollected_document_expires_and_waits_for_staff() {
    let mut bench = Bench::new();
    let collect_by = Some(bench.now().wall.plus(Duration::from_secs(3600)));
    bench.order(Order::Reserve {
        deposit: deposit("a"),
        recipient: recipient("wang"),
        compartment: Some(door(3)),
        needs: Needs::default(),
        collect_by,
    });
    bench.enrol("wang");
    bench.unlock(3, Purpose::Load);
    bench.opens(3);
    bench.pulse_ends();
    bench.closes(3);
    assert_eq!(bench.cabinet.deadline(bench.now()).unwrap().0, Duration::from_secs(3600));
    let events = bench.wait(Duration::from_secs(3600));
    let erased =
        Event::TemplatesErased { recipient: recipient("wang"), cause: Erasure::NothingWaiting };
    assert!(events.contains(&erased), "{events:?}");
    assert_eq!(bench.lifecycle(3), Lifecycle::Expired);
    assert_eq!(bench.face("wang"), vec![], "an expired document is not handed out by face");
    bench.unlock(3, Purpose::Recall);
    bench.opens(3);
    bench.pulse_ends();
    bench.closes(3);
    assert_eq!(bench.lifecycle(3), Lifecycle::Vacant);
}

#[test]
fn five_failures_in_a_row_pause_faces_and_staff_can_still_open() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    let stranger = FaceReading { best: None, ..face_of("x") };
    let mut refused = 0;
    for _ in 0..600 {
        bench.wait(Duration::from_millis(100));
        let events = bench.give(Input::Sighting(one(stranger.clone())));
        let not_recognised = Event::FaceRefused { reason: Refusal::NotRecognised };
        refused += events.iter().filter(|e| **e == not_recognised).count();
        if events.iter().any(|e| matches!(e, Event::FacePaused { .. })) {
            break;
        }
    }
    assert_eq!(refused, 5);
    assert_eq!(bench.face("wang"), vec![]);
    assert_eq!(bench.unlock(1, Purpose::Collect), Answer::Accepted);
    bench.opens(1);
    bench.pulse_ends();
    bench.wait(Duration::from_secs(31));
    bench.load("b", "wang", 2);
    assert!(!bench.face("wang").is_empty(), "the pause ends");
}

#[test]
fn the_camera_looks_only_for_people_with_a_document_waiting() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    bench.enrol("wang");
    let looks = |bench: &Bench| {
        let look_for = |act: &Act| match act {
            Act::LookFor(people) => Some(people.len()),
            _ => None,
        };
        bench.acts.iter().filter_map(look_for).collect::<Vec<_>>()
    };
    assert_eq!(looks(&bench), Vec::<usize>::new());
    bench.unlock(1, Purpose::Load);
    bench.opens(1);
    bench.pulse_ends();
    bench.closes(1);
    assert_eq!(looks(&bench), vec![1]);
    bench.face("wang");
    assert_eq!(looks(&bench), vec![1, 0]);
    bench.give(Input::Sighting(Sighting::default()));
    assert_eq!(looks(&bench), vec![1, 0]);
}
