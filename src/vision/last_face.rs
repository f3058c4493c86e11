//! The face of the frame before, so that the next one can be compared with it.
//!
//! It lives in memory only, no longer than somebody stands there: a few frames without a face, other people to look
//! for, or a frame that could not be examined wipe it.

use zeroize::Zeroize;

use super::picture::Pixels;
use super::products::cosine;
use crate::ports::Template;

/// So many frames in a row without a face are forgiven: detectors miss one now and then.
const FORGIVEN: u32 = 3;

/// What is remembered of the face seen last.
#[derive(Default)]
pub(super) struct LastFace {
    /// Of the last face that was good enough.
    template: Option<Template>,
    /// The aligned face, whatever its quality.
    grey: Vec<u8>,
    without: u32,
}

impl LastFace {
    /// Mean absolute difference, in grey levels, between this aligned face and the one before, and remembers this one.
    /// `None` if there was none before.
    pub(super) fn change(&mut self, face: Pixels<'_>) -> Option<f32> {
        self.without = 0;
        let greys = face.rgb.chunks_exact(3).map(grey);
        let count = face.rgb.len() / 3;
        if self.grey.len() != count || count == 0 {
            self.grey.clear();
            self.grey.extend(greys);
            return None;
        }
        let mut sum = 0_u64;
        for (before, now) in self.grey.iter_mut().zip(greys) {
            sum += u64::from(before.abs_diff(now));
            *before = now;
        }
        Some(sum as f32 / count as f32)
    }

    /// The cosine of this template and that of the face before, and remembers this one. `None` if there was none
    /// before, or one of another model.
    pub(super) fn resemblance(&mut self, template: &Template) -> Option<f32> {
        let before = self.template.replace(template.clone());
        let before = before.filter(|before| before.model == template.model)?;
        Some(cosine(&before.vector, &template.vector))
    }

    /// A frame without a face.
    pub(super) fn nobody(&mut self) {
        self.without = self.without.saturating_add(1);
        if self.without > FORGIVEN {
            self.forget();
        }
    }

    /// Wipes it.
    pub(super) fn forget(&mut self) {
        self.template = None;
        self.grey.zeroize();
    }
}

impl Drop for LastFace {
    fn drop(&mut self) {
        self.forget();
    }
}

fn grey(rgb: &[u8]) -> u8 {
    let sum = u32::from(rgb[0]) * 299 + u32::from(rgb[1]) * 587 + u32::from(rgb[2]) * 114;
    // The weights add up to 1000, so that the mean of three bytes is a byte.
    u8::try_from((sum + 500) / 1000).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn change(last: &mut LastFace, value: u8) -> Option<f32> {
        last.change(Pixels { width: 4, height: 4, rgb: &[value; 48] })
    }

    fn template(model: &str, vector: [f32; 2]) -> Template {
        Template { model: model.parse().unwrap(), vector: vector.to_vec() }
    }

    #[test]
    fn change_is_the_mean_difference_of_grey_levels() {
        let mut last = LastFace::default();
        assert_eq!(change(&mut last, 100), None);
        assert_eq!(change(&mut last, 100), Some(0.0));
        assert_eq!(change(&mut last, 97), Some(3.0));
        assert_eq!(change(&mut last, 107), Some(10.0), "since the frame before, not the first");
    }

    #[test]
    fn resemblance_is_to_the_face_before_and_within_one_model() {
        let mut last = LastFace::default();
        assert_eq!(last.resemblance(&template("m", [1.0, 0.0])), None);
        assert_eq!(last.resemblance(&template("m", [1.0, 0.0])), Some(1.0));
        assert_eq!(last.resemblance(&template("m", [0.0, 1.0])), Some(0.0));
        assert_eq!(last.resemblance(&template("other", [0.0, 1.0])), None);
    }

    #[test]
    fn who_has_left_is_forgotten_and_a_missed_frame_is_forgiven() {
        let mut last = LastFace::default();
        change(&mut last, 100);
        last.resemblance(&template("m", [1.0, 0.0]));
        (0..FORGIVEN).for_each(|_| last.nobody());
        assert_eq!(change(&mut last, 100), Some(0.0));
        (0..=FORGIVEN).for_each(|_| last.nobody());
        assert_eq!(last.resemblance(&template("m", [1.0, 0.0])), None);
        assert_eq!(change(&mut last, 100), None);
    }
}
