//! What to tell the person before the camera: one short sentence that holds still long enough to be read.

use std::time::Duration;

use super::challenge::Side;
use super::policy::{Flaw, QualityGates};
use super::recognition::Standing;
use super::sighting::{Quality, Sighting};
use super::time::Monotonic;

/// One thing to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guidance {
    /// Nobody is near: nothing to tell.
    #[default]
    Nothing,
    /// The face is too small.
    ComeCloser,
    /// The face is too large.
    StepBack,
    /// Part of the face is outside the picture.
    MoveIntoPicture,
    /// The head is turned or tilted.
    LookStraight,
    /// Too dark, or the light comes from behind.
    MoreLight,
    /// Too bright.
    LessLight,
    /// Blurred.
    HoldStill,
    /// Several people are near.
    OnePersonOnly,
    /// Good pictures, and nobody is recognised in them: what hides the face is better taken off. (Nothing here can tell
    /// a mask or glasses, so it is said to everybody who is looked at for long.)
    UncoverFace,
    /// The challenge: the head is to be turned to the person's own left.
    TurnLeft,
    /// The challenge: to the person's own right.
    TurnRight,
    /// The challenge: straight at the camera, before or after turning.
    LookAtCamera,
    /// The pictures are good and being judged.
    PleaseWait,
    /// Recognised; the door opens.
    DoorOpens,
    /// Not recognised, or faces are not tried now.
    UseCode,
}

impl Guidance {
    /// The sentence, in English.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::ComeCloser => "Please come closer.",
            Self::StepBack => "Please step back a little.",
            Self::MoveIntoPicture => "Please move into the middle of the picture.",
            Self::LookStraight => "Please look straight at the camera.",
            Self::MoreLight => "It is too dark on your face. Please turn towards the light.",
            Self::LessLight => "It is too bright on your face. Please turn away from the light.",
            Self::HoldStill => "Please hold still.",
            Self::OnePersonOnly => "One person at a time, please.",
            Self::UncoverFace => {
                "Please take off mask, hat or dark glasses and look at the camera."
            }
            Self::TurnLeft => "Please turn your head to the left.",
            Self::TurnRight => "Please turn your head to the right.",
            Self::LookAtCamera => "Please look into the camera.",
            Self::PleaseWait => "Please wait.",
            Self::DoorOpens => "Recognised. Your door opens.",
            Self::UseCode => "Not recognised. Please use your pickup code or ask the staff.",
        }
    }

    /// How long it stays at least once it is shown.
    fn stays(self) -> Duration {
        match self {
            Self::Nothing | Self::TurnLeft | Self::TurnRight | Self::LookAtCamera => Duration::ZERO,
            Self::ComeCloser
            | Self::StepBack
            | Self::MoveIntoPicture
            | Self::LookStraight
            | Self::MoreLight
            | Self::LessLight
            | Self::HoldStill
            | Self::OnePersonOnly
            | Self::UncoverFace
            | Self::PleaseWait => Duration::from_secs(1),
            Self::DoorOpens | Self::UseCode => VERDICT_STAYS,
        }
    }
}

/// A verdict can be read for so long.
const VERDICT_STAYS: Duration = Duration::from_secs(3);
/// What is new must be so for this long before it is shown.
const SETTLES: Duration = Duration::from_millis(300);

/// What is wrong with a frame, if the person can do something about it; `shown` is what they are told now. Its gate is
/// a little narrower, so that a reading at the very edge does not come and go.
pub fn complaint(gates: &QualityGates, sighting: &Sighting, shown: Guidance) -> Option<Guidance> {
    let face = sighting.face.as_ref()?;
    if sighting.near_faces > 1 {
        return Some(Guidance::OnePersonOnly);
    }
    narrowed(gates, shown).flaw(&face.quality).map(|flaw| match flaw {
        Flaw::TooFar => Guidance::ComeCloser,
        Flaw::TooClose => Guidance::StepBack,
        Flaw::CutOff => Guidance::MoveIntoPicture,
        Flaw::TooDark | Flaw::Flat => Guidance::MoreLight,
        Flaw::TooBright => Guidance::LessLight,
        Flaw::TurnedAside | Flaw::Tilted => Guidance::LookStraight,
        Flaw::Blurred => Guidance::HoldStill,
    })
}

/// What to tell on a frame: the challenge, a complaint, or to wait.
pub(super) fn advice(
    gates: &QualityGates,
    sighting: &Sighting,
    standing: Standing,
    shown: Guidance,
) -> Guidance {
    let near = |quality: &Quality| quality.face_px >= gates.face_px / 2.0;
    let is_near = sighting.face.as_ref().is_some_and(|face| near(&face.quality));
    match standing {
        Standing::Turn(Side::Left) => Guidance::TurnLeft,
        Standing::Turn(Side::Right) => Guidance::TurnRight,
        Standing::LookStraight => Guidance::LookAtCamera,
        Standing::Settled if is_near => shown,
        Standing::Nobody | Standing::Settled => Guidance::Nothing,
        Standing::Looking { .. } if !is_near => Guidance::Nothing,
        Standing::Looking { drags_on } => complaint(gates, sighting, shown)
            .unwrap_or(if drags_on { Guidance::UncoverFace } else { Guidance::PleaseWait }),
    }
}

fn narrowed(gates: &QualityGates, shown: Guidance) -> QualityGates {
    let mut gates = gates.clone();
    match shown {
        Guidance::ComeCloser => gates.face_px *= 1.05,
        Guidance::StepBack => gates.fills *= 0.95,
        Guidance::MoveIntoPicture => gates.inside = (gates.inside + 0.02).min(1.0),
        Guidance::LookStraight => {
            gates.yaw *= 0.9;
            gates.pitch *= 0.9;
        }
        Guidance::MoreLight => {
            gates.darkest *= 1.1;
            gates.contrast *= 1.1;
        }
        Guidance::LessLight => gates.brightest *= 0.97,
        Guidance::HoldStill => gates.sharpness *= 1.1,
        Guidance::Nothing
        | Guidance::OnePersonOnly
        | Guidance::UncoverFace
        | Guidance::TurnLeft
        | Guidance::TurnRight
        | Guidance::LookAtCamera
        | Guidance::PleaseWait
        | Guidance::DoorOpens
        | Guidance::UseCode => {}
    }
    gates
}

/// Keeps what is shown from flickering.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Guide {
    shown: Guidance,
    since: Monotonic,
    /// What would be shown instead, and since when.
    wish: Option<(Guidance, Monotonic)>,
    /// When anything was last heard.
    heard: Monotonic,
}

impl Guide {
    /// What is shown now; nothing once nothing has been heard for a while.
    pub(super) fn at(&self, now: Monotonic) -> Guidance {
        if now.since(self.heard) > VERDICT_STAYS { Guidance::Nothing } else { self.shown }
    }

    /// Shows a verdict at once.
    pub(super) fn show(&mut self, now: Monotonic, guidance: Guidance) {
        *self = Self { shown: guidance, since: now, wish: None, heard: now };
    }

    /// Shows what a frame suggests, once it has been so for a moment and what is shown has been read.
    pub(super) fn suggest(&mut self, now: Monotonic, guidance: Guidance) {
        self.heard = now;
        if guidance == self.shown {
            self.wish = None;
            return;
        }
        let before = self.wish.filter(|(wish, _)| *wish == guidance);
        let wished_since = before.map_or(now, |(_, since)| since);
        self.wish = Some((guidance, wished_since));
        let read = now.since(self.since) >= self.shown.stays();
        if read && now.since(wished_since) >= SETTLES {
            self.show(now, guidance);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::core::judgement::tests::{face_of, one};

    const LOOKING: Standing = Standing::Looking { drags_on: false };

    fn gates() -> QualityGates {
        QualityGates::default()
    }

    fn with(change: impl FnOnce(&mut Quality)) -> Sighting {
        let mut face = face_of("wang");
        change(&mut face.quality);
        one(face)
    }

    fn told(change: impl FnOnce(&mut Quality)) -> Guidance {
        advice(&gates(), &with(change), LOOKING, Guidance::Nothing)
    }

    #[test]
    fn every_flaw_has_its_own_advice() {
        assert_eq!(told(|q| q.face_px = 60.0), Guidance::ComeCloser);
        assert_eq!(told(|q| q.fills = 0.9), Guidance::StepBack);
        assert_eq!(told(|q| q.inside = 0.7), Guidance::MoveIntoPicture);
        assert_eq!(told(|q| q.yaw = -0.8), Guidance::LookStraight);
        assert_eq!(told(|q| q.pitch = 0.8), Guidance::LookStraight);
        assert_eq!(told(|q| q.brightness = 20.0), Guidance::MoreLight);
        assert_eq!(told(|q| q.contrast = 5.0), Guidance::MoreLight);
        assert_eq!(told(|q| q.brightness = 240.0), Guidance::LessLight);
        assert_eq!(told(|q| q.sharpness = 5.0), Guidance::HoldStill);
        assert_eq!(told(|_| ()), Guidance::PleaseWait);
    }

    #[test]
    fn two_people_are_told_so_before_anything_else() {
        let two = Sighting { near_faces: 2, ..with(|q| q.sharpness = 1.0) };
        assert_eq!(advice(&gates(), &two, LOOKING, Guidance::Nothing), Guidance::OnePersonOnly);
    }

    #[test]
    fn who_walks_by_far_away_is_told_nothing() {
        assert_eq!(told(|q| q.face_px = 39.0), Guidance::Nothing);
        let nobody = advice(&gates(), &Sighting::default(), Standing::Nobody, Guidance::Nothing);
        assert_eq!(nobody, Guidance::Nothing);
    }

    #[test]
    fn a_challenge_goes_before_every_complaint() {
        let turned = with(|q| q.yaw = 0.9);
        let say = |standing| advice(&gates(), &turned, standing, Guidance::Nothing);
        assert_eq!(say(Standing::Turn(Side::Left)), Guidance::TurnLeft);
        assert_eq!(say(Standing::Turn(Side::Right)), Guidance::TurnRight);
        assert_eq!(say(Standing::LookStraight), Guidance::LookAtCamera);
    }

    #[test]
    fn who_is_looked_at_for_long_is_asked_to_uncover_the_face() {
        let standing = Standing::Looking { drags_on: true };
        assert_eq!(
            advice(&gates(), &with(|_| ()), standing, Guidance::Nothing),
            Guidance::UncoverFace
        );
    }

    #[test]
    fn a_reading_at_the_edge_does_not_come_and_go() {
        let edge = with(|q| q.face_px = 81.0);
        assert_eq!(complaint(&gates(), &edge, Guidance::Nothing), None);
        assert_eq!(complaint(&gates(), &edge, Guidance::ComeCloser), Some(Guidance::ComeCloser));
        let clear = with(|q| q.face_px = 85.0);
        assert_eq!(complaint(&gates(), &clear, Guidance::ComeCloser), None);
    }

    /// What is shown after each suggestion, 100 ms apart.
    fn shown(suggestions: &[Guidance]) -> Vec<Guidance> {
        let mut guide = Guide::default();
        let at = |i: usize| Monotonic(Duration::from_millis(10_000 + 100 * i as u64));
        let suggestions = suggestions.iter().enumerate();
        suggestions
            .map(|(i, guidance)| {
                guide.suggest(at(i), *guidance);
                guide.at(at(i))
            })
            .collect()
    }

    #[test]
    fn advice_that_alternates_is_not_shown_in_turn() {
        use Guidance::{ComeCloser, HoldStill, Nothing};
        let flicker = [ComeCloser, HoldStill].repeat(50);
        assert_eq!(shown(&flicker), vec![Nothing; 100]);
        let settled = [vec![ComeCloser; 4], [HoldStill, ComeCloser].repeat(50)].concat();
        assert!(shown(&settled)[4..].iter().all(|shown| *shown == ComeCloser));
    }

    #[test]
    fn advice_is_shown_once_it_holds_and_stays_until_it_is_read() {
        use Guidance::{ComeCloser, HoldStill, Nothing};
        let shown = shown(&[vec![ComeCloser; 4], vec![HoldStill; 12]].concat());
        assert_eq!(shown[..3], [Nothing; 3]);
        assert_eq!(shown[3], ComeCloser);
        assert_eq!(shown.iter().filter(|shown| **shown == ComeCloser).count(), 10, "a second");
        assert_eq!(*shown.last().unwrap(), HoldStill);
    }

    #[test]
    fn a_verdict_is_shown_at_once_and_fades_when_nothing_more_is_heard() {
        let mut guide = Guide::default();
        let at = |millis| Monotonic(Duration::from_millis(millis));
        guide.show(at(5000), Guidance::DoorOpens);
        guide.suggest(at(5100), Guidance::ComeCloser);
        guide.suggest(at(7900), Guidance::ComeCloser);
        assert_eq!(guide.at(at(7900)), Guidance::DoorOpens);
        guide.suggest(at(8000), Guidance::ComeCloser);
        assert_eq!(guide.at(at(8000)), Guidance::ComeCloser);
        assert_eq!(guide.at(at(11_001)), Guidance::Nothing);
    }
}
