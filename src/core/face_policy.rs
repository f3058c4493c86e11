//! When a face opens a door: the rules a site may set, with their defaults. Bounds are checked in `config`.

use std::time::Duration;

use super::calibration::Calibration;
use super::ids::ModelId;
use super::sighting::Quality;

/// When a face opens a door.
#[derive(Debug, Clone, PartialEq)]
pub struct FacePolicy {
    /// What a pickup takes.
    pub factors: Factors,
    /// The model that makes templates now. Who is enrolled by another one cannot be recognised and has to be enrolled
    /// anew. `None` where it is not known: then nobody is told.
    pub embedder: Option<ModelId>,
    /// Least cosine similarity, however few people may match. With the default models one impostor pair of the ORL
    /// faces (78,000) in 10,000 passes at 0.451, and at 0.46 at least 0.993 of 1,800 genuine pairs still do;
    /// calibrate on site.
    pub similarity: f32,
    /// How often at most somebody whom nothing waits for may be taken for one of all the people who may match now
    /// (the FPIR of one comparison with all of them). The more people, the higher the similarity that is asked for.
    pub false_accepts: f32,
    /// What similarity keeps to which rate, as measured for the embedder. Empty: only `similarity` counts.
    pub calibration: Calibration,
    /// How far the best must lie above the second-best person.
    pub margin: f32,
    /// Whether it is a living face.
    pub liveness: LivenessPolicy,
    /// From which similarity on the faces of two frames are the same one; below it somebody else has stepped in.
    /// (One impostor pair of the ORL faces in 1,000 lies above 0.398.)
    pub same_face: f32,
    /// How many judged frames in a row must agree on the same person.
    pub votes: u32,
    /// How long one person is looked at before being refused.
    pub window: Duration,
    /// How long no face must be seen before the next one counts as another person.
    pub leave_after: Duration,
    /// How long after a verdict the same person may try again without leaving.
    pub again_after: Duration,
    /// The quality gates.
    pub gates: QualityGates,
    /// Failures in a row before faces pause (NIST SP 800-63B allows 5, or 10 with liveness).
    pub failures: u32,
    /// How long they pause.
    pub pause: Duration,
    /// How long a claim holds.
    pub claim_for: Duration,
}

impl Default for FacePolicy {
    fn default() -> Self {
        Self {
            factors: Factors::Face,
            embedder: None,
            similarity: 0.46,
            false_accepts: 1e-4,
            calibration: Calibration::default(),
            margin: 0.05,
            liveness: LivenessPolicy::default(),
            same_face: 0.4,
            votes: 3,
            window: Duration::from_secs(4),
            leave_after: Duration::from_secs(1),
            again_after: Duration::from_secs(5),
            gates: QualityGates::default(),
            failures: 5,
            pause: Duration::from_secs(30),
            claim_for: Duration::from_secs(60),
        }
    }
}

impl FacePolicy {
    /// How far a head is to be turned for a challenge: never so far that the frame would be too poor to be judged.
    pub(super) fn turn(&self) -> f32 {
        self.liveness.turn.min(self.gates.yaw * 0.9)
    }

    /// The similarity that is asked for while so many people may match: never below the floor.
    pub fn similarity_among(&self, people: usize) -> f32 {
        let wanted = self.calibration.similarity_among(people, self.false_accepts);
        wanted.map_or(self.similarity, |wanted| wanted.max(self.similarity))
    }
}

/// What a pickup takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Factors {
    /// The face alone.
    #[default]
    Face,
    /// The face of somebody whose code was right.
    FaceAndCode,
    /// The code alone: nobody is filmed.
    Code,
}

/// How it is told that a face is a living one.
#[derive(Debug, Clone, PartialEq)]
pub struct LivenessPolicy {
    /// What a living person has to show.
    pub mode: LivenessMode,
    /// Least mean score of the frames that agree.
    pub mean: f32,
    /// Least score of each of them: one doubtful frame among sure ones passes, a bad one does not.
    pub floor: f32,
    /// Least mean change of the aligned face from frame to frame, in grey levels of 255. The very same picture again
    /// changes by nothing, what a sensor sees never does. 0 switches the test off.
    pub least_change: f32,
    /// With a challenge: how far the head is to be turned, as [`Quality::yaw`].
    pub turn: f32,
    /// With a challenge: how long it may take, there and back.
    pub challenge_within: Duration,
}

impl Default for LivenessPolicy {
    fn default() -> Self {
        Self {
            mode: LivenessMode::Passive,
            mean: 0.6,
            floor: 0.4,
            least_change: 0.1,
            turn: 0.35,
            challenge_within: Duration::from_secs(8),
        }
    }
}

/// What a living person has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LivenessMode {
    /// Nothing: models judge the pictures.
    Passive,
    /// Besides, the head is turned to a side that is drawn, and back.
    Active,
    /// Liveness is not judged: any photo of the right face opens the door. For test rigs.
    Off,
}

/// Outside these a face is not judged at all; units as in [`Quality`].
#[derive(Debug, Clone, PartialEq)]
pub struct QualityGates {
    /// Least height of the face in pixels.
    pub face_px: f32,
    /// Greatest part of the frame that the face takes up.
    pub fills: f32,
    /// Least sharpness.
    pub sharpness: f32,
    /// Least mean grey level.
    pub darkest: f32,
    /// Greatest mean grey level.
    pub brightest: f32,
    /// Least contrast.
    pub contrast: f32,
    /// Greatest turn of the head to either side.
    pub yaw: f32,
    /// Greatest tilt of the head up or down.
    pub pitch: f32,
    /// Least part of the face inside the frame.
    pub inside: f32,
}

impl Default for QualityGates {
    fn default() -> Self {
        Self {
            face_px: 80.0,
            fills: 0.8,
            sharpness: 20.0,
            darkest: 40.0,
            brightest: 220.0,
            contrast: 15.0,
            yaw: 0.6,
            pitch: 0.6,
            inside: 0.9,
        }
    }
}

/// What is wrong with a face's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The face is too small: too far away.
    TooFar,
    /// The face is too large: too close.
    TooClose,
    /// Part of it lies outside the picture.
    CutOff,
    /// Too little light on it.
    TooDark,
    /// Too much light on it.
    TooBright,
    /// Everything on it is about equally bright: light from behind, fog on the lens.
    Flat,
    /// Turned to a side.
    TurnedAside,
    /// Tilted up or down.
    Tilted,
    /// Blurred: it moves, or the lens is not clean.
    Blurred,
}

impl QualityGates {
    /// The first gate that a face does not pass, in the order in which people can best do something about it.
    ///
    /// Comparisons are written so that a NaN fails its gate.
    pub fn flaw(&self, quality: &Quality) -> Option<Flaw> {
        let gates = [
            (quality.face_px >= self.face_px, Flaw::TooFar),
            (quality.fills <= self.fills, Flaw::TooClose),
            (quality.inside >= self.inside, Flaw::CutOff),
            (quality.brightness >= self.darkest, Flaw::TooDark),
            (quality.brightness <= self.brightest, Flaw::TooBright),
            (quality.yaw.abs() <= self.yaw, Flaw::TurnedAside),
            (quality.pitch.abs() <= self.pitch, Flaw::Tilted),
            (quality.contrast >= self.contrast, Flaw::Flat),
            (quality.sharpness >= self.sharpness, Flaw::Blurred),
        ];
        gates.into_iter().find_map(|(passed, flaw)| (!passed).then_some(flaw))
    }
}
