//! A crash between any two effects: nothing repeated, nothing forgotten.

use std::time::Duration;

use super::scenario::{Bench, door};
use crate::core::command::{Answer, Failure, Lifecycle, Order, Purpose};
use crate::core::event::Event;
use crate::core::ids::{ConsentRef, ModelId};
use crate::core::input::{Act, DoorPosition};
use crate::core::policy::Policy;

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
    assert_eq!(bench.lifecycle(1), Lifecycle::Loaded, "the citizen can try again");
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
    assert_eq!(bench.lifecycle(1), Lifecycle::Collecting);
    bench.closes(1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn a_door_that_was_open_and_is_found_shut_was_closed_meanwhile() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.opens(1);
    bench.doors.insert(door(1), DoorPosition::Closed);
    bench.restart();
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
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

#[test]
fn an_opening_whose_lock_was_never_driven_leaves_the_contents_as_they_were() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.unlock_at_once(1, Purpose::Recall);
    assert_eq!(pulses_after_restart(&bench), 0, "the supply rests");
    let events = bench.restart();
    assert!(events.iter().any(|e| matches!(e, Event::UnlockInterrupted { .. })));
    let interrupted = Answer::Failed { reason: Failure::Interrupted };
    assert!(
        bench
            .acts
            .iter()
            .any(|act| matches!(act, Act::Answer { answer, .. } if *answer == interrupted))
    );
    assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(true)));
    bench.wait(Duration::from_secs(10));
    assert_eq!(pulses_after_restart(&bench), 0);
}

#[test]
fn a_door_found_open_whose_lock_was_never_driven_was_forced() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.unlock_at_once(1, Purpose::Recall);
    bench.doors.insert(door(1), DoorPosition::Open);
    let events = bench.restart();
    assert!(events.iter().any(|e| matches!(e, Event::DoorForced { .. })));
    assert!(!events.iter().any(|e| matches!(e, Event::DoorOpened { .. })));
    assert_eq!(bench.verified(1), Some(false));
}

#[test]
fn a_lock_that_was_driven_or_waited_for_leaves_the_contents_in_doubt() {
    for pulse_over in [false, true] {
        let mut bench = Bench::new();
        bench.load("a", "wang", 1);
        bench.face("wang");
        if pulse_over {
            bench.pulse_ends();
        }
        bench.restart();
        assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(false)));
    }
}

#[test]
fn a_document_whose_door_was_shut_while_the_power_was_off_is_in_but_in_doubt() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    bench.unlock(1, Purpose::Load);
    bench.opens(1);
    bench.pulse_ends();
    bench.doors.insert(door(1), DoorPosition::Closed);
    let events = bench.restart();
    let closed = Event::DoorClosed { compartment: door(1), unseen: true };
    assert!(events.contains(&closed), "{events:?}");
    assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(false)));
    bench.restart();
    assert_eq!(bench.verified(1), Some(false), "the journal remembers it");
}

#[test]
fn a_loaded_compartment_that_was_being_looked_at_when_the_power_went_is_in_doubt() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.unlock(1, Purpose::Inspect);
    bench.opens(1);
    bench.pulse_ends();
    bench.doors.insert(door(1), DoorPosition::Closed);
    bench.restart();
    assert_eq!((bench.lifecycle(1), bench.verified(1)), (Lifecycle::Loaded, Some(false)));
}

#[test]
fn a_door_still_open_after_a_power_cut_goes_on_with_its_session_and_its_reminders() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.face("wang");
    bench.opens(1);
    bench.pulse_ends();
    bench.restart();
    assert_eq!(bench.lifecycle(1), Lifecycle::Collecting);
    let events = bench.wait(Duration::from_secs(60));
    assert_eq!(events, vec![Event::DoorAjar { compartment: door(1), reminder: 1 }]);
    bench.closes(1);
    assert_eq!(bench.lifecycle(1), Lifecycle::Vacant);
}

#[test]
fn a_forced_door_found_shut_after_a_power_cut_stays_in_doubt() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.opens(1);
    bench.doors.insert(door(1), DoorPosition::Closed);
    let events = bench.restart();
    assert!(events.contains(&Event::DoorClosed { compartment: door(1), unseen: true }));
    assert_eq!(bench.verified(1), Some(false));
}

#[test]
fn what_lies_inside_after_a_power_cut_decides_about_a_door_that_was_shut_meanwhile() {
    for (inside, after) in [(true, Lifecycle::Loaded), (false, Lifecycle::Vacant)] {
        let mut bench = Bench::new();
        bench.load("a", "wang", 1);
        bench.sees(1, true);
        bench.face("wang");
        bench.opens(1);
        bench.doors.insert(door(1), DoorPosition::Closed);
        bench.inside.insert(door(1), inside);
        bench.restart();
        assert_eq!(bench.lifecycle(1), after, "{inside}");
    }
}

#[test]
fn who_is_enrolled_by_another_model_is_to_be_enrolled_anew_and_the_hall_is_told_once() {
    let mut policy = Policy::default();
    policy.hall.remote_enrolment = true;
    policy.faces.embedder = Some(ModelId::new("newer").unwrap());
    let mut bench = Bench::with(policy);
    bench.load("a", "wang", 1);
    let outdated = |events: &[Event]| {
        events.iter().filter(|event| matches!(event, Event::TemplatesOutdated { .. })).count()
    };
    assert_eq!(outdated(&bench.restart()), 1);
    assert_eq!(outdated(&bench.restart()), 0, "told already");
    let nobody = |act: &Act| matches!(act, Act::LookFor(people) if !people.is_empty());
    assert!(!bench.acts.iter().any(nobody), "the camera looks for somebody whom it cannot know");
    assert_eq!(bench.face("wang"), vec![]);
}
