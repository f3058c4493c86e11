//! The decision over frames: one frame is never a verdict.
//!
//! A person is looked at from the first face until a verdict or until they leave. Enough frames in a row that
//! agree on one recipient accept; a window that ends without refuses, once. Frames too poor to judge neither
//! count nor break a row; a frame that speaks against does break it, and another face starts everything over.

use super::challenge::{Ask, Chance, Side};
use super::event::Refusal;
use super::ids::RecipientId;
use super::judgement::{Vote, judge};
use super::looking::Look;
use super::policy::FacePolicy;
use super::sighting::{FaceReading, Sighting};
use super::time::Monotonic;
use super::tracking::{Continuity, Track};

/// What a frame led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Undecided,
    /// This recipient stands at the door.
    Accepted(RecipientId),
    /// Whoever stands there is not let in.
    Refused(Refusal),
}

/// By what a frame is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) policy: &'a FacePolicy,
    /// The least similarity among those who may match now.
    pub(super) similarity: f32,
}

/// How it stands with whoever is before the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody is there.
    Nobody,
    /// Somebody is being looked at; half of the time may have passed.
    Looking { drags_on: bool },
    /// Somebody is asked to turn to a side.
    Turn(Side),
    /// Somebody is asked to look at the camera, before or after turning.
    LookStraight,
    /// Somebody has had a verdict.
    Settled,
}

/// The watcher at the door. Volatile: a restart begins with nobody there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Recognition {
    phase: Phase,
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Phase {
    #[default]
    Nobody,
    Looking(Look),
    /// A verdict was given; the next person, or the same after a while, starts over.
    Settled {
        since: Monotonic,
        last_seen: Monotonic,
        track: Track,
    },
}

impl Recognition {
    /// Takes one frame's outcome.
    pub(super) fn observe(
        &mut self,
        rules: Rules<'_>,
        now: Monotonic,
        chance: &mut Chance,
        sighting: &Sighting,
    ) -> Verdict {
        let policy = rules.policy;
        let judged = judge(policy, rules.similarity, sighting);
        let (Some(face), Some(frame)) = (&sighting.face, judged) else {
            return self.nobody(policy, now);
        };
        match std::mem::take(&mut self.phase) {
            Phase::Looking(look) if now.since(look.last_seen) < policy.leave_after => {
                if is_another(look.track(), policy, face, &frame) {
                    let verdict = look.on_leaving(policy);
                    let begun =
                        self.look_at(rules, now, chance, Look::begin(now, face), face, frame);
                    return if begun == Verdict::Undecided { verdict } else { begun };
                }
                self.look_at(rules, now, chance, look, face, frame)
            }
            Phase::Settled { since, last_seen, mut track } => {
                let left = now.since(last_seen) >= policy.leave_after
                    || is_another(&track, policy, face, &frame);
                if !left && now.since(since) < policy.again_after {
                    track.follow(face);
                    self.phase = Phase::Settled { since, last_seen: now, track };
                    return Verdict::Undecided;
                }
                self.look_at(rules, now, chance, Look::begin(now, face), face, frame)
            }
            // Nothing was seen for so long that this is somebody else; the verdict on the one before is still due.
            Phase::Looking(look) => {
                let verdict = look.on_leaving(policy);
                let begun = self.look_at(rules, now, chance, Look::begin(now, face), face, frame);
                if begun == Verdict::Undecided { verdict } else { begun }
            }
            Phase::Nobody => self.look_at(rules, now, chance, Look::begin(now, face), face, frame),
        }
    }

    /// How it stands, for whoever tells the person what to do.
    pub(super) fn standing(&self, policy: &FacePolicy, now: Monotonic) -> Standing {
        match &self.phase {
            Phase::Nobody => Standing::Nobody,
            Phase::Settled { .. } => Standing::Settled,
            Phase::Looking(look) => match look.asks() {
                Some(Ask::Turn(side)) => Standing::Turn(side),
                Some(Ask::LookStraight) => Standing::LookStraight,
                None => Standing::Looking { drags_on: look.drags_on(policy, now) },
            },
        }
    }

    fn look_at(
        &mut self,
        rules: Rules<'_>,
        now: Monotonic,
        chance: &mut Chance,
        mut look: Look,
        face: &FaceReading,
        frame: Result<Vote, Refusal>,
    ) -> Verdict {
        let verdict = look.observe(rules.policy, now, chance, face, frame);
        self.phase = match &verdict {
            Verdict::Undecided => Phase::Looking(look),
            Verdict::Accepted(_) | Verdict::Refused(_) => {
                Phase::Settled { since: now, last_seen: now, track: *look.track() }
            }
        };
        verdict
    }

    /// An empty frame.
    fn nobody(&mut self, policy: &FacePolicy, now: Monotonic) -> Verdict {
        let last_seen = match &self.phase {
            Phase::Nobody => return Verdict::Undecided,
            Phase::Looking(look) => look.last_seen,
            Phase::Settled { last_seen, .. } => *last_seen,
        };
        if now.since(last_seen) < policy.leave_after {
            return Verdict::Undecided;
        }
        match std::mem::take(&mut self.phase) {
            Phase::Looking(look) => look.on_leaving(policy),
            Phase::Nobody | Phase::Settled { .. } => Verdict::Undecided,
        }
    }
}

/// Whether somebody else has stepped in. Where several people stand nobody can say which of them is the largest one;
/// such a frame breaks a row anyway.
fn is_another(
    track: &Track,
    policy: &FacePolicy,
    face: &FaceReading,
    frame: &Result<Vote, Refusal>,
) -> bool {
    *frame != Err(Refusal::SeveralFaces) && track.compare(policy, face) == Continuity::Another
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::core::judgement::tests::{face_of, one, recipient};
    use crate::core::policy::LivenessMode;

    /// A recogniser and its clock: frames come 100 ms apart.
    struct Player {
        policy: FacePolicy,
        recognition: Recognition,
        chance: Chance,
        millis: u64,
    }

    impl Player {
        fn with(policy: FacePolicy) -> Self {
            let mut chance = Chance::default();
            chance.seed(3);
            Self { policy, recognition: Recognition::default(), chance, millis: 0 }
        }

        fn active() -> Self {
            let mut policy = FacePolicy::default();
            policy.liveness.mode = LivenessMode::Active;
            Self::with(policy)
        }

        /// The verdicts that were not "undecided".
        fn play(&mut self, frames: &[Sighting]) -> Vec<Verdict> {
            let mut verdicts = Vec::new();
            for frame in frames {
                let rules = Rules { policy: &self.policy, similarity: self.policy.similarity };
                let (now, chance) = (self.now(), &mut self.chance);
                let verdict = self.recognition.observe(rules, now, chance, frame);
                self.millis += 100;
                if verdict != Verdict::Undecided {
                    verdicts.push(verdict);
                }
            }
            verdicts
        }

        fn now(&self) -> Monotonic {
            Monotonic(Duration::from_millis(self.millis))
        }

        fn standing(&self) -> Standing {
            self.recognition.standing(&self.policy, self.now())
        }
    }

    fn play(frames: &[Sighting]) -> Vec<Verdict> {
        Player::with(FacePolicy::default()).play(frames)
    }

    fn wang() -> Verdict {
        Verdict::Accepted(recipient("wang"))
    }

    fn turned(yaw: f32) -> FaceReading {
        let mut face = face_of("wang");
        face.quality.yaw = yaw;
        face
    }

    fn times(n: usize, face: &FaceReading) -> Vec<Sighting> {
        vec![one(face.clone()); n]
    }

    fn stranger() -> FaceReading {
        FaceReading { best: None, ..face_of("nobody") }
    }

    #[test]
    fn three_frames_that_agree_accept_once() {
        assert_eq!(play(&times(2, &face_of("wang"))), vec![]);
        assert_eq!(play(&times(40, &face_of("wang"))), vec![wang()]);
    }

    #[test]
    fn a_row_is_broken_by_another_person_and_by_an_attack() {
        let attack = FaceReading { liveness: Some(0.1), ..face_of("wang") };
        for breaker in [face_of("li"), attack, stranger()] {
            let mut frames = times(2, &face_of("wang"));
            frames.extend(times(1, &breaker));
            frames.extend(times(2, &face_of("wang")));
            assert_eq!(play(&frames), vec![], "{breaker:?}");
        }
    }

    #[test]
    fn poor_frames_neither_count_nor_break_a_row() {
        let mut poor = face_of("wang");
        poor.quality.sharpness = 0.0;
        let mut frames = times(2, &face_of("wang"));
        frames.extend(times(3, &poor));
        assert_eq!(play(&frames), vec![]);
        frames.extend(times(1, &face_of("wang")));
        assert_eq!(play(&frames), vec![Verdict::Accepted(recipient("wang"))]);
    }

    #[test]
    fn a_stranger_is_refused_once_for_a_window_not_once_a_frame() {
        assert_eq!(play(&times(60, &stranger())), vec![Verdict::Refused(Refusal::NotRecognised)]);
    }

    #[test]
    fn an_attack_that_is_withdrawn_quickly_is_still_reported() {
        let attack = FaceReading { liveness: Some(0.1), ..face_of("wang") };
        let mut frames = times(5, &attack);
        frames.extend(vec![Sighting::default(); 20]);
        assert_eq!(play(&frames), vec![Verdict::Refused(Refusal::PresentationAttack)]);
    }

    #[test]
    fn somebody_who_only_walks_past_is_not_reported() {
        let mut frames = times(2, &stranger());
        frames.extend(vec![Sighting::default(); 20]);
        assert_eq!(play(&frames), vec![]);
    }

    #[test]
    fn the_next_person_starts_over() {
        let mut frames = times(4, &face_of("wang"));
        frames.extend(vec![Sighting::default(); 12]);
        frames.extend(times(4, &face_of("li")));
        let accepted = |name| Verdict::Accepted(recipient(name));
        assert_eq!(play(&frames), vec![accepted("wang"), accepted("li")]);
    }

    #[test]
    fn another_face_in_the_same_place_starts_the_row_over() {
        let stepped_in = FaceReading { resemblance: Some(0.1), ..face_of("wang") };
        let mut frames = times(2, &face_of("wang"));
        frames.extend(times(1, &stepped_in));
        frames.extend(times(1, &face_of("wang")));
        assert_eq!(play(&frames), vec![], "the third vote is the second of its face");
        frames.extend(times(1, &face_of("wang")));
        assert_eq!(play(&frames), vec![wang()]);
    }

    #[test]
    fn a_face_that_jumps_across_the_picture_starts_the_row_over() {
        let mut elsewhere = face_of("wang");
        elsewhere.place.x += 250.0;
        let mut frames = times(2, &face_of("wang"));
        frames.extend(times(2, &elsewhere));
        assert_eq!(play(&frames), vec![]);
        frames.extend(times(1, &elsewhere));
        assert_eq!(play(&frames), vec![wang()]);
    }

    #[test]
    fn frames_that_cannot_be_compared_never_make_a_row() {
        let unknown = FaceReading { resemblance: None, ..face_of("wang") };
        assert!(!play(&times(60, &unknown)).contains(&wang()));
    }

    #[test]
    fn the_next_person_in_the_queue_need_not_wait_for_the_one_before() {
        let mut frames = times(41, &stranger());
        let first = FaceReading { resemblance: Some(0.0), ..face_of("wang") };
        frames.extend(times(1, &first));
        frames.extend(times(2, &face_of("wang")));
        assert_eq!(play(&frames), vec![Verdict::Refused(Refusal::NotRecognised), wang()]);
    }

    #[test]
    fn faces_in_turn_let_nobody_in() {
        let other = |name| FaceReading { resemblance: Some(0.0), ..face_of(name) };
        let turns = (0..80).map(|i| if i % 2 == 0 { "wang" } else { "li" });
        let frames: Vec<_> = turns.map(|name| one(other(name))).collect();
        assert_eq!(play(&frames), vec![]);
    }

    #[test]
    fn two_people_before_the_camera_are_refused_whoever_is_the_larger() {
        let mut frames = Vec::new();
        for i in 0..41_u8 {
            let mut face = face_of("wang");
            face.place.x += if i.is_multiple_of(2) { 0.0 } else { 250.0 };
            frames.push(Sighting { near_faces: 2, face: Some(face) });
        }
        assert_eq!(play(&frames), vec![Verdict::Refused(Refusal::SeveralFaces)]);
    }

    #[test]
    fn each_frame_needs_a_score_and_the_row_a_higher_one() {
        let scored = |score| FaceReading { liveness: Some(score), ..face_of("wang") };
        let row = |scores: [f32; 3]| play(&scores.map(|score| one(scored(score))));
        assert_eq!(row([0.9, 0.41, 0.9]), vec![wang()], "one doubtful frame among sure ones");
        assert_eq!(row([0.9, 0.39, 0.9]), vec![], "one bad frame");
        assert_eq!(row([0.5, 0.5, 0.5]), vec![], "doubtful all along");
        let refused = play(&times(41, &scored(0.5)));
        assert_eq!(refused, vec![Verdict::Refused(Refusal::PresentationAttack)]);
    }

    #[test]
    fn the_very_same_picture_again_and_again_is_never_accepted() {
        let mut frames =
            times(1, &FaceReading { change: None, resemblance: None, ..face_of("wang") });
        frames.extend(times(59, &FaceReading { change: Some(0.0), ..face_of("wang") }));
        assert_eq!(play(&frames), vec![Verdict::Refused(Refusal::StillPicture)]);
        let none = FaceReading { change: Some(f32::NAN), ..face_of("wang") };
        assert!(!play(&times(60, &none)).contains(&wang()), "a number that is none");
        let unknown = FaceReading { change: None, ..face_of("wang") };
        assert!(!play(&times(60, &unknown)).contains(&wang()), "a change that nobody measured");
    }

    #[test]
    fn a_frame_that_came_twice_does_no_harm() {
        let again = FaceReading { change: Some(0.0), ..face_of("wang") };
        let frames = [times(2, &face_of("wang")), times(2, &again), times(1, &face_of("wang"))];
        assert_eq!(play(&frames.concat()), vec![wang()]);
    }

    #[test]
    fn stillness_is_a_policy() {
        let mut policy = FacePolicy::default();
        policy.liveness.least_change = 0.0;
        let still = FaceReading { change: Some(0.0), ..face_of("wang") };
        assert_eq!(Player::with(policy).play(&times(3, &still)), vec![wang()]);
    }

    fn asked(player: &Player) -> f32 {
        match player.standing() {
            Standing::Turn(Side::Left) => 1.0,
            Standing::Turn(Side::Right) => -1.0,
            Standing::Nobody
            | Standing::Looking { .. }
            | Standing::LookStraight
            | Standing::Settled => {
                panic!("no challenge")
            }
        }
    }

    /// Shows a good face until a side is asked for.
    fn challenged(player: &mut Player) -> f32 {
        assert_eq!(player.play(&times(4, &face_of("wang"))), vec![]);
        asked(player)
    }

    #[test]
    fn an_active_check_lets_in_who_turns_as_asked_and_back() {
        let mut player = Player::active();
        let side = challenged(&mut player);
        assert_eq!(player.play(&times(4, &turned(0.2 * side))), vec![]);
        assert_eq!(player.play(&times(1, &turned(0.5 * side))), vec![]);
        assert_eq!(player.standing(), Standing::LookStraight);
        assert_eq!(player.play(&times(2, &face_of("wang"))), vec![]);
        assert_eq!(player.play(&times(1, &face_of("wang"))), vec![wang()]);
    }

    #[test]
    fn an_active_check_refuses_the_wrong_side_and_who_does_not_turn() {
        let failed = vec![Verdict::Refused(Refusal::ChallengeFailed)];
        let mut player = Player::active();
        let wrong = turned(-0.5 * challenged(&mut player));
        assert_eq!(player.play(&times(1, &wrong)), failed);
        for pose in [0.0, 0.5, -0.5] {
            let mut player = Player::active();
            assert_eq!(player.play(&times(90, &turned(pose))), failed, "a photo never turns");
        }
    }

    #[test]
    fn who_comes_back_from_a_challenge_as_somebody_else_starts_over() {
        let mut player = Player::active();
        let side = challenged(&mut player);
        player.play(&times(1, &turned(0.5 * side)));
        assert_eq!(
            player.play(&times(3, &face_of("li"))),
            vec![Verdict::Refused(Refusal::ChallengeFailed)]
        );
        let mut player = Player::active();
        let side = challenged(&mut player);
        player.play(&times(1, &turned(0.5 * side)));
        let other = FaceReading { resemblance: Some(0.1), ..face_of("wang") };
        assert_eq!(player.play(&times(1, &other)), vec![]);
        assert_eq!(player.standing(), Standing::Looking { drags_on: false });
    }

    #[test]
    fn without_chance_an_active_check_lets_nobody_in() {
        let mut player = Player::active();
        player.chance = Chance::default();
        let verdicts = player.play(&times(3, &face_of("wang")));
        assert_eq!(verdicts, vec![Verdict::Refused(Refusal::LivenessUnavailable)]);
    }

    /// What a frame may be, for the law below.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Kind {
        Good(&'static str),
        SteppedIn(&'static str),
        NotCompared,
        Attack,
        Stranger,
        Several,
        Still,
        Poor,
        Nobody,
        NotANumber,
    }

    fn frame(kind: Kind) -> Sighting {
        let mut face = face_of("wang");
        match kind {
            Kind::Good(name) => face = face_of(name),
            Kind::SteppedIn(name) => {
                face = FaceReading { resemblance: Some(0.0), ..face_of(name) };
            }
            Kind::NotCompared => face.resemblance = None,
            Kind::Attack => face.liveness = Some(0.0),
            Kind::Stranger => face.best = None,
            Kind::Several => return Sighting { near_faces: 2, face: Some(face) },
            Kind::Still => face.change = Some(0.0),
            Kind::Poor => face.quality.sharpness = 0.0,
            Kind::Nobody => return Sighting::default(),
            Kind::NotANumber => face.liveness = Some(f32::NAN),
        }
        one(face)
    }

    fn kinds() -> impl Strategy<Value = Vec<Kind>> {
        let kind = prop_oneof![
            12 => Just(Kind::Good("wang")),
            3 => Just(Kind::Good("li")),
            1 => Just(Kind::SteppedIn("wang")),
            1 => Just(Kind::SteppedIn("li")),
            1 => Just(Kind::NotCompared),
            1 => Just(Kind::Attack),
            1 => Just(Kind::Stranger),
            1 => Just(Kind::Several),
            2 => Just(Kind::Still),
            2 => Just(Kind::Poor),
            2 => Just(Kind::Nobody),
            1 => Just(Kind::NotANumber),
        ];
        prop::collection::vec(kind, 1..80)
    }

    /// Whether the frames up to here end with as many votes of one face for this person as are needed, with nothing
    /// but poor, still or empty frames between them.
    fn ends_with_a_row(kinds: &[Kind], who: &RecipientId, votes: u32) -> bool {
        let mut found = 0;
        for kind in kinds.iter().rev() {
            let (name, begins) = match kind {
                Kind::Poor | Kind::Still | Kind::Nobody => continue,
                Kind::Good(name) => (*name, false),
                Kind::SteppedIn(name) => (*name, true),
                Kind::NotCompared => ("wang", true),
                Kind::Attack | Kind::Stranger | Kind::Several | Kind::NotANumber => return false,
            };
            if name != who.as_str() {
                return false;
            }
            found += 1;
            if found == votes || begins {
                break;
            }
        }
        found == votes
    }

    proptest! {
        #[test]
        fn nobody_is_let_in_without_a_row_of_their_own(kinds in kinds(), active in any::<bool>()) {
            let mut player =
                if active { Player::active() } else { Player::with(FacePolicy::default()) };
            let mut accepted = 0;
            for (index, kind) in kinds.iter().enumerate() {
                for verdict in player.play(&[frame(*kind)]) {
                    let Verdict::Accepted(who) = verdict else { continue };
                    accepted += 1;
                    prop_assert!(ends_with_a_row(&kinds[..=index], &who, player.policy.votes));
                }
            }
            prop_assert!(!active || accepted == 0, "nobody has turned the head");
        }
    }

    #[test]
    fn a_challenge_is_not_passed_by_another_head_nor_by_a_picture_of_a_turned_one() {
        let other_head =
            FaceReading { resemblance: None, best: None, liveness: None, ..turned(0.7) };
        let still =
            FaceReading { liveness: Some(0.0), change: Some(0.0), best: None, ..turned(0.5) };
        let same_picture = FaceReading { change: Some(0.0), ..turned(0.5) };
        for turn in [other_head, still, same_picture] {
            for side in [1.0, -1.0] {
                let mut turn = turn.clone();
                turn.quality.yaw *= side;
                let mut player = Player::active();
                let mut frames = times(6, &face_of("wang"));
                frames.extend(times(10, &turn));
                frames.extend(times(60, &face_of("wang")));
                let accepted = player.play(&frames).contains(&wang());
                assert!(!accepted, "{turn:?}");
            }
        }
    }

    #[test]
    fn a_second_face_now_and_then_does_not_hide_an_attack() {
        let several = Sighting { near_faces: 2, face: Some(stranger()) };
        let frames: Vec<Sighting> =
            (0..41).map(|n| if n % 2 == 0 { several.clone() } else { one(stranger()) }).collect();
        assert_eq!(play(&frames), vec![Verdict::Refused(Refusal::NotRecognised)]);
    }

    #[test]
    fn an_attack_before_a_gap_in_the_pictures_is_still_reported() {
        let attack = FaceReading { liveness: Some(0.1), ..face_of("wang") };
        let mut player = Player::with(FacePolicy::default());
        assert_eq!(player.play(&times(5, &attack)), vec![]);
        player.millis += 1_500;
        let refused = Verdict::Refused(Refusal::PresentationAttack);
        assert_eq!(player.play(&times(1, &face_of("wang"))), vec![refused]);
    }
}
