//! Active liveness: turn the head to a side that nobody could know before, and back.
//!
//! It stops one still, however good. It does not stop two stills of the same person, straight and turned to the side that
//! was drawn, if they pass the passive models; nor a mask, a live deepfake, or the right one of two videos: with two
//! sides a guess is right every second time.

use super::policy::LivenessPolicy;
use super::sighting::Quality;
use super::time::Monotonic;

/// A side, as the person who turns means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The person's own left: the picture's right.
    Left,
    /// The person's own right.
    Right,
}

/// What chance the core has: a seed from outside, and what follows from it.
#[derive(Debug, Clone, Default)]
pub(super) struct Chance(Option<u64>);

impl Chance {
    /// Takes a number from outside that nobody can know.
    pub(super) fn seed(&mut self, seed: u64) {
        self.0 = Some(seed);
    }

    /// Draws a side; `None` as long as there is no seed.
    fn side(&mut self) -> Option<Side> {
        // SplitMix64 (Steele, Lea, Flood 2014): one addition, then mixing; every seed is a good one.
        let state = self.0.as_mut()?;
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        Some(if mixed & 1 == 0 { Side::Left } else { Side::Right })
    }
}

/// A challenge under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Challenge {
    side: Side,
    until: Monotonic,
    stage: Stage,
}

/// How far it has come. A photo of a turned head must neither pass nor fail by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The head is to be straight first.
    Straight,
    /// It is to be turned.
    Turn,
    /// It is to come back.
    Back,
}

/// How a challenge stands after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The person is still to do what they are asked.
    Waiting,
    /// The head was turned just now: from here on the face must come back and be recognised anew.
    Turned,
    /// It was turned before and is straight again.
    Back,
    /// Turned to the wrong side, or too late.
    Failed,
}

/// What a person is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// To look at the camera.
    LookStraight,
    /// To turn the head to a side.
    Turn(Side),
}

impl Challenge {
    /// Draws a side and sets the time. `None` without chance: a challenge that can be foreseen is none.
    pub(super) fn draw(
        policy: &LivenessPolicy,
        now: Monotonic,
        chance: &mut Chance,
    ) -> Option<Self> {
        let side = chance.side()?;
        Some(Self { side, until: now.plus(policy.challenge_within), stage: Stage::Straight })
    }

    /// What the person is asked to do now.
    pub(super) fn asks(&self) -> Ask {
        match self.stage {
            Stage::Straight | Stage::Back => Ask::LookStraight,
            Stage::Turn => Ask::Turn(self.side),
        }
    }

    /// Takes a frame's measurements, if the frame is one that counts. `turn` is how far the head is to be turned.
    pub(super) fn observe(
        &mut self,
        turn: f32,
        now: Monotonic,
        seen: Option<&Quality>,
    ) -> Progress {
        if now >= self.until {
            return Progress::Failed;
        }
        let Some(quality) = seen else { return Progress::Waiting };
        // Half of the turn is straight enough, so that the two are never one pose.
        let straight = quality.yaw.abs() <= turn / 2.0;
        let towards = match self.side {
            Side::Left => quality.yaw,
            Side::Right => -quality.yaw,
        };
        match self.stage {
            Stage::Straight if straight => {
                self.stage = Stage::Turn;
                Progress::Waiting
            }
            Stage::Turn if towards >= turn => {
                self.stage = Stage::Back;
                Progress::Turned
            }
            Stage::Turn if -towards >= turn => Progress::Failed,
            Stage::Back if straight => Progress::Back,
            Stage::Straight | Stage::Turn | Stage::Back => Progress::Waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use super::*;
    use crate::core::judgement::tests::face_of;

    fn seeded(seed: u64) -> Chance {
        let mut chance = Chance::default();
        chance.seed(seed);
        chance
    }

    fn drawn(side: Side) -> Challenge {
        let policy = LivenessPolicy::default();
        let mut chance = seeded(7);
        let all =
            (0..64).filter_map(|_| Challenge::draw(&policy, Monotonic::default(), &mut chance));
        all.into_iter().find(|challenge| challenge.side == side).unwrap()
    }

    fn look(challenge: &mut Challenge, yaw: f32, millis: u64) -> Progress {
        let quality = Quality { yaw, ..face_of("wang").quality };
        let now = Monotonic(Duration::from_millis(millis));
        challenge.observe(LivenessPolicy::default().turn, now, Some(&quality))
    }

    #[test]
    fn without_a_seed_there_is_no_challenge() {
        let policy = LivenessPolicy::default();
        let drawn = Challenge::draw(&policy, Monotonic::default(), &mut Chance::default());
        assert_eq!(drawn, None);
    }

    #[test]
    fn both_sides_are_drawn_about_equally_and_not_in_turn() {
        let mut chance = seeded(1);
        let sides: Vec<_> = (0..1000).map(|_| chance.side().unwrap()).collect();
        let left = sides.iter().filter(|side| **side == Side::Left).count();
        assert!((400..600).contains(&left), "{left}");
        let changes = sides.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((400..600).contains(&changes), "{changes}");
        assert_eq!(seeded(1).side(), Some(sides[0]), "the same seed draws the same");
    }

    #[test]
    fn straight_then_the_asked_side_then_back_is_what_is_wanted() {
        let mut challenge = drawn(Side::Left);
        assert_eq!(challenge.asks(), Ask::LookStraight);
        assert_eq!(look(&mut challenge, 0.1, 100), Progress::Waiting);
        assert_eq!(challenge.asks(), Ask::Turn(Side::Left));
        assert_eq!(look(&mut challenge, 0.34, 200), Progress::Waiting);
        assert_eq!(look(&mut challenge, 0.35, 300), Progress::Turned);
        assert_eq!(challenge.asks(), Ask::LookStraight);
        assert_eq!(look(&mut challenge, 0.2, 400), Progress::Waiting, "not back yet");
        assert_eq!(look(&mut challenge, 0.1, 500), Progress::Back);
    }

    #[test]
    fn who_stands_turned_from_the_start_has_to_look_straight_first() {
        for yaw in [0.5, -0.5] {
            let mut challenge = drawn(Side::Left);
            assert_eq!(
                look(&mut challenge, yaw, 100),
                Progress::Waiting,
                "neither passed nor failed"
            );
            assert_eq!(challenge.asks(), Ask::LookStraight);
            assert_eq!(
                look(&mut challenge, yaw, 8000),
                Progress::Failed,
                "a photo of a turned head"
            );
        }
    }

    /// Straight, then this.
    fn after_straight(side: Side, yaw: f32) -> Progress {
        let mut challenge = drawn(side);
        look(&mut challenge, 0.0, 100);
        look(&mut challenge, yaw, 200)
    }

    #[test]
    fn the_wrong_side_fails_at_once() {
        assert_eq!(after_straight(Side::Left, -0.35), Progress::Failed);
        assert_eq!(after_straight(Side::Right, 0.4), Progress::Failed);
        assert_eq!(after_straight(Side::Right, -0.4), Progress::Turned);
    }

    #[test]
    fn a_challenge_is_over_when_its_time_is() {
        let mut straight = drawn(Side::Left);
        look(&mut straight, 0.0, 100);
        assert_eq!(look(&mut straight, 0.5, 8000), Progress::Failed);
        let mut turned = drawn(Side::Left);
        look(&mut turned, 0.0, 100);
        assert_eq!(look(&mut turned, 0.5, 1000), Progress::Turned);
        assert_eq!(look(&mut turned, 0.0, 8000), Progress::Failed);
    }

    #[test]
    fn a_turn_that_is_no_number_is_neither_straight_nor_turned() {
        assert_eq!(after_straight(Side::Left, f32::NAN), Progress::Waiting);
        let mut challenge = drawn(Side::Left);
        look(&mut challenge, f32::NAN, 100);
        assert_eq!(challenge.asks(), Ask::LookStraight);
    }
}
