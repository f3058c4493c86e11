//! One frame judged: every gate must pass, and a gate that could not run counts as failed.

use super::event::Refusal;
use super::ids::RecipientId;
use super::policy::{FacePolicy, LivenessMode};
use super::sighting::{FaceReading, Sighting};

/// A frame that speaks for somebody.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vote {
    /// For whom.
    pub(super) recipient: RecipientId,
    /// How living it looks; `None` where liveness is switched off.
    pub(super) liveness: Option<f32>,
}

/// Whom this frame speaks for at this least similarity, or why for nobody; `None` when nobody is there.
///
/// Comparisons are written so that a NaN fails the gate.
pub(super) fn judge(
    policy: &FacePolicy,
    similarity: f32,
    sighting: &Sighting,
) -> Option<Result<Vote, Refusal>> {
    let face = sighting.face.as_ref()?;
    if sighting.near_faces > 1 {
        return Some(Err(Refusal::SeveralFaces));
    }
    Some(judge_face(policy, similarity, face))
}

fn judge_face(policy: &FacePolicy, similarity: f32, face: &FaceReading) -> Result<Vote, Refusal> {
    if policy.gates.flaw(&face.quality).is_some() {
        return Err(Refusal::PoorQuality);
    }
    let liveness = living(policy, face)?;
    let best = face.best.as_ref().ok_or(Refusal::NotRecognised)?;
    let reached = best.similarity >= similarity;
    if !reached {
        return Err(Refusal::NotRecognised);
    }
    let vote = || Vote { recipient: best.recipient.clone(), liveness };
    match &face.second {
        Some(second) if second.recipient == best.recipient => Err(Refusal::Ambiguous),
        Some(second) if clear(best.similarity, second.similarity, policy.margin) => Ok(vote()),
        Some(_) => Err(Refusal::Ambiguous),
        None => Ok(vote()),
    }
}

/// The liveness score, if it reaches the floor; `None` if none is asked for.
fn living(policy: &FacePolicy, face: &FaceReading) -> Result<Option<f32>, Refusal> {
    match policy.liveness.mode {
        LivenessMode::Off => Ok(None),
        LivenessMode::Passive | LivenessMode::Active => match face.liveness {
            None => Err(Refusal::LivenessUnavailable),
            Some(score) if score.is_nan() => Err(Refusal::LivenessUnavailable),
            Some(score) if score < policy.liveness.floor => Err(Refusal::PresentationAttack),
            Some(score) => Ok(Some(score)),
        },
    }
}

fn clear(best: f32, second: f32, margin: f32) -> bool {
    best - second >= margin
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::core::policy::LivenessPolicy;
    use crate::core::sighting::{Candidate, FaceBox, Quality};

    pub(crate) fn recipient(name: &str) -> RecipientId {
        RecipientId::new(name).unwrap()
    }

    /// A face that passes every gate as this person.
    pub(crate) fn face_of(name: &str) -> FaceReading {
        FaceReading {
            place: FaceBox { x: 320.0, y: 240.0, width: 150.0, height: 200.0 },
            quality: Quality {
                face_px: 200.0,
                fills: 0.42,
                sharpness: 200.0,
                brightness: 120.0,
                contrast: 50.0,
                yaw: 0.0,
                pitch: 0.0,
                inside: 1.0,
            },
            liveness: Some(0.9),
            resemblance: Some(0.8),
            change: Some(2.0),
            best: Some(Candidate { recipient: recipient(name), similarity: 0.7 }),
            second: None,
        }
    }

    pub(crate) fn one(face: FaceReading) -> Sighting {
        Sighting { near_faces: 1, face: Some(face) }
    }

    fn judged(policy: &FacePolicy, face: FaceReading) -> Result<RecipientId, Refusal> {
        judge(policy, policy.similarity, &one(face)).unwrap().map(|vote| vote.recipient)
    }

    fn verdict(change: impl FnOnce(&mut FaceReading)) -> Result<RecipientId, Refusal> {
        let mut face = face_of("wang");
        change(&mut face);
        judged(&FacePolicy::default(), face)
    }

    #[test]
    fn each_gate_alone_denies() {
        use Refusal::*;
        let second = |s| Some(Candidate { recipient: recipient("li"), similarity: s });
        let table: Vec<(Result<RecipientId, Refusal>, Refusal)> = vec![
            (verdict(|f| f.quality.face_px = 40.0), PoorQuality),
            (verdict(|f| f.quality.sharpness = 1.0), PoorQuality),
            (verdict(|f| f.quality.brightness = 5.0), PoorQuality),
            (verdict(|f| f.quality.brightness = 250.0), PoorQuality),
            (verdict(|f| f.quality.contrast = 1.0), PoorQuality),
            (verdict(|f| f.quality.yaw = -0.9), PoorQuality),
            (verdict(|f| f.quality.pitch = -0.9), PoorQuality),
            (verdict(|f| f.quality.fills = 0.9), PoorQuality),
            (verdict(|f| f.quality.inside = 0.5), PoorQuality),
            (verdict(|f| f.liveness = None), LivenessUnavailable),
            (verdict(|f| f.liveness = Some(0.39)), PresentationAttack),
            (verdict(|f| f.best = None), NotRecognised),
            (verdict(|f| f.best.as_mut().unwrap().similarity = 0.45), NotRecognised),
            (verdict(|f| f.second = second(0.66)), Ambiguous),
        ];
        for (got, want) in table {
            assert_eq!(got, Err(want));
        }
        assert_eq!(verdict(|_| ()), Ok(recipient("wang")));
        assert_eq!(verdict(|f| f.second = second(0.6)), Ok(recipient("wang")));
    }

    #[test]
    fn a_number_that_is_none_opens_nothing() {
        let unjudged = verdict(|f| f.liveness = Some(f32::NAN));
        assert_eq!(unjudged, Err(Refusal::LivenessUnavailable), "no number is no attack");
        assert!(verdict(|f| f.best.as_mut().unwrap().similarity = f32::NAN).is_err());
        assert!(verdict(|f| f.quality.sharpness = f32::NAN).is_err());
        assert!(verdict(|f| f.quality.yaw = f32::NAN).is_err());
        assert!(verdict(|f| f.quality.pitch = f32::NAN).is_err());
        assert!(verdict(|f| f.quality.fills = f32::NAN).is_err());
        assert!(
            verdict(
                |f| f.second = Some(Candidate { recipient: recipient("li"), similarity: f32::NAN })
            )
            .is_err()
        );
    }

    #[test]
    fn two_people_at_the_door_are_asked_to_come_singly() {
        let sighting = Sighting { near_faces: 2, face: Some(face_of("wang")) };
        let judged = judge(&FacePolicy::default(), 0.46, &sighting);
        assert_eq!(judged, Some(Err(Refusal::SeveralFaces)));
    }

    #[test]
    fn a_higher_similarity_may_be_asked_for() {
        let judged =
            |similarity| judge(&FacePolicy::default(), similarity, &one(face_of("wang"))).unwrap();
        assert!(judged(0.7).is_ok());
        assert_eq!(judged(0.71), Err(Refusal::NotRecognised));
        assert_eq!(judged(f32::NAN), Err(Refusal::NotRecognised));
    }

    #[test]
    fn liveness_that_is_switched_off_is_not_asked_for_and_any_other_mode_asks() {
        let photo = FaceReading { liveness: None, ..face_of("wang") };
        let policy = |mode| {
            let liveness = LivenessPolicy { mode, ..LivenessPolicy::default() };
            FacePolicy { liveness, ..FacePolicy::default() }
        };
        assert_eq!(judged(&policy(LivenessMode::Off), photo.clone()), Ok(recipient("wang")));
        for mode in [LivenessMode::Passive, LivenessMode::Active] {
            let judged = judged(&policy(mode), photo.clone());
            assert_eq!(judged, Err(Refusal::LivenessUnavailable));
        }
    }
}
