//! The decision over frames: one frame is never a verdict.
//!
//! A person is looked at from the first face until a verdict or until they leave. Enough frames in a row that
//! agree on one recipient accept; a window that ends without refuses, once. Frames too poor to judge neither
//! count nor break a row; a frame that speaks against does break it.

use std::collections::BTreeMap;

use super::event::Refusal;
use super::ids::RecipientId;
use super::judgement::judge;
use super::policy::FacePolicy;
use super::sighting::Sighting;
use super::time::Monotonic;

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
    },
}

#[derive(Debug, Clone, PartialEq)]
struct Look {
    since: Monotonic,
    last_seen: Monotonic,
    row: Option<(RecipientId, u32)>,
    against: BTreeMap<Refusal, u32>,
}

impl Recognition {
    /// Takes one frame's outcome.
    pub(super) fn observe(
        &mut self,
        policy: &FacePolicy,
        now: Monotonic,
        sighting: &Sighting,
    ) -> Verdict {
        let Some(frame) = judge(policy, sighting) else {
            return self.nobody(policy, now);
        };
        let mut look = match std::mem::take(&mut self.phase) {
            Phase::Looking(look) if now.since(look.last_seen) < policy.leave_after => look,
            Phase::Looking(_) | Phase::Nobody => Look::begin(now),
            Phase::Settled { since, last_seen } => {
                let left = now.since(last_seen) >= policy.leave_after;
                if !left && now.since(since) < policy.again_after {
                    self.phase = Phase::Settled { since, last_seen: now };
                    return Verdict::Undecided;
                }
                Look::begin(now)
            }
        };
        look.last_seen = now;
        look.count(frame);
        self.decide(policy, now, look)
    }

    fn decide(&mut self, policy: &FacePolicy, now: Monotonic, look: Look) -> Verdict {
        let verdict = match &look.row {
            Some((recipient, frames)) if *frames >= policy.votes => {
                Verdict::Accepted(recipient.clone())
            }
            Some(_) | None if now.since(look.since) >= policy.window => {
                Verdict::Refused(look.reason())
            }
            Some(_) | None => {
                self.phase = Phase::Looking(look);
                return Verdict::Undecided;
            }
        };
        self.phase = Phase::Settled { since: now, last_seen: now };
        verdict
    }

    /// An empty frame. Who leaves early after enough bad frames is refused all the same: an attack that
    /// is withdrawn quickly was still an attack.
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
            Phase::Looking(look) if look.frames_against() >= policy.votes => {
                Verdict::Refused(look.reason())
            }
            Phase::Looking(_) | Phase::Nobody | Phase::Settled { .. } => Verdict::Undecided,
        }
    }
}

impl Look {
    fn begin(now: Monotonic) -> Self {
        Self { since: now, last_seen: now, row: None, against: BTreeMap::new() }
    }

    fn count(&mut self, frame: Result<RecipientId, Refusal>) {
        match frame {
            Ok(recipient) => {
                let before = self.row.take().filter(|(who, _)| *who == recipient);
                let frames = before.map_or(0, |(_, frames)| frames);
                self.row = Some((recipient, frames.saturating_add(1)));
            }
            Err(Refusal::PoorQuality) => {
                *self.against.entry(Refusal::PoorQuality).or_default() += 1;
            }
            Err(reason) => {
                self.row = None;
                *self.against.entry(reason).or_default() += 1;
            }
        }
    }

    /// Frames that spoke against, leaving aside those too poor to judge.
    fn frames_against(&self) -> u32 {
        let telling = |(reason, frames): (&Refusal, &u32)| {
            (*reason != Refusal::PoorQuality).then_some(*frames)
        };
        self.against.iter().filter_map(telling).sum()
    }

    /// The most frequent reason; poor quality only when nothing else was seen.
    fn reason(&self) -> Refusal {
        let telling = self.against.iter().filter(|(reason, _)| **reason != Refusal::PoorQuality);
        telling
            .max_by_key(|(_, frames)| **frames)
            .map_or(Refusal::PoorQuality, |(reason, _)| *reason)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::judgement::tests::{face_of, one, recipient};
    use crate::core::sighting::FaceReading;

    /// Plays sightings 100 ms apart and gives the verdicts that were not "undecided".
    fn play(frames: &[Sighting]) -> Vec<Verdict> {
        let policy = FacePolicy::default();
        let mut recognition = Recognition::default();
        let mut verdicts = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            let now = Monotonic(Duration::from_millis(100 * i as u64));
            let verdict = recognition.observe(&policy, now, frame);
            if verdict != Verdict::Undecided {
                verdicts.push(verdict);
            }
        }
        verdicts
    }

    fn times(n: usize, face: &FaceReading) -> Vec<Sighting> {
        vec![one(face.clone()); n]
    }

    fn stranger() -> FaceReading {
        FaceReading { best: None, ..face_of("nobody") }
    }

    #[test]
    fn three_frames_that_agree_accept_once() {
        let wang = || Verdict::Accepted(recipient("wang"));
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
}
