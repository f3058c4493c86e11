//! How soon to look again: seldom while nobody is there, at once while somebody is, for a while.
//!
//! Looking costs power and warms the board, day and night, for a handful of people an hour.

use std::time::Duration;

use super::policy::AttentionPolicy;
use super::sighting::Sighting;
use super::time::Monotonic;

/// Remembers whether somebody is near.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attention {
    near: Option<Near>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Near {
    since: Monotonic,
    last: Monotonic,
}

impl Attention {
    /// Takes what a look showed, and says how long the next one may wait.
    pub fn after_look(
        &mut self,
        policy: &AttentionPolicy,
        now: Monotonic,
        sighting: &Sighting,
    ) -> Duration {
        let still = self.near.filter(|near| now.since(near.last) < policy.linger);
        self.near = if is_near(policy, sighting) {
            Some(Near { since: still.map_or(now, |near| near.since), last: now })
        } else {
            still
        };
        match self.near {
            Some(near) if now.since(near.since) < policy.keen_for => Duration::ZERO,
            Some(_) | None => policy.idle_interval,
        }
    }
}

/// Whether a face is large enough to belong to somebody who comes to the door.
fn is_near(policy: &AttentionPolicy, sighting: &Sighting) -> bool {
    sighting.face.as_ref().is_some_and(|face| face.quality.face_px >= policy.near_px)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::judgement::tests::{face_of, one};

    const AT_ONCE: Duration = Duration::ZERO;

    fn policy() -> AttentionPolicy {
        AttentionPolicy::default()
    }

    fn face(height: f32) -> Sighting {
        let mut face = face_of("wang");
        face.quality.face_px = height;
        one(face)
    }

    /// The pauses after looks a quarter of a second apart.
    fn pauses(looks: &[Sighting]) -> Vec<Duration> {
        let mut attention = Attention::default();
        let at = |look: usize| Monotonic(Duration::from_millis(250 * look as u64));
        let looks = looks.iter().enumerate();
        looks.map(|(look, seen)| attention.after_look(&policy(), at(look), seen)).collect()
    }

    #[test]
    fn an_empty_hall_is_looked_at_four_times_a_second() {
        assert_eq!(pauses(&vec![Sighting::default(); 3]), [Duration::from_millis(250); 3]);
    }

    #[test]
    fn somebody_near_is_looked_at_without_a_pause() {
        assert_eq!(pauses(&[face(120.0), face(120.0)]), [AT_ONCE; 2]);
    }

    #[test]
    fn who_looks_away_is_waited_for_a_while() {
        let mut looks = vec![Sighting::default(); 10];
        looks[0] = face(120.0);
        let keen = pauses(&looks).iter().filter(|pause| **pause == AT_ONCE).count();
        assert_eq!(keen, 8, "two seconds, the look itself included");
    }

    #[test]
    fn who_stays_is_looked_at_seldom_until_somebody_comes_anew() {
        let stays = vec![face(120.0); 60];
        let gone = vec![Sighting::default(); 9];
        let pauses = pauses(&[stays, gone, vec![face(120.0)]].concat());
        let keen = pauses.iter().take(60).filter(|pause| **pause == AT_ONCE).count();
        assert_eq!(keen, 40, "ten seconds");
        assert_eq!(pauses[59], policy().idle_interval);
        assert_eq!(pauses[69], AT_ONCE);
    }

    #[test]
    fn somebody_far_away_is_no_reason_to_hurry_and_neither_is_a_face_of_no_size() {
        assert_eq!(pauses(&[face(39.0)]), [policy().idle_interval]);
        assert_eq!(pauses(&[face(f32::NAN)]), [policy().idle_interval]);
        assert_eq!(pauses(&[face(40.0)]), [AT_ONCE]);
    }
}
