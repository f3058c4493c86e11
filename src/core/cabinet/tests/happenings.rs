//! Anything that can happen to a cabinet, in any order.

use std::time::Duration;

use proptest::prelude::*;

use super::scenario::{Bench, DOORS, deposit, door, operator, recipient};
use crate::core::command::{Answer, Order, Purpose};
use crate::core::fitting::{Needs, Size};
use crate::core::ids::{CommandId, ConsentRef, ModelId, UnlockId};
use crate::core::input::{Act, DoorPosition, Input, LocalOpening};

pub(super) const PEOPLE: [&str; 3] = ["wang", "li", "zhao"];

/// Anything that can happen to a cabinet.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Reserve { deposit: u8, person: usize, compartment: Option<u16>, needs: Needs },
    Enrol { person: usize },
    TemplateMade { good: bool },
    Erase { person: usize },
    Unlock { compartment: u16, purpose: Purpose },
    Local { compartment: u16, even_loaded: bool },
    Cancel { deposit: u8 },
    Service { compartment: u16, on: bool },
    SameCommandAgain,
    PulseEnds { good: bool },
    StrayPulseEnd { unlock: u64 },
    Door { compartment: u16, open: bool },
    Occupancy { compartment: u16, occupied: bool },
    Reopen { compartment: u16 },
    Rattle { compartment: u16 },
    Jam { stirred: bool },
    Load { person: usize, deposit: u8 },
    Collect { person: usize },
    Shut,
    Face { person: usize },
    Wait { millis: u64 },
    Restart,
    RestartWithDoorsMoved { compartment: u16, open: bool },
}

pub(super) fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let compartment = || 1..=DOORS + 1;
    let purpose = prop_oneof![
        Just(Purpose::Load),
        Just(Purpose::Collect),
        Just(Purpose::Recall),
        Just(Purpose::Inspect)
    ];
    prop_oneof![
        3 => (0..6u8, 0..3usize, proptest::option::of(compartment()), needs())
            .prop_map(|(deposit, person, compartment, needs)| {
                Reserve { deposit, person, compartment, needs }
            }),
        2 => (0..3usize).prop_map(|person| Enrol { person }),
        2 => any::<bool>().prop_map(|good| TemplateMade { good }),
        1 => (0..3usize).prop_map(|person| Erase { person }),
        4 => (compartment(), purpose).prop_map(|(compartment, purpose)| Unlock { compartment, purpose }),
        1 => (compartment(), any::<bool>())
            .prop_map(|(compartment, even_loaded)| Local { compartment, even_loaded }),
        1 => (0..6u8).prop_map(|deposit| Cancel { deposit }),
        1 => (compartment(), any::<bool>()).prop_map(|(compartment, on)| Service { compartment, on }),
        1 => Just(SameCommandAgain),
        5 => prop::bool::weighted(0.9).prop_map(|good| PulseEnds { good }),
        1 => (0..10u64).prop_map(|unlock| StrayPulseEnd { unlock }),
        8 => (compartment(), any::<bool>()).prop_map(|(compartment, open)| Door { compartment, open }),
        2 => (compartment(), any::<bool>())
            .prop_map(|(compartment, occupied)| Occupancy { compartment, occupied }),
        3 => compartment().prop_map(|compartment| Reopen { compartment }),
        1 => compartment().prop_map(|compartment| Rattle { compartment }),
        1 => any::<bool>().prop_map(|stirred| Jam { stirred }),
        4 => (0..3usize, 0..6u8).prop_map(|(person, deposit)| Load { person, deposit }),
        3 => (0..3usize).prop_map(|person| Collect { person }),
        4 => Just(Shut),
        4 => (0..3usize).prop_map(|person| Face { person }),
        3 => (0..8_000u64).prop_map(|millis| Wait { millis }),
        2 => (0..150u64).prop_map(|millis| Wait { millis }),
        1 => (0..400_000u64).prop_map(|millis| Wait { millis }),
        1 => Just(Restart),
        1 => (compartment(), any::<bool>())
            .prop_map(|(compartment, open)| RestartWithDoorsMoved { compartment, open }),
    ]
}

/// Mostly whatever will do.
fn needs() -> impl Strategy<Value = Needs> {
    let size = prop_oneof![
        4 => Just(Size::Small),
        1 => Just(Size::Medium),
        1 => Just(Size::Large),
        1 => Just(Size::ExtraLarge)
    ];
    (size, prop::bool::weighted(0.2)).prop_map(|(size, low)| Needs { size, low })
}

/// Lets it happen.
pub(super) fn play(bench: &mut Bench, happening: &Happening) {
    let person = |n: usize| recipient(PEOPLE[n]);
    let deposit = |n: u8| deposit(&format!("d{n}"));
    match happening.clone() {
        Happening::Reserve { deposit: d, person: p, compartment, needs } => {
            let (deposit, recipient) = (deposit(d), person(p));
            let collect_by = (d % 2 == 0).then(|| bench.now().wall.plus(Duration::from_secs(20)));
            let compartment = compartment.map(door);
            let order = Order::Reserve { deposit, recipient, compartment, needs, collect_by };
            if let Answer::Done { compartment: Some(given) } = bench.order(order) {
                let fitting = bench.cabinet.fitting(given);
                assert_eq!(fitting.serve(needs), Ok(()), "{given} for {needs:?}");
                assert!(compartment.is_none_or(|wanted| wanted == given));
            }
        }
        Happening::Enrol { person: p } => {
            let consent = ConsentRef::new("c").unwrap();
            bench.order(Order::Enrol { recipient: person(p), consent });
        }
        Happening::TemplateMade { good } => template_made(bench, good),
        Happening::Erase { person: p } => {
            bench.order(Order::Erase { recipient: person(p) });
        }
        Happening::Unlock { compartment, purpose } => {
            bench.unlock(compartment, purpose);
        }
        Happening::Local { compartment, even_loaded } => {
            let id = CommandId::new(format!("local-{}", bench.journal.len())).unwrap();
            let (compartment, operator) = (door(compartment), operator());
            let reason = "test".to_owned();
            let opening = LocalOpening { id, compartment, operator, reason, even_loaded };
            bench.give(Input::Local(opening));
        }
        Happening::Cancel { deposit: d } => {
            bench.order(Order::Cancel { deposit: deposit(d) });
        }
        Happening::Service { compartment, on } => {
            let (compartment, operator) = (door(compartment), operator());
            bench.order(Order::SetService { compartment, in_service: on, operator });
        }
        Happening::SameCommandAgain => {
            let recipient = recipient("wang");
            let command = bench.command_with("same", Order::Erase { recipient });
            bench.send(command);
        }
        Happening::PulseEnds { good } => {
            if let Some((unlock, attempt, _)) = bench.last_pulse() {
                let result = if good { Ok(()) } else { Err("no reply".to_owned()) };
                bench.give(Input::PulseEnded { unlock, attempt, result });
            }
        }
        Happening::StrayPulseEnd { unlock } => {
            let unlock = UnlockId(unlock);
            bench.give(Input::PulseEnded { unlock, attempt: 7, result: Ok(()) });
        }
        Happening::Door { compartment, open } => {
            bench.move_door(compartment, position(open));
        }
        Happening::Occupancy { compartment, occupied } => {
            bench.sees(compartment, occupied);
        }
        Happening::Reopen { compartment } => {
            bench.give(Input::Reopen { compartment: door(compartment) });
        }
        Happening::Rattle { compartment } => rattle(bench, compartment),
        Happening::Jam { stirred } => jam(bench, stirred),
        Happening::Load { person: p, deposit: d } => load(bench, PEOPLE[p], d),
        Happening::Collect { person: p } => {
            bench.face(PEOPLE[p]);
            serve(bench);
        }
        Happening::Shut => {
            for number in 1..=DOORS {
                bench.closes(number);
            }
        }
        Happening::Face { person: p } => {
            bench.face(PEOPLE[p]);
        }
        Happening::Wait { millis } => {
            bench.wait(Duration::from_millis(millis));
        }
        Happening::Restart => {
            bench.restart();
        }
        Happening::RestartWithDoorsMoved { compartment, open } => {
            bench.doors.insert(door(compartment), position(open));
            bench.restart();
        }
    }
}

fn position(open: bool) -> DoorPosition {
    if open { DoorPosition::Open } else { DoorPosition::Closed }
}

fn template_made(bench: &mut Bench, good: bool) {
    let asked = bench.acts.iter().rev().find_map(|act| match act {
        Act::MakeTemplate { command, .. } => Some(command.clone()),
        _ => None,
    });
    if let Some(command) = asked {
        let result = if good { Ok(ModelId::new("m").unwrap()) } else { Err("dark".to_owned()) };
        bench.give(Input::TemplateMade { command, result });
    }
}

/// A switch with a loose wire.
fn rattle(bench: &mut Bench, number: u16) {
    for turn in 0..12 {
        bench.move_door(number, position(turn % 2 == 0));
    }
}

/// A door that does not open, or whose switch does not see it, however often its lock is driven.
fn jam(bench: &mut Bench, stirred: bool) {
    for _ in 0..3 {
        let Some((unlock, attempt, compartment)) = bench.last_pulse() else { return };
        if stirred {
            let number = compartment.number();
            bench.sees(number, true);
            bench.sees(number, false);
        }
        bench.give(Input::PulseEnded { unlock, attempt, result: Ok(()) });
        bench.wait(Duration::from_secs(6));
    }
}

/// Brings a document all the way in, if the cabinet lets it.
fn load(bench: &mut Bench, who: &str, number: u8) {
    let Answer::Done { compartment: Some(place) } = bench.reserve(&format!("d{number}"), who)
    else {
        return;
    };
    bench.enrol(who);
    bench.unlock(place.number(), Purpose::Load);
    serve(bench);
    bench.closes(place.number());
}

/// The lock that was driven last did open its door.
fn serve(bench: &mut Bench) {
    if let Some((unlock, attempt, compartment)) = bench.last_pulse() {
        bench.opens(compartment.number());
        bench.give(Input::PulseEnded { unlock, attempt, result: Ok(()) });
    }
}
