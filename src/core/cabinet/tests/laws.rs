//! The laws that hold whatever happens in whatever order, crashes included.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::scenario::{Bench, DOORS, deposit, door, operator, recipient};
use crate::core::cabinet::Cabinet;
use crate::core::command::{Order, Purpose};
use crate::core::compartment::{Content, Stage};
use crate::core::event::{Authority, Event};
use crate::core::ids::{CommandId, CompartmentId, ConsentRef, ModelId, RecipientId, UnlockId};
use crate::core::input::{Act, DoorPosition, Input, LocalOpening};
use crate::core::judgement::tests::{face_of, one};

const PEOPLE: [&str; 3] = ["wang", "li", "zhao"];

/// Anything that can happen to a cabinet.
#[derive(Debug, Clone)]
enum Happening {
    Reserve { deposit: u8, person: usize, compartment: Option<u16> },
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
    Face { person: usize },
    Wait { millis: u64 },
    Restart,
    RestartWithDoorsMoved { compartment: u16, open: bool },
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let compartment = || 1..=DOORS + 1;
    let purpose = prop_oneof![
        Just(Purpose::Load),
        Just(Purpose::Collect),
        Just(Purpose::Recall),
        Just(Purpose::Inspect)
    ];
    prop_oneof![
        3 => (0..6u8, 0..3usize, proptest::option::of(compartment()))
            .prop_map(|(deposit, person, compartment)| Reserve { deposit, person, compartment }),
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
        4 => (0..3usize).prop_map(|person| Face { person }),
        3 => (0..8_000u64).prop_map(|millis| Wait { millis }),
        1 => Just(Restart),
        1 => (compartment(), any::<bool>())
            .prop_map(|(compartment, open)| RestartWithDoorsMoved { compartment, open }),
    ]
}

/// Watches the record and the acts, and knows the laws.
#[derive(Default)]
struct Witness {
    seen_events: usize,
    seen_acts: usize,
    /// Openings by the record: authority, door seen open, door seen closed since.
    openings: BTreeMap<UnlockId, (CompartmentId, bool, bool)>,
    recorded_pulses: BTreeSet<(UnlockId, u32, CompartmentId)>,
    acted_pulses: BTreeSet<(UnlockId, u32)>,
    energised: Option<(UnlockId, u32)>,
    last_opening: BTreeMap<CompartmentId, UnlockId>,
    enrolled: BTreeSet<RecipientId>,
}

impl Witness {
    fn look(&mut self, bench: &Bench) {
        for (_, event) in &bench.journal[self.seen_events..] {
            self.event(event);
        }
        self.seen_events = bench.journal.len();
        for act in &bench.acts[self.seen_acts..] {
            self.act(act);
        }
        self.seen_acts = bench.acts.len();
        lawful(&bench.cabinet);
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::AgentStarted { .. } => self.energised = None,
            Event::RecipientEnrolled { recipient, .. } => {
                self.enrolled.insert(recipient.clone());
            }
            Event::TemplatesErased { recipient, .. } => {
                self.enrolled.remove(recipient);
            }
            Event::UnlockAuthorised { unlock, compartment, authority, .. } => {
                if let Authority::Face { recipient } = authority {
                    assert!(self.enrolled.contains(recipient), "opened for an erased face");
                }
                let before = self.openings.insert(*unlock, (*compartment, false, false));
                assert!(before.is_none(), "an unlock number was used twice");
                self.last_opening.insert(*compartment, *unlock);
            }
            Event::PulseCommanded { unlock, compartment, attempt } => {
                let authority = self.openings.get(unlock).expect("a pulse without authority");
                assert_eq!(authority.0, *compartment, "authority for another door");
                assert_eq!(self.energised, None, "two locks at once");
                self.energised = Some((*unlock, *attempt));
                let new = self.recorded_pulses.insert((*unlock, *attempt, *compartment));
                assert!(new, "the same pulse twice");
            }
            Event::PulseEnded { unlock, attempt, .. } => {
                assert_eq!(self.energised, Some((*unlock, *attempt)));
                self.energised = None;
            }
            Event::DoorOpened { unlock, .. } => self.openings.get_mut(unlock).unwrap().1 = true,
            Event::DoorClosed { compartment } => {
                if let Some(unlock) = self.last_opening.get(compartment) {
                    let opening = self.openings.get_mut(unlock).unwrap();
                    opening.2 = opening.1;
                }
            }
            Event::DepositLoaded { compartment, .. }
            | Event::DepositCollected { compartment, .. }
            | Event::DepositRecalled { compartment, .. } => {
                let unlock = self.last_opening.get(compartment).expect("nobody opened it");
                let (_, opened, closed) = self.openings[unlock];
                assert!(opened && closed, "contents changed without an opened and closed door");
            }
            _ => {}
        }
    }

    fn act(&mut self, act: &Act) {
        if let Act::Pulse { unlock, attempt, compartment, .. } = act {
            let recorded = self.recorded_pulses.contains(&(*unlock, *attempt, *compartment));
            assert!(recorded, "a lock was driven without its authority on record");
            assert!(self.acted_pulses.insert((*unlock, *attempt)), "the same pulse twice");
        }
    }
}

/// What must be true of any state.
fn lawful(cabinet: &Cabinet) {
    let commanded = cabinet.compartments().filter(|(_, c)| c.is_commanded()).count();
    assert!(commanded <= 1, "two doors commanded at once");
    let mut deposits = BTreeSet::new();
    for (id, compartment) in cabinet.compartments() {
        if let Some(deposit) = compartment.content.deposit() {
            assert!(deposits.insert(deposit.id.clone()), "one document in two places");
        }
        let Some(opening) = &compartment.opening else { continue };
        assert_ne!(opening.stage, Stage::Authorised, "authorised and never pulsed");
        let fits = match opening.purpose {
            Purpose::Load => matches!(compartment.content, Content::Reserved(_)),
            Purpose::Collect | Purpose::Recall => {
                matches!(compartment.content, Content::Loaded { .. })
            }
            Purpose::Inspect => true,
        };
        assert!(fits, "compartment {id}: {opening:?} over {:?}", compartment.content);
    }
}

/// Nothing of this person is kept, and nothing that is under way can bring it back.
fn forgotten(bench: &Bench, who: &str) -> bool {
    let who = recipient(who);
    let coming = bench.cabinet.enrolling().into_iter().any(|(_, recipient)| recipient == who);
    !coming && !bench.cabinet.enrolled().contains_key(&who)
}

fn play(bench: &mut Bench, happening: &Happening) {
    let person = |n: usize| recipient(PEOPLE[n]);
    let deposit = |n: u8| deposit(&format!("d{n}"));
    match happening.clone() {
        Happening::Reserve { deposit: d, person: p, compartment } => {
            let (deposit, recipient) = (deposit(d), person(p));
            let collect_by = (d % 2 == 0).then(|| bench.now().wall.plus(Duration::from_secs(20)));
            let compartment = compartment.map(door);
            bench.order(Order::Reserve { deposit, recipient, compartment, collect_by });
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
        Happening::Face { person: p } => {
            for _ in 0..3 {
                bench.wait(Duration::from_millis(100));
                bench.give(Input::Sighting(one(face_of(PEOPLE[p]))));
            }
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

/// More with PROPTEST_CASES in the environment.
fn at_least(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(cases), ..default }
}

proptest! {
    #![proptest_config(at_least(1_000))]

    #[test]
    fn no_interleaving_breaks_a_law(happenings in prop::collection::vec(happening(), 1..120)) {
        let mut bench = Bench::new();
        let mut witness = Witness::default();
        for happening in &happenings {
            if matches!(happening, Happening::Restart | Happening::RestartWithDoorsMoved { .. }) {
                witness.seen_acts = 0;
            }
            play(&mut bench, happening);
            witness.look(&bench);
            if let Happening::Erase { person } = happening {
                assert!(forgotten(&bench, PEOPLE[*person]), "a template outlives its erasure");
            }
        }
    }

    #[test]
    fn replaying_the_journal_gives_the_same_state(happenings in prop::collection::vec(happening(), 1..80)) {
        let mut bench = Bench::new();
        for happening in &happenings {
            play(&mut bench, happening);
        }
        let contents = |bench: &Bench| {
            bench.cabinet.compartments().map(|(id, c)| (id, c.content.deposit().cloned(), c.service))
                .collect::<Vec<_>>()
        };
        let enrolled = bench.cabinet.enrolled().clone();
        bench.restart();
        let settled = (contents(&bench), bench.cabinet.enrolled().clone());
        bench.restart();
        prop_assert_eq!(&settled, &(contents(&bench), bench.cabinet.enrolled().clone()));
        let kept = bench.cabinet.enrolled().iter().all(|(who, e)| enrolled.get(who) == Some(e));
        prop_assert!(kept, "a restart enrols nobody");
    }
}
