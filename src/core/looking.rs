//! One person at the camera, looked at until there is a verdict: the row of frames that agree, and what spoke against.

use std::collections::{BTreeMap, VecDeque};

use super::challenge::{Ask, Challenge, Chance, Progress};
use super::event::Refusal;
use super::ids::RecipientId;
use super::judgement::Vote;
use super::policy::{FacePolicy, LivenessMode};
use super::recognition::Verdict;
use super::sighting::FaceReading;
use super::time::Monotonic;
use super::tracking::{Continuity, Track};

/// One person, one face, from the first frame on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    since: Monotonic,
    pub(super) last_seen: Monotonic,
    track: Track,
    row: Option<Row>,
    challenge: Option<Challenged>,
    against: BTreeMap<Refusal, u32>,
}

/// Frames in a row that speak for the same person.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    recipient: RecipientId,
    frames: u32,
    /// The liveness scores of the last of them, as many as have to agree.
    scores: VecDeque<f32>,
    /// Whether the face was seen to change at all.
    moved: bool,
}

/// A challenge, and who would be let in after it.
#[derive(Debug, Clone, PartialEq)]
struct Challenged {
    challenge: Challenge,
    recipient: RecipientId,
}

impl Look {
    pub(super) fn begin(now: Monotonic, face: &FaceReading) -> Self {
        Self {
            since: now,
            last_seen: now,
            track: Track::begin(face),
            row: None,
            challenge: None,
            against: BTreeMap::new(),
        }
    }

    pub(super) fn track(&self) -> &Track {
        &self.track
    }

    /// Takes a frame of this person.
    pub(super) fn observe(
        &mut self,
        policy: &FacePolicy,
        now: Monotonic,
        chance: &mut Chance,
        face: &FaceReading,
        frame: Result<Vote, Refusal>,
    ) -> Verdict {
        self.last_seen = now;
        let continuity = self.track.compare(policy, face);
        if frame.is_ok() && continuity != Continuity::Same {
            self.row = None;
        }
        self.track.follow(face);
        if matches!(frame, Err(Refusal::SeveralFaces)) {
            self.challenge = None;
        }
        if let Some(challenged) = &mut self.challenge {
            let seen = shows_a_turn(policy, face, continuity, &frame).then_some(&face.quality);
            match challenged.challenge.observe(policy.turn(), now, seen) {
                Progress::Failed => return Verdict::Refused(Refusal::ChallengeFailed),
                Progress::Waiting => return Verdict::Undecided,
                Progress::Turned => {
                    self.row = None;
                    return Verdict::Undecided;
                }
                Progress::Back => {}
            }
        }
        self.count(policy, face, frame);
        self.decide(policy, now, chance)
    }

    fn count(&mut self, policy: &FacePolicy, face: &FaceReading, frame: Result<Vote, Refusal>) {
        let reason = match frame {
            Ok(_) if is_still(policy, face) => Refusal::StillPicture,
            Ok(vote) => return self.add(policy, face, vote),
            Err(reason) => reason,
        };
        if !matches!(reason, Refusal::PoorQuality | Refusal::StillPicture) {
            self.row = None;
        }
        self.speaks_against(reason);
    }

    fn add(&mut self, policy: &FacePolicy, face: &FaceReading, vote: Vote) {
        let before = self.row.take().filter(|row| row.recipient == vote.recipient);
        let mut row = before.unwrap_or_else(|| Row {
            recipient: vote.recipient,
            frames: 0,
            scores: VecDeque::new(),
            moved: false,
        });
        row.frames = row.frames.saturating_add(1);
        row.moved |= face.change.is_some() || policy.liveness.least_change <= 0.0;
        row.scores.extend(vote.liveness);
        while row.scores.len() > policy.votes as usize {
            row.scores.pop_front();
        }
        let doubtful = row.frames >= policy.votes && !row.is_living(policy);
        self.row = Some(row);
        if doubtful {
            self.speaks_against(Refusal::PresentationAttack);
        }
    }

    fn speaks_against(&mut self, reason: Refusal) {
        *self.against.entry(reason).or_default() += 1;
    }

    fn decide(&mut self, policy: &FacePolicy, now: Monotonic, chance: &mut Chance) -> Verdict {
        let agreed = self.row.as_ref().filter(|row| row.is_complete(policy));
        let Some(recipient) = agreed.map(|row| row.recipient.clone()) else {
            let over = self.challenge.is_none() && now.since(self.since) >= policy.window;
            return if over { Verdict::Refused(self.reason()) } else { Verdict::Undecided };
        };
        match (policy.liveness.mode, &self.challenge) {
            (LivenessMode::Passive | LivenessMode::Off, _) => Verdict::Accepted(recipient),
            (LivenessMode::Active, Some(passed)) if passed.recipient == recipient => {
                Verdict::Accepted(recipient)
            }
            (LivenessMode::Active, Some(_)) => Verdict::Refused(Refusal::ChallengeFailed),
            (LivenessMode::Active, None) => {
                let Some(challenge) = Challenge::draw(&policy.liveness, now, chance) else {
                    return Verdict::Refused(Refusal::LivenessUnavailable);
                };
                self.row = None;
                self.challenge = Some(Challenged { challenge, recipient });
                Verdict::Undecided
            }
        }
    }

    /// The verdict on somebody who leaves, or makes room for somebody else, before there was one. Enough bad frames
    /// are refused all the same: an attack that is withdrawn quickly was still an attack.
    pub(super) fn on_leaving(&self, policy: &FacePolicy) -> Verdict {
        if self.frames_against() >= policy.votes {
            Verdict::Refused(self.reason())
        } else {
            Verdict::Undecided
        }
    }

    /// What the person is asked to do, if there is a challenge.
    pub(super) fn asks(&self) -> Option<Ask> {
        self.challenge.as_ref().map(|challenged| challenged.challenge.asks())
    }

    /// Whether half of the time has passed.
    pub(super) fn drags_on(&self, policy: &FacePolicy, now: Monotonic) -> bool {
        now.since(self.since) >= policy.window / 2
    }

    /// Frames that spoke against, leaving aside those too poor to judge.
    fn frames_against(&self) -> u32 {
        let telling = |(reason, frames): (&Refusal, &u32)| {
            (*reason != Refusal::PoorQuality).then_some(*frames)
        };
        self.against.iter().filter_map(telling).sum()
    }

    /// The most frequent reason among those that count as a failure, if there is one: who holds a second face beside an
    /// attack now and then does not get another try for it. Poor quality only when nothing else was seen.
    fn reason(&self) -> Refusal {
        let most_frequent = |wanted: fn(Refusal) -> bool| {
            let among = self.against.iter().filter(|(reason, _)| wanted(**reason));
            among.max_by_key(|(_, frames)| **frames).map(|(reason, _)| *reason)
        };
        let telling = |reason| reason != Refusal::PoorQuality;
        most_frequent(Refusal::is_failure)
            .or_else(|| most_frequent(telling))
            .unwrap_or(Refusal::PoorQuality)
    }
}

impl Row {
    fn is_complete(&self, policy: &FacePolicy) -> bool {
        self.frames >= policy.votes && self.moved && self.is_living(policy)
    }

    /// Whether the mean score is high enough. No score at all is enough only where none is asked for.
    fn is_living(&self, policy: &FacePolicy) -> bool {
        match policy.liveness.mode {
            LivenessMode::Off => true,
            LivenessMode::Passive | LivenessMode::Active => {
                let mean = self.scores.iter().sum::<f32>() / self.scores.len() as f32;
                mean >= policy.liveness.mean
            }
        }
    }
}

/// Whether a frame counts for a challenge: the same face as before, good enough, living, and not the same picture.
/// Turned heads resemble their owner less, so whom it speaks for is asked again only after the turn.
fn shows_a_turn(
    policy: &FacePolicy,
    face: &FaceReading,
    continuity: Continuity,
    frame: &Result<Vote, Refusal>,
) -> bool {
    let judged = match frame {
        Ok(_) | Err(Refusal::NotRecognised | Refusal::Ambiguous) => true,
        Err(
            Refusal::PoorQuality
            | Refusal::SeveralFaces
            | Refusal::LivenessUnavailable
            | Refusal::PresentationAttack
            | Refusal::StillPicture
            | Refusal::ChallengeFailed,
        ) => false,
    };
    judged && continuity == Continuity::Same && !is_still(policy, face)
}

/// Whether the face changed less than anything that a sensor sees; a number that is none counts as such.
fn is_still(policy: &FacePolicy, face: &FaceReading) -> bool {
    let least = policy.liveness.least_change;
    let changed = face.change.is_none_or(|change| change >= least);
    least > 0.0 && !changed
}
