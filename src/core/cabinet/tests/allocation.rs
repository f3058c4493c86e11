//! Which compartment a document gets.

use super::scenario::{Bench, deposit, door, recipient};
use crate::core::command::{Answer, Order, Rejection};
use crate::core::fitting::{Fitting, Needs, Size};
use crate::core::policy::Policy;

/// 1 small and low, 2 and 3 small, 4 medium, 5 large and low.
fn bench() -> Bench {
    let fittings = [
        (Size::Small, true),
        (Size::Small, false),
        (Size::Small, false),
        (Size::Medium, false),
        (Size::Large, true),
    ];
    let fitting = |(size, low)| Fitting { size, low };
    Bench::fitted(Policy::default(), (1..).map(door).zip(fittings.map(fitting)).collect())
}

fn reserve(bench: &mut Bench, name: &str, place: Option<u16>, size: Size, low: bool) -> Answer {
    bench.order(Order::Reserve {
        deposit: deposit(name),
        recipient: recipient("wang"),
        compartment: place.map(door),
        needs: Needs { size, low },
        collect_by: None,
    })
}

fn given(number: u16) -> Answer {
    Answer::Done { compartment: Some(door(number)) }
}

fn rejected(reason: Rejection) -> Answer {
    Answer::Rejected { reason }
}

#[test]
fn the_smallest_that_will_do_is_given_and_low_ones_are_kept_to_the_last() {
    let mut bench = bench();
    let order: Vec<Answer> =
        (1..=5).map(|n| reserve(&mut bench, &format!("d{n}"), None, Size::Small, false)).collect();
    assert_eq!(order, [2, 3, 1, 4, 5].map(given));
    let answer = reserve(&mut bench, "one-more", None, Size::Small, false);
    assert_eq!(answer, rejected(Rejection::NoneFree));
}

#[test]
fn a_document_that_needs_room_or_a_low_door_gets_it_or_is_told_that_none_fits() {
    let mut bench = bench();
    assert_eq!(reserve(&mut bench, "a", None, Size::Medium, false), given(4));
    assert_eq!(reserve(&mut bench, "b", None, Size::Small, true), given(1));
    assert_eq!(reserve(&mut bench, "c", None, Size::Small, true), given(5));
    assert_eq!(reserve(&mut bench, "d", None, Size::Small, true), rejected(Rejection::NoneFits));
    assert_eq!(
        reserve(&mut bench, "e", None, Size::Medium, false),
        rejected(Rejection::NoneFits),
        "small ones are free"
    );
}

#[test]
fn a_named_compartment_that_will_not_do_is_refused_with_the_reason() {
    let mut bench = bench();
    let small = reserve(&mut bench, "a", Some(2), Size::Medium, false);
    assert_eq!(small, rejected(Rejection::TooSmall));
    assert_eq!(reserve(&mut bench, "a", Some(4), Size::Small, true), rejected(Rejection::NotLow));
    assert_eq!(reserve(&mut bench, "a", Some(5), Size::Large, true), given(5));
}

#[test]
fn a_compartment_in_which_something_lies_unrecorded_is_not_given_away() {
    let mut bench = bench();
    bench.sees(2, true);
    assert_eq!(
        reserve(&mut bench, "a", Some(2), Size::Small, false),
        rejected(Rejection::Occupied)
    );
    assert_eq!(reserve(&mut bench, "a", None, Size::Small, false), given(3));
    bench.sees(2, false);
    assert_eq!(reserve(&mut bench, "b", None, Size::Small, false), given(2));
}
