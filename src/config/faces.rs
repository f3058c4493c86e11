//! The section about when a face counts as recognised, and when it is no longer tried. Defaults are the core's.

use std::time::Duration;

use super::reader::{Section, in_millis};
use super::recognition::CameraSource;
use crate::core::calibration::{Calibration, RatePoint};
use crate::core::policy::{
    AttentionPolicy, FacePolicy, Factors, LivenessMode, LivenessPolicy, QualityGates,
};

/// Reads when a face counts as recognised, and how often one is looked for.
pub(super) fn read_recognition(
    section: &mut Section<'_, '_>,
    camera: Option<&CameraSource>,
) -> (FacePolicy, AttentionPolicy) {
    let faces = read_faces(section, camera);
    let idle = section.number("idle_fps", 1.0..=30.0, 4.0);
    let attention = AttentionPolicy {
        idle_interval: Duration::from_secs_f32(1.0 / idle),
        near_px: faces.gates.face_px / 2.0,
        ..AttentionPolicy::default()
    };
    if attention.idle_interval >= faces.leave_after {
        section.refuse(
            "leave_after_ms",
            "is no longer than a look takes at idle_fps: everybody would count as somebody new at each look; make it \
             longer, or look more often",
        );
    }
    (faces, attention)
}

fn read_faces(section: &mut Section<'_, '_>, camera: Option<&CameraSource>) -> FacePolicy {
    let usual = FacePolicy::default();
    let factors = section.choice("factors", &FACTORS).unwrap_or(usual.factors);
    FacePolicy {
        embedder: None,
        factors,
        similarity: section.number("threshold", 0.2..=0.95, usual.similarity),
        false_accepts: section.number("false_accepts", 1e-6..=1e-4, usual.false_accepts),
        calibration: read_calibration(section),
        margin: section.number("margin", 0.0..=0.5, usual.margin),
        liveness: read_liveness(section, camera),
        same_face: section.number("same_face", 0.2..=0.95, usual.same_face),
        votes: section.count("votes", 1..=20, usual.votes),
        window: section.millis("window_ms", 500..=15_000, in_millis(usual.window)),
        leave_after: section.millis("leave_after_ms", 500..=15_000, in_millis(usual.leave_after)),
        again_after: section.millis("again_after_ms", 1000..=60_000, in_millis(usual.again_after)),
        gates: read_gates(section),
        failures: section.count("max_failures", 1..=10, usual.failures),
        pause: section.seconds("pause_s", 30..=3600, usual.pause.as_secs()),
        claim_for: section.seconds("claim_for_s", 10..=600, usual.claim_for.as_secs()),
    }
}

const FACTORS: [(&str, Factors); 3] =
    [("face", Factors::Face), ("face+code", Factors::FaceAndCode), ("code", Factors::Code)];

/// The site's own calibration; empty where it has none, and the models' counts.
fn read_calibration(section: &mut Section<'_, '_>) -> Calibration {
    let points = section.each("calibration", |point| {
        // A value that is not given is refused with the point's number.
        let rate = point.number("rate", 0.0..=1.0, 0.0);
        Some(RatePoint { rate, similarity: point.number("similarity", 0.1..=1.0, 0.1) })
    });
    if points.is_empty() {
        return Calibration::default();
    }
    Calibration::new(points).unwrap_or_else(|fault| {
        section.refuse("calibration", &fault.to_string());
        Calibration::default()
    })
}

fn read_liveness(section: &mut Section<'_, '_>, camera: Option<&CameraSource>) -> LivenessPolicy {
    let usual = LivenessPolicy::default();
    let modes = [
        ("passive", LivenessMode::Passive),
        ("active", LivenessMode::Active),
        ("off", LivenessMode::Off),
    ];
    let mode = section.choice("liveness", &modes).unwrap_or(usual.mode);
    if mode == LivenessMode::Off && camera.is_some_and(CameraSource::sees_people) {
        section.refuse(
            "liveness",
            "would open doors to any photo of the right face: it is only for the cameras \"sim\" and \"replay\"; \
             write \"passive\" or \"active\"",
        );
    }
    let policy = LivenessPolicy {
        mode,
        mean: section.number("liveness_threshold", 0.3..=1.0, usual.mean),
        floor: section.number("liveness_floor", 0.0..=1.0, usual.floor),
        least_change: section.number("least_change", 0.0..=10.0, usual.least_change),
        turn: section.number("turn", 0.1..=0.5, usual.turn),
        challenge_within: section.millis(
            "challenge_ms",
            3000..=30_000,
            in_millis(usual.challenge_within),
        ),
    };
    if policy.floor > policy.mean {
        section.refuse("liveness_floor", "is above liveness_threshold, the mean: lower it");
    }
    policy
}

fn read_gates(section: &mut Section<'_, '_>) -> QualityGates {
    let usual = QualityGates::default();
    let gates = QualityGates {
        face_px: section.number("min_face_px", 20.0..=1000.0, usual.face_px),
        fills: section.number("max_face_part", 0.2..=1.0, usual.fills),
        sharpness: section.number("min_sharpness", 0.0..=10_000.0, usual.sharpness),
        darkest: section.number("min_brightness", 0.0..=255.0, usual.darkest),
        brightest: section.number("max_brightness", 0.0..=255.0, usual.brightest),
        contrast: section.number("min_contrast", 0.0..=127.0, usual.contrast),
        yaw: section.number("max_yaw", 0.05..=1.0, usual.yaw),
        pitch: section.number("max_pitch", 0.05..=1.0, usual.pitch),
        inside: section.number("min_inside", 0.5..=1.0, usual.inside),
    };
    if gates.darkest >= gates.brightest {
        section.refuse(
            "min_brightness",
            "is not below max_brightness, so that no picture would do: lower it",
        );
    }
    gates
}
