//! The laws that hold whatever happens in whatever order, crashes included.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::happenings::{Happening, PEOPLE, happening, play};
use super::scenario::{Bench, door};
use super::witness::{Witness, forgotten};
use crate::core::fitting::{Fitting, Size};
use crate::core::policy::Policy;

/// Four doors of three sizes, one of them low.
fn bench() -> Bench {
    let fittings =
        [(Size::Small, true), (Size::Small, false), (Size::Medium, false), (Size::Large, false)];
    let fitting = |(size, low)| Fitting { size, low };
    let mut policy = Policy::default();
    policy.hall.remote_enrolment = true;
    // A life is too short for five reminders.
    policy.doors.stuck_after = 2;
    Bench::fitted(policy, (1..).map(door).zip(fittings.map(fitting)).collect())
}

/// Plays everything before a witness of the laws.
fn observe(happenings: &[Happening]) -> (Bench, Witness) {
    let (mut bench, mut witness) = (bench(), Witness::default());
    for happening in happenings {
        if matches!(happening, Happening::Restart | Happening::RestartWithDoorsMoved { .. }) {
            witness.restarted();
        }
        play(&mut bench, happening);
        witness.look(&bench);
        if let Happening::Erase { person } = happening {
            assert!(forgotten(&bench, PEOPLE[*person]), "a template outlives its erasure");
        }
    }
    (bench, witness)
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
        observe(&happenings);
    }

    #[test]
    fn replaying_the_journal_gives_the_same_state(happenings in prop::collection::vec(happening(), 1..80)) {
        let mut bench = bench();
        for happening in &happenings {
            play(&mut bench, happening);
        }
        let contents = |bench: &Bench| {
            bench.cabinet.compartments().map(|(id, c)| (id, c.content.clone(), c.service))
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

/// Random lives of a hundred happenings, as many as PROPTEST_CASES says, and what they came upon: the same every time,
/// unlike the laws above. `make core-soak` plays a million steps.
#[test]
fn random_lives_keep_every_law_and_come_upon_everything() {
    let lives = prop::collection::vec(happening(), 100);
    let mut runner = TestRunner::deterministic();
    let (mut steps, mut kinds) = (0, BTreeMap::<String, u64>::new());
    let cabinets = ProptestConfig::default().cases;
    for _ in 0..cabinets {
        let happenings = lives.new_tree(&mut runner).unwrap().current();
        let (bench, witness) = observe(&happenings);
        steps += bench.steps;
        for (kind, count) in witness.kinds {
            *kinds.entry(kind).or_default() += count;
        }
    }
    println!("{steps} steps in the lives of {cabinets} cabinets, every law kept:");
    kinds.iter().for_each(|(kind, count)| println!("{count:>9}  {kind}"));
    for rare in [
        "UnlockAuthorised Reopen Visit",
        "UnlockAuthorised Collect Visit",
        "CompartmentFaulted SwitchFlapping",
        "CompartmentFaulted SwitchStuck",
        "CompartmentFaulted DidNotClose",
        "CompartmentFaulted DidNotOpen",
        "DepositLeftBehind Collect",
        "DepositNotLoaded",
        "DepositMissing",
        "UnlockInterrupted",
    ] {
        assert!(kinds.contains_key(rare), "{rare} never happened in {steps} steps");
    }
}
