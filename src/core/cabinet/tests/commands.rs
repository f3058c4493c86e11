//! The hall's commands: idempotent, bounded in time, answered with a reason.

use std::time::Duration;

use super::scenario::{Bench, DOORS, deposit, door, operator, recipient};
use crate::core::command::{Answer, Failure, Lifecycle, Order, Purpose, Rejection};
use crate::core::event::Event;
use crate::core::fitting::Needs;
use crate::core::ids::{CommandId, ConsentRef, ModelId};
use crate::core::input::{Act, Input};
use crate::core::policy::Policy;
use crate::core::time::WallTime;

fn reserve_order(name: &str) -> Order {
    let (deposit, recipient) = (deposit(name), recipient("wang"));
    Order::Reserve {
        deposit,
        recipient,
        compartment: None,
        needs: Needs::default(),
        collect_by: None,
    }
}

fn rejected(reason: Rejection) -> Answer {
    Answer::Rejected { reason }
}

#[test]
fn the_same_id_is_the_same_command_also_after_a_restart() {
    let mut bench = Bench::new();
    let command = bench.command_with("once", reserve_order("a"));
    let first = bench.send(command.clone());
    assert_eq!(first, Answer::Done { compartment: Some(door(1)) });
    let recorded = bench.journal.len();
    assert_eq!(bench.send(command.clone()), first);
    assert_eq!(bench.journal.len(), recorded, "nothing happened the second time");
    bench.restart();
    assert_eq!(bench.send(command), first);
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositReserved { .. })), 1);
}

#[test]
fn an_unlock_sent_again_does_not_pulse_again() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.rest();
    let order = Order::Unlock {
        compartment: door(1),
        purpose: Purpose::Collect,
        operator: operator(),
        reason: "identity card seen".into(),
    };
    let command = bench.command_with("unlock-1", order);
    assert_eq!(bench.send(command.clone()), Answer::Accepted);
    bench.opens(1);
    bench.pulse_ends();
    bench.closes(1);
    assert_eq!(bench.send(command.clone()), Answer::Done { compartment: Some(door(1)) });
    bench.restart();
    bench.send(command);
    assert_eq!(bench.recorded(|e| matches!(e, Event::PulseCommanded { .. })), 1 + 1);
}

#[test]
fn retained_expired_early_and_eternal_commands_are_refused() {
    let mut bench = Bench::new();
    let now = bench.now().wall;
    let mut try_with = |id: &str, change: &dyn Fn(&mut crate::core::command::Command)| {
        let mut command = bench.command_with(id, reserve_order("a"));
        change(&mut command);
        bench.send(command)
    };
    assert_eq!(try_with("r", &|c| c.retained = true), rejected(Rejection::Retained));
    assert_eq!(try_with("e", &|c| c.expires_at = now), rejected(Rejection::Expired));
    let later = now.plus(Duration::from_secs(31));
    assert_eq!(try_with("f", &|c| c.issued_at = later), rejected(Rejection::NotYetValid));
    let never = WallTime(u64::MAX);
    assert_eq!(try_with("n", &|c| c.expires_at = never), rejected(Rejection::LivesTooLong));
    assert_eq!(bench.recorded(|e| matches!(e, Event::DepositReserved { .. })), 0);
}

#[test]
fn an_unlock_may_live_only_for_minutes() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    let order = Order::Unlock {
        compartment: door(1),
        purpose: Purpose::Inspect,
        operator: operator(),
        reason: "x".into(),
    };
    let mut command = bench.command_with("u", order);
    command.expires_at = bench.now().wall.plus(Duration::from_secs(3600));
    assert_eq!(bench.send(command), rejected(Rejection::LivesTooLong));
}

#[test]
fn a_full_cabinet_says_so_and_names_are_unique() {
    let mut bench = Bench::new();
    for n in 1..=DOORS {
        let answer = bench.reserve(&format!("d{n}"), "wang");
        assert_eq!(answer, Answer::Done { compartment: Some(door(n)) });
    }
    assert_eq!(bench.reserve("d1", "wang"), rejected(Rejection::DepositExists));
    assert_eq!(bench.reserve("one-more", "wang"), rejected(Rejection::NoneFree));
}

#[test]
fn a_reservation_can_be_cancelled_until_the_clerk_begins() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    bench.enrol("wang");
    let cancel = || Order::Cancel { deposit: deposit("a") };
    bench.unlock(1, Purpose::Load);
    assert_eq!(bench.order(cancel()), rejected(Rejection::Busy));
    bench.opens(1);
    bench.pulse_ends();
    bench.closes(1);
    let loaded = Rejection::WrongState { state: Lifecycle::Loaded };
    assert_eq!(bench.order(cancel()), rejected(loaded));

    bench.reserve("b", "li");
    bench.enrol("li");
    let answer = bench.order(Order::Cancel { deposit: deposit("b") });
    assert_eq!(answer, Answer::Done { compartment: Some(door(2)) });
    assert!(bench.acts.contains(&Act::EraseTemplates(recipient("li"))));
    let unknown = Order::Cancel { deposit: deposit("c") };
    assert_eq!(bench.order(unknown), rejected(Rejection::NoSuchDeposit));
}

#[test]
fn doors_open_only_for_what_their_state_allows() {
    let mut bench = Bench::new();
    let vacant = || rejected(Rejection::WrongState { state: Lifecycle::Vacant });
    assert_eq!(bench.unlock(1, Purpose::Load), vacant());
    assert_eq!(bench.unlock(1, Purpose::Collect), vacant());
    assert_eq!(bench.unlock(9, Purpose::Inspect), rejected(Rejection::NoSuchCompartment));
    let out = Order::SetService { compartment: door(1), in_service: false, operator: operator() };
    bench.order(out);
    let (deposit, recipient) = (deposit("a"), recipient("wang"));
    let order = Order::Reserve {
        deposit,
        recipient,
        compartment: Some(door(1)),
        needs: Needs::default(),
        collect_by: None,
    };
    assert_eq!(bench.order(order), rejected(Rejection::OutOfService));
    assert_eq!(bench.unlock(1, Purpose::Inspect), Answer::Accepted, "staff may look inside");
}

#[test]
fn enrolment_needs_the_policy_a_document_and_a_running_camera() {
    let enrol = |who: &str| Order::Enrol {
        recipient: recipient(who),
        consent: ConsentRef::new("consent-1").unwrap(),
    };
    let mut off = Bench::with(Policy::default());
    off.reserve("a", "wang");
    assert_eq!(off.order(enrol("wang")), rejected(Rejection::RemoteEnrolmentOff));

    let mut bench = Bench::new();
    assert_eq!(bench.order(enrol("wang")), rejected(Rejection::NoGroundToEnrol));
    bench.give(Input::FacesAvailable(false));
    assert_eq!(bench.order(enrol("wang")), rejected(Rejection::FaceUnavailable));
}

#[test]
fn a_template_that_comes_too_late_is_not_kept() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    let consent = ConsentRef::new("consent-1").unwrap();
    let order = Order::Enrol { recipient: recipient("wang"), consent };
    let command = bench.command_with("enrol-1", order);
    assert_eq!(bench.send(command), Answer::Accepted);
    bench.order(Order::Cancel { deposit: deposit("a") });
    let command = CommandId::new("enrol-1").unwrap();
    let result = Ok(ModelId::new("model").unwrap());
    bench.give(Input::TemplateMade { command, result });
    assert!(bench.acts.contains(&Act::EraseTemplates(recipient("wang"))));
    let failed = Answer::Failed { reason: Failure::NothingWaiting };
    assert!(matches!(bench.acts.last(), Some(Act::Answer { answer, .. }) if *answer == failed));
}

#[test]
fn withdrawn_consent_erases_at_once_even_while_the_photo_is_looked_at() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    let consent = ConsentRef::new("consent-1").unwrap();
    let order = Order::Enrol { recipient: recipient("wang"), consent };
    let command = bench.command_with("enrol-1", order);
    bench.send(command);
    bench.order(Order::Erase { recipient: recipient("wang") });
    let command = CommandId::new("enrol-1").unwrap();
    let result = Ok(ModelId::new("model").unwrap());
    bench.give(Input::TemplateMade { command, result });
    assert!(bench.cabinet.enrolled().is_empty());
}

#[test]
fn withdrawn_consent_takes_a_waiting_person_out_of_the_cameras_sight_at_once() {
    let mut bench = Bench::new();
    bench.load("a", "wang", 1);
    bench.order(Order::Erase { recipient: recipient("wang") });
    let erased = bench.acts.iter().position(|act| matches!(act, Act::EraseTemplates(_)));
    let told = bench.acts.iter().position(|act| matches!(act, Act::LookFor(who) if who.is_empty()));
    assert!(erased.is_some() && erased < told, "{:?}", bench.acts);
    assert_eq!(bench.face("wang"), vec![], "a sighting that was on its way opens nothing");
    bench.restart();
    assert!(!bench.acts.iter().any(|act| matches!(act, Act::LookFor(_))));
    assert_eq!(bench.unlock(1, Purpose::Collect), Answer::Accepted, "staff hand it out");
}

#[test]
fn erasure_ends_every_enrolment_of_the_person_that_is_under_way() {
    let mut bench = Bench::new();
    bench.reserve("a", "wang");
    let enrol = || Order::Enrol {
        recipient: recipient("wang"),
        consent: ConsentRef::new("consent-1").unwrap(),
    };
    for id in ["enrol-1", "enrol-2"] {
        let command = bench.command_with(id, enrol());
        bench.send(command);
    }
    bench.order(Order::Erase { recipient: recipient("wang") });
    for id in ["enrol-1", "enrol-2"] {
        let command = CommandId::new(id).unwrap();
        bench.give(Input::TemplateMade { command, result: Ok(ModelId::new("model").unwrap()) });
    }
    assert!(bench.cabinet.enrolled().is_empty(), "enrolled after erasure");
}

#[test]
fn a_command_that_may_come_again_is_never_forgotten_for_newer_ones() {
    let mut bench = Bench::new();
    let old = bench.command_with("old", reserve_order("a"));
    let answered = bench.send(old.clone());
    let erase = || Order::Erase { recipient: recipient("nobody") };
    let mut last = Answer::Accepted;
    for n in 0..20_000 {
        let command = bench.command_with(&format!("e{n}"), erase());
        last = bench.send(command);
    }
    assert_eq!(last, rejected(Rejection::Busy), "what cannot be remembered is not obeyed");
    assert_eq!(bench.send(old), answered);
    bench.wait(Duration::from_secs(61));
    assert_eq!(bench.order(erase()), Answer::Done { compartment: None }, "room again");
}

#[test]
fn a_flood_of_refused_commands_is_answered_but_does_not_fill_the_journal() {
    let mut bench = Bench::new();
    for n in 0..10_000 {
        let mut command = bench.command_with(&format!("x{n}"), reserve_order("a"));
        command.retained = true;
        assert_eq!(bench.send(command), rejected(Rejection::Retained));
    }
    assert!(bench.recorded(|e| matches!(e, Event::CommandRejected { .. })) <= 60);
    assert_eq!(bench.cabinet.unrecorded_rejections(), 10_000 - 60);
}
