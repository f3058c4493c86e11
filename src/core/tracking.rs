//! Whether the face of this frame is the one of the frame before: by its place, and by what it looks like.

use super::policy::FacePolicy;
use super::sighting::{FaceBox, FaceReading};

/// How far the middle of a face may have moved from one frame to the next, in heights of the face.
const FARTHEST_MOVE: f32 = 1.0;
/// How many times as high or low the face may have become.
const GREATEST_ZOOM: f32 = 1.6;

/// The face that is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Track {
    place: FaceBox,
}

/// How a frame's face goes on from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Continuity {
    /// The same face: near the same place, and it looks the same.
    Same,
    /// Near the same place, and it could not be compared.
    Unsure,
    /// Somebody else's, or the same person's after a jump that nobody can tell from a swap.
    Another,
}

impl Track {
    /// Begins to follow a face.
    pub(super) fn begin(face: &FaceReading) -> Self {
        Self { place: face.place }
    }

    /// Judges how a face goes on from the one followed. A number that is none is another face.
    pub(super) fn compare(&self, policy: &FacePolicy, face: &FaceReading) -> Continuity {
        if !self.is_near(&face.place) {
            return Continuity::Another;
        }
        match face.resemblance {
            Some(resemblance) if resemblance >= policy.same_face => Continuity::Same,
            Some(_) => Continuity::Another,
            None => Continuity::Unsure,
        }
    }

    /// Goes on with the face of this frame.
    pub(super) fn follow(&mut self, face: &FaceReading) {
        self.place = face.place;
    }

    fn is_near(&self, place: &FaceBox) -> bool {
        let larger = self.place.height.max(place.height);
        let smaller = self.place.height.min(place.height);
        let moved = (self.place.x - place.x).hypot(self.place.y - place.y);
        let real = self.place.height > 0.0 && place.height > 0.0;
        real && larger <= smaller * GREATEST_ZOOM && moved <= larger * FARTHEST_MOVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::judgement::tests::face_of;

    /// How a changed face goes on from one at (320, 240), 200 pixels high.
    fn after(change: impl FnOnce(&mut FaceReading)) -> Continuity {
        let mut face = face_of("wang");
        let track = Track::begin(&face);
        change(&mut face);
        track.compare(&FacePolicy::default(), &face)
    }

    #[test]
    fn a_face_that_moves_a_little_and_looks_the_same_is_the_same() {
        assert_eq!(after(|_| ()), Continuity::Same);
        assert_eq!(after(|face| face.place.x += 150.0), Continuity::Same);
        assert_eq!(after(|face| face.place.height *= 1.5), Continuity::Same);
        assert_eq!(after(|face| face.resemblance = Some(0.4)), Continuity::Same);
    }

    #[test]
    fn a_jump_in_place_or_size_is_another_face_however_alike() {
        assert_eq!(after(|face| face.place.x -= 201.0), Continuity::Another);
        assert_eq!(after(|face| face.place.y += 201.0), Continuity::Another);
        assert_eq!(after(|face| face.place.height *= 0.6), Continuity::Another);
        assert_eq!(after(|face| face.place.height = 0.0), Continuity::Another);
    }

    #[test]
    fn a_face_in_the_same_place_that_looks_another_is_another() {
        assert_eq!(after(|face| face.resemblance = Some(0.39)), Continuity::Another);
        assert_eq!(after(|face| face.resemblance = Some(-1.0)), Continuity::Another);
    }

    #[test]
    fn a_face_that_could_not_be_compared_is_not_called_the_same() {
        assert_eq!(after(|face| face.resemblance = None), Continuity::Unsure);
    }

    #[test]
    fn numbers_that_are_none_never_make_a_face_the_same() {
        assert_eq!(after(|face| face.resemblance = Some(f32::NAN)), Continuity::Another);
        assert_eq!(after(|face| face.place.x = f32::NAN), Continuity::Another);
        assert_ne!(after(|face| face.place.height = f32::NAN), Continuity::Same);
    }
}
