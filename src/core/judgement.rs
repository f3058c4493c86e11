//! One frame judged: every gate must pass, and a gate that could not run counts as failed.

use super::event::Refusal;
use super::ids::RecipientId;
use super::policy::{FacePolicy, QualityGates};
use super::sighting::{FaceReading, Quality, Sighting};

/// Whom this frame speaks for, or why for nobody; `None` when nobody is there.
///
/// Comparisons are written so that a NaN fails the gate.
pub(super) fn judge(
    policy: &FacePolicy,
    sighting: &Sighting,
) -> Option<Result<RecipientId, Refusal>> {
    let face = sighting.face.as_ref()?;
    if sighting.near_faces > 1 {
        return Some(Err(Refusal::SeveralFaces));
    }
    Some(judge_face(policy, face))
}

fn judge_face(policy: &FacePolicy, face: &FaceReading) -> Result<RecipientId, Refusal> {
    if !good_enough(&policy.gates, &face.quality) {
        return Err(Refusal::PoorQuality);
    }
    let liveness = face.liveness.ok_or(Refusal::LivenessUnavailable)?;
    if liveness.is_nan() || liveness < policy.liveness {
        return Err(Refusal::PresentationAttack);
    }
    let best = face.best.as_ref().ok_or(Refusal::NotRecognised)?;
    if best.similarity.is_nan() || best.similarity < policy.similarity {
        return Err(Refusal::NotRecognised);
    }
    match &face.second {
        Some(second) if second.recipient == best.recipient => Err(Refusal::Ambiguous),
        Some(second) if clear(best.similarity, second.similarity, policy.margin) => {
            Ok(best.recipient.clone())
        }
        Some(_) => Err(Refusal::Ambiguous),
        None => Ok(best.recipient.clone()),
    }
}

fn clear(best: f32, second: f32, margin: f32) -> bool {
    best - second >= margin
}

fn good_enough(gates: &QualityGates, quality: &Quality) -> bool {
    quality.face_px >= gates.face_px
        && quality.sharpness >= gates.sharpness
        && (gates.darkest..=gates.brightest).contains(&quality.brightness)
        && quality.contrast >= gates.contrast
        && quality.yaw.abs() <= gates.yaw
        && quality.inside >= gates.inside
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::core::sighting::Candidate;

    pub(crate) fn recipient(name: &str) -> RecipientId {
        RecipientId::new(name).unwrap()
    }

    /// A face that passes every gate as this person.
    pub(crate) fn face_of(name: &str) -> FaceReading {
        FaceReading {
            quality: Quality {
                face_px: 200.0,
                sharpness: 200.0,
                brightness: 120.0,
                contrast: 50.0,
                yaw: 0.0,
                inside: 1.0,
            },
            liveness: Some(0.9),
            best: Some(Candidate { recipient: recipient(name), similarity: 0.7 }),
            second: None,
        }
    }

    pub(crate) fn one(face: FaceReading) -> Sighting {
        Sighting { near_faces: 1, face: Some(face) }
    }

    fn verdict(change: impl FnOnce(&mut FaceReading)) -> Result<RecipientId, Refusal> {
        let mut face = face_of("wang");
        change(&mut face);
        judge(&FacePolicy::default(), &one(face)).unwrap()
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
            (verdict(|f| f.quality.inside = 0.5), PoorQuality),
            (verdict(|f| f.liveness = None), LivenessUnavailable),
            (verdict(|f| f.liveness = Some(0.4)), PresentationAttack),
            (verdict(|f| f.best = None), NotRecognised),
            (verdict(|f| f.best.as_mut().unwrap().similarity = 0.44), NotRecognised),
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
        assert!(verdict(|f| f.liveness = Some(f32::NAN)).is_err());
        assert!(verdict(|f| f.best.as_mut().unwrap().similarity = f32::NAN).is_err());
        assert!(verdict(|f| f.quality.sharpness = f32::NAN).is_err());
        assert!(verdict(|f| f.quality.yaw = f32::NAN).is_err());
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
        assert_eq!(judge(&FacePolicy::default(), &sighting), Some(Err(Refusal::SeveralFaces)));
    }
}
