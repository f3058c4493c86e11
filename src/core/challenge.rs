//! Active liveness: turn the head to a side that nobody could know before, and back.
//!
//! It stops stills, however good. It does not stop a mask, a live deepfake, or somebody who holds the right one of two
//! videos: with two sides a guess is right every second time.

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
    turned: bool,
}

/// How a challenge stands after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The head is still to be turned to this side.
    Turn(Side),
    /// The head was turned just now: from here on the face must come back and be recognised anew.
    Turned,
    /// It was turned before and is coming back.
    ComingBack,
    /// Turned to the wrong side, or too late.
    Failed,
}

impl Challenge {
    /// Draws a side and sets the time. `None` without chance: a challenge that can be foreseen is none.
    pub(super) fn draw(
        policy: &LivenessPolicy,
        now: Monotonic,
        chance: &mut Chance,
    ) -> Option<Self> {
        let side = chance.side()?;
        Some(Self { side, until: now.plus(policy.challenge_within), turned: false })
    }

    /// What the person is asked to do now: a side to turn to, or `None` to come back.
    pub(super) fn asks(&self) -> Option<Side> {
        (!self.turned).then_some(self.side)
    }

    /// Takes a frame's measurements.
    pub(super) fn observe(
        &mut self,
        policy: &LivenessPolicy,
        now: Monotonic,
        quality: &Quality,
    ) -> Progress {
        if now >= self.until {
            return Progress::Failed;
        }
        if self.turned {
            return Progress::ComingBack;
        }
        let towards = match self.side {
            Side::Left => quality.yaw,
            Side::Right => -quality.yaw,
        };
        if towards >= policy.turn {
            self.turned = true;
            Progress::Turned
        } else if -towards >= policy.turn {
            Progress::Failed
        } else {
            Progress::Turn(self.side)
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
        challenge.observe(&LivenessPolicy::default(), now, &quality)
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
    fn the_asked_side_then_back_is_what_is_wanted() {
        let mut challenge = drawn(Side::Left);
        assert_eq!(look(&mut challenge, 0.1, 100), Progress::Turn(Side::Left));
        assert_eq!(look(&mut challenge, 0.34, 200), Progress::Turn(Side::Left));
        assert_eq!(look(&mut challenge, 0.35, 300), Progress::Turned);
        assert_eq!(challenge.asks(), None);
        assert_eq!(look(&mut challenge, 0.0, 400), Progress::ComingBack);
    }

    #[test]
    fn the_wrong_side_fails_at_once() {
        assert_eq!(look(&mut drawn(Side::Left), -0.35, 100), Progress::Failed);
        assert_eq!(look(&mut drawn(Side::Right), 0.4, 100), Progress::Failed);
        assert_eq!(look(&mut drawn(Side::Right), -0.4, 100), Progress::Turned);
    }

    #[test]
    fn a_challenge_is_over_when_its_time_is() {
        assert_eq!(look(&mut drawn(Side::Left), 0.5, 8000), Progress::Failed);
        let mut turned = drawn(Side::Left);
        assert_eq!(look(&mut turned, 0.5, 1000), Progress::Turned);
        assert_eq!(look(&mut turned, 0.0, 8000), Progress::Failed);
    }

    #[test]
    fn a_turn_that_is_no_number_is_no_turn() {
        assert_eq!(look(&mut drawn(Side::Left), f32::NAN, 100), Progress::Turn(Side::Left));
    }
}
