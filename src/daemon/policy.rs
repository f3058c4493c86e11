//! The configuration's numbers as the core's policy.

use crate::config::Config;
use crate::core::policy::{
    DoorPolicy, FacePolicy, HallPolicy, LockPolicy, Policy, QualityGates,
};

/// Maps every setting; what the file does not know keeps the core's default.
pub(super) fn policy(config: &Config) -> Policy {
    let (cabinet, faces) = (&config.cabinet, &config.recognition);
    Policy {
        locks: LockPolicy {
            pulse: cabinet.pulse_width,
            attempts: cabinet.pulse_attempts,
            open_within: cabinet.open_within,
        },
        doors: DoorPolicy { ajar_after: cabinet.ajar_after },
        faces: FacePolicy {
            similarity: faces.threshold,
            margin: faces.margin,
            liveness: faces.liveness_threshold,
            votes: faces.votes,
            window: faces.look_window,
            leave_after: faces.leave_after,
            again_after: faces.again_after,
            gates: QualityGates {
                face_px: faces.gates.min_face_px,
                sharpness: faces.gates.min_sharpness,
                darkest: faces.gates.min_brightness,
                brightest: faces.gates.max_brightness,
                contrast: faces.gates.min_contrast,
                yaw: faces.gates.max_yaw,
                inside: faces.gates.min_inside,
            },
            failures: faces.max_failures,
            pause: faces.failure_pause,
        },
        hall: HallPolicy {
            remote_enrolment: config.policy.remote_enrolment,
            ..HallPolicy::default()
        },
    }
}
