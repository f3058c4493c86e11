//! Tells a face from a picture of one, as far as one still frame can show it.
//!
//! What it stops: most prints and screens held up to the camera. What it does **not** stop: a good print
//! without a visible edge, a bright screen at the right distance, a mask, a video, a face swapped into the
//! camera's cable; and it refuses some living people in bad light. It is one control among several: several
//! frames must agree, quality gates come first, failures are limited, and the core opens nothing when no
//! score could be had.

use super::geometry::{Bounds, Region};
use super::onnx::{Network, OnnxError};
use super::picture::Pixels;
use super::resample::Resampler;
use crate::models::recipe::LivenessRecipe;

/// One liveness model with its recipe.
pub struct LivenessJudge {
    network: Network,
    resampler: Resampler,
    recipe: LivenessRecipe,
}

impl LivenessJudge {
    /// Puts a loaded model and its recipe together.
    pub fn new(network: Network, resampler: Resampler, recipe: LivenessRecipe) -> Self {
        Self { network, resampler, recipe }
    }

    /// The probability of "live", 0 to 1.
    fn judge(&mut self, pixels: Pixels<'_>, bounds: Bounds) -> Result<f32, OnnxError> {
        let region = surroundings(bounds, self.recipe.crop, pixels.width, pixels.height);
        self.resampler.fill(pixels, region, self.network.input());
        self.network.run()?;
        Ok(softmax(self.network.output(0), self.recipe.live_class))
    }

    /// The model, for measuring and wiping.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }
}

/// All liveness models of a set; their mean counts. Never empty: a manifest without one is refused.
pub struct LivenessPanel {
    judges: Vec<LivenessJudge>,
}

impl LivenessPanel {
    /// A panel of the set's models.
    pub fn new(judges: Vec<LivenessJudge>) -> Self {
        Self { judges }
    }

    /// The mean probability of "live" of the face in a box, 0 (attack) to 1 (live). If one model fails, all
    /// have: a mean of the others would be another measure.
    pub fn judge(&mut self, pixels: Pixels<'_>, bounds: Bounds) -> Result<f32, OnnxError> {
        let mut sum = 0.0;
        for judge in &mut self.judges {
            sum += judge.judge(pixels, bounds)?;
        }
        Ok(sum / self.judges.len().max(1) as f32)
    }

    /// The models, for measuring and wiping.
    pub fn networks(&mut self) -> impl Iterator<Item = &mut Network> {
        self.judges.iter_mut().map(LivenessJudge::network)
    }
}

/// The box enlarged about its centre, made smaller where the frame has no room for it, and shifted to lie
/// inside: as the models were trained (minivision's Silent-Face-Anti-Spoofing).
fn surroundings(bounds: Bounds, factor: f32, width: usize, height: usize) -> Region {
    let (across, down) = ((width as f32 - 1.0).max(1.0), (height as f32 - 1.0).max(1.0));
    let factor = factor.min(down / bounds.height()).min(across / bounds.width());
    let span = |low: f32, high: f32, room: f32| {
        let length = (high - low) * factor;
        let start = ((low + high - length) / 2.0).min(room - length).max(0.0);
        (start, start + length)
    };
    let (left, right) = span(bounds.left, bounds.right, across);
    let (top, bottom) = span(bounds.top, bounds.bottom, down);
    // The last pixel counts: the models' own crop ends with it.
    Bounds { left, top, right: right.floor() + 1.0, bottom: bottom.floor() + 1.0 }
        .region(width, height)
}

fn softmax(values: &[f32], class: usize) -> f32 {
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = values.iter().map(|v| (v - highest).exp()).sum();
    (values[class] - highest).exp() / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: Bounds = Bounds { left: 300.0, top: 200.0, right: 400.0, bottom: 300.0 };

    #[test]
    fn the_crop_is_the_enlarged_box_where_there_is_room() {
        let region = surroundings(FACE, 2.0, 800, 600);
        assert_eq!(region, Region { left: 250, top: 150, width: 201, height: 201 });
    }

    #[test]
    fn the_crop_is_shifted_to_stay_inside() {
        let corner = Bounds { left: 0.0, top: 0.0, right: 100.0, bottom: 100.0 };
        let region = surroundings(corner, 2.0, 800, 600);
        assert_eq!(region, Region { left: 0, top: 0, width: 201, height: 201 });
        let corner = Bounds { left: 700.0, top: 500.0, right: 800.0, bottom: 600.0 };
        let region = surroundings(corner, 2.0, 800, 600);
        assert_eq!((region.left + region.width, region.top + region.height), (800, 600));
    }

    #[test]
    fn the_crop_shrinks_where_the_frame_has_no_room() {
        let region = surroundings(FACE, 2.7, 800, 160);
        assert_eq!((region.top, region.height), (0, 160));
        assert_eq!(region.width, 160);
    }

    #[test]
    fn softmax_is_a_probability_whatever_the_size_of_the_values() {
        assert!((softmax(&[1000.0, 0.0, -1000.0], 0) - 1.0).abs() < 1e-6);
        assert!((softmax(&[2.0, 2.0], 1) - 0.5).abs() < 1e-6);
    }
}
