//! The rules a site may set, with their defaults. Bounds are checked where they are read (`config`). Those about faces
//! are in `face_policy`.

use std::time::Duration;

pub use super::face_policy::{
    FacePolicy, Factors, Flaw, LivenessMode, LivenessPolicy, QualityGates,
};

/// Everything a site decides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// How locks are driven.
    pub locks: LockPolicy,
    /// What doors may do.
    pub doors: DoorPolicy,
    /// When a face opens a door.
    pub faces: FacePolicy,
    /// How often the camera's frames are looked at.
    pub attention: AttentionPolicy,
    /// What the hall may ask for.
    pub hall: HallPolicy,
}

/// How locks are driven. All locks of a cabinet hang on one supply: one is energised at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPolicy {
    /// How long a lock is energised.
    pub pulse: Duration,
    /// How often a door that does not open is pulsed, the first time included.
    pub attempts: u32,
    /// How long after a pulse the sensor has to see the door open.
    pub open_within: Duration,
    /// How long no lock is energised after a pulse, whichever its door, so that the supply recovers. Common lock
    /// boards ask for 50 to 100 ms.
    pub rest: Duration,
}

impl Default for LockPolicy {
    fn default() -> Self {
        Self {
            pulse: Duration::from_millis(500),
            attempts: 3,
            open_within: Duration::from_secs(5),
            rest: Duration::from_millis(100),
        }
    }
}

/// What doors may do, and what their owners may do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorPolicy {
    /// When the first reminder of an open door comes; each further one takes twice as long.
    pub ajar_after: Duration,
    /// After how many reminders the compartment counts as faulty: nobody will close that door, or its switch lies.
    pub stuck_after: u32,
    /// How long after a face was recognised further documents of the same person open without another look.
    pub visit: Duration,
    /// How long after a recipient's door was shut it may be opened once more without another look.
    pub reopen_within: Duration,
    /// When a door switch counts as broken.
    pub flapping: FlapPolicy,
}

impl Default for DoorPolicy {
    fn default() -> Self {
        Self {
            ajar_after: Duration::from_secs(60),
            stuck_after: 5,
            visit: Duration::from_secs(120),
            reopen_within: Duration::from_secs(30),
            flapping: FlapPolicy::default(),
        }
    }
}

/// How many moves of a door are too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlapPolicy {
    /// The most moves that no session explains, an opening and a closing being two, ...
    pub moves: u32,
    /// ... within this span.
    pub within: Duration,
}

impl Default for FlapPolicy {
    fn default() -> Self {
        Self { moves: 10, within: Duration::from_secs(10) }
    }
}

/// How often the camera's frames are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionPolicy {
    /// Between two looks while nobody is near.
    pub idle_interval: Duration,
    /// How long after the last face every frame is looked at.
    pub linger: Duration,
    /// How long at most since somebody came near: a poster or a chat before the door is no reason to work hard.
    pub keen_for: Duration,
    /// The least height of a face, in pixels of the frame, that belongs to somebody near.
    pub near_px: f32,
}

impl Default for AttentionPolicy {
    fn default() -> Self {
        Self {
            idle_interval: Duration::from_millis(250),
            linger: Duration::from_secs(2),
            keen_for: Duration::from_secs(10),
            near_px: QualityGates::default().face_px / 2.0,
        }
    }
}

/// What the hall may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HallPolicy {
    /// Whether photos for enrolment may come from the hall: a legal question, so off unless a site decides.
    pub remote_enrolment: bool,
    /// How far ahead the expiry of an unlock may lie.
    pub unlock_lifetime: Duration,
    /// How far ahead the expiry of any other command may lie.
    pub order_lifetime: Duration,
    /// How far the hall's clock may be ahead of this one.
    pub clock_skew: Duration,
}

impl Default for HallPolicy {
    fn default() -> Self {
        Self {
            remote_enrolment: false,
            unlock_lifetime: Duration::from_secs(5 * 60),
            order_lifetime: Duration::from_secs(7 * 24 * 3600),
            clock_skew: Duration::from_secs(30),
        }
    }
}
