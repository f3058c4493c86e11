//! Who may be recognised: claims, factors, and how alike a face must be among many.

use std::collections::BTreeSet;
use std::time::Duration;

use super::scenario::{Bench, recipient};
use crate::core::calibration::{Calibration, RatePoint};
use crate::core::command::Waiting;
use crate::core::event::{Event, Refusal};
use crate::core::guidance::Guidance;
use crate::core::input::{Act, Input, Proof};
use crate::core::judgement::tests::{face_of, one};
use crate::core::policy::{Factors, LivenessMode, Policy};
use crate::core::sighting::Sighting;

fn bench(change: impl FnOnce(&mut Policy)) -> Bench {
    let mut policy = Policy::default();
    policy.hall.remote_enrolment = true;
    change(&mut policy);
    Bench::with(policy)
}

fn asking_for(factors: Factors) -> Bench {
    let mut bench = bench(|policy| policy.faces.factors = factors);
    bench.load("passport", "wang", 1);
    bench.load("licence", "li", 2);
    bench
}

fn claim(bench: &mut Bench, who: &[&str], proof: Proof) {
    let recipients: BTreeSet<_> = who.iter().map(|name| recipient(name)).collect();
    bench.give(Input::Claim { recipients, proof });
}

fn opens(bench: &mut Bench, who: &str) -> bool {
    bench.face(who).iter().any(|event| matches!(event, Event::UnlockAuthorised { .. }))
}

/// Whom the camera was told to look for last.
fn looked_for(bench: &Bench) -> Option<Waiting> {
    let told = |act: &Act| match act {
        Act::LookFor(waiting) => Some(waiting.clone()),
        _ => None,
    };
    bench.acts.iter().rev().find_map(told)
}

#[test]
fn a_claim_leaves_only_those_it_may_mean() {
    let mut bench = asking_for(Factors::Face);
    claim(&mut bench, &["li"], Proof::Word);
    assert_eq!(looked_for(&bench), Some([recipient("li")].into()));
    assert!(!opens(&mut bench, "wang"), "a sighting that was on its way");
    bench.wait(Duration::from_secs(10));
    assert!(opens(&mut bench, "li"));
}

#[test]
fn a_claim_ends_by_itself_with_the_pickup_or_when_it_is_taken_back() {
    let everybody: Waiting = ["li", "wang"].map(recipient).into();
    let mut bench = asking_for(Factors::Face);
    claim(&mut bench, &["li"], Proof::Word);
    bench.wait(Duration::from_secs(59));
    assert_eq!(looked_for(&bench), Some([recipient("li")].into()));
    let now = bench.now();
    let due = bench.cabinet.deadline(now).map(|due| due.since(now.mono));
    assert_eq!(due, Some(Duration::from_secs(1)), "its end is a reason to wake up");
    bench.wait(Duration::from_secs(1));
    assert_eq!(looked_for(&bench), Some(everybody.clone()));
    claim(&mut bench, &["li"], Proof::Word);
    claim(&mut bench, &[], Proof::Word);
    assert_eq!(looked_for(&bench), Some(everybody));
    claim(&mut bench, &["li"], Proof::Word);
    assert!(opens(&mut bench, "li"));
    assert_eq!(looked_for(&bench), Some([recipient("wang")].into()), "li's door is opening");
}

#[test]
fn a_claim_alone_opens_nothing_and_what_was_seen_before_does_not_count_for_it() {
    let mut bench = asking_for(Factors::Face);
    bench.give(Input::Sighting(one(face_of("li"))));
    bench.give(Input::Sighting(one(face_of("li"))));
    claim(&mut bench, &["li"], Proof::Code);
    let events = bench.give(Input::Sighting(one(face_of("li"))));
    assert_eq!(events, vec![]);
}

#[test]
fn face_and_code_opens_only_after_the_code() {
    let mut bench = asking_for(Factors::FaceAndCode);
    assert_eq!(looked_for(&bench), None, "nobody is filmed before");
    assert!(!opens(&mut bench, "wang"));
    claim(&mut bench, &["wang"], Proof::Word);
    assert!(!opens(&mut bench, "wang"), "anybody can say so");
    claim(&mut bench, &["wang"], Proof::Code);
    bench.wait(Duration::from_secs(10));
    assert!(!opens(&mut bench, "li"), "the code is wang's");
    bench.wait(Duration::from_secs(10));
    assert!(opens(&mut bench, "wang"));
}

#[test]
fn where_the_code_alone_counts_nobody_is_filmed() {
    let mut bench = asking_for(Factors::Code);
    claim(&mut bench, &["wang"], Proof::Code);
    assert_eq!(looked_for(&bench), None);
    assert!(!opens(&mut bench, "wang"));
}

#[test]
fn the_more_people_wait_the_more_alike_a_face_must_be() {
    let point = |rate, similarity| RatePoint { rate, similarity };
    let calibration = Calibration::new(vec![point(1e-3, 0.4), point(1e-4, 0.65)]).unwrap();
    let mut bench = bench(|policy| {
        policy.faces.calibration = calibration;
        policy.faces.false_accepts = 1e-4;
    });
    bench.load("passport", "wang", 1);
    bench.load("licence", "li", 2);
    // Two people: half of 1e-4 for each, 0.725, and the face's similarity is 0.7.
    assert!(!opens(&mut bench, "wang"));
    bench.wait(Duration::from_secs(10));
    claim(&mut bench, &["wang"], Proof::Word);
    assert!(opens(&mut bench, "wang"), "one to one 0.65 is enough");
}

#[test]
fn an_active_check_draws_from_what_it_was_given_and_says_what_to_do() {
    let mut bench = bench(|policy| policy.faces.liveness.mode = LivenessMode::Active);
    bench.load("passport", "wang", 1);
    bench.give(Input::Chance(11));
    let mut turned = 0.0;
    let mut opened = false;
    for _ in 0..60 {
        let mut face = face_of("wang");
        face.quality.yaw = turned;
        let seen = bench.give(Input::Sighting(one(face)));
        opened |= seen.iter().any(|event| matches!(event, Event::UnlockAuthorised { .. }));
        turned = match bench.cabinet.guidance(bench.now().mono) {
            Guidance::TurnLeft => 0.5,
            Guidance::TurnRight => -0.5,
            _ => 0.0,
        };
        bench.wait(Duration::from_millis(100));
    }
    assert!(opened);
}

#[test]
fn the_person_is_told_what_happens() {
    let mut bench = asking_for(Factors::Face);
    let told = |bench: &Bench| bench.cabinet.guidance(bench.now().mono);
    assert_eq!(told(&bench), Guidance::Nothing);
    let mut far = face_of("wang");
    far.quality.face_px = 60.0;
    for _ in 0..4 {
        bench.give(Input::Sighting(one(far.clone())));
        bench.wait(Duration::from_millis(100));
    }
    assert_eq!(told(&bench), Guidance::ComeCloser);
    bench.face("wang");
    assert_eq!(told(&bench), Guidance::DoorOpens);
    bench.wait(Duration::from_secs(4));
    assert_eq!(told(&bench), Guidance::Nothing);
    bench.give(Input::FacesAvailable(false));
    assert_eq!(told(&bench), Guidance::UseCode);
}

#[test]
fn failures_of_a_still_picture_pause_faces_like_any_other() {
    let mut bench = asking_for(Factors::Face);
    let mut still = face_of("wang");
    still.change = Some(0.0);
    let mut refused = 0;
    while bench.recorded(|event| matches!(event, Event::FacePaused { .. })) == 0 {
        for event in bench.give(Input::Sighting(one(still.clone()))) {
            refused += u32::from(event == Event::FaceRefused { reason: Refusal::StillPicture });
        }
        bench.give(Input::Sighting(Sighting::default()));
        bench.wait(Duration::from_millis(100));
        assert!(refused <= 5, "five failures are enough");
    }
    assert_eq!(refused, 5);
    assert_eq!(bench.cabinet.guidance(bench.now().mono), Guidance::UseCode);
}
