//! Finds the five points of one face, where the detector does not.

use super::geometry::{Bounds, FivePoints, Point};
use super::onnx::{Network, OnnxError};
use super::picture::Pixels;
use super::resample::Resampler;
use crate::models::recipe::LandmarkRecipe;

/// Points of the iBUG 300-W annotation (68 points, from 0) that surround each eye's pupil.
const LEFT_PUPIL: [usize; 4] = [37, 38, 40, 41];
const RIGHT_PUPIL: [usize; 4] = [43, 44, 46, 47];
const NOSE_TIP: usize = 30;
/// Outer and inner corner of the lips.
const LEFT_MOUTH: [usize; 2] = [48, 60];
const RIGHT_MOUTH: [usize; 2] = [54, 64];

/// A landmark model with its recipe.
pub struct LandmarkFinder {
    network: Network,
    resampler: Resampler,
    recipe: LandmarkRecipe,
}

impl LandmarkFinder {
    /// Puts a loaded model and its recipe together.
    pub fn new(network: Network, resampler: Resampler, recipe: LandmarkRecipe) -> Self {
        Self { network, resampler, recipe }
    }

    /// The five points of the face in a box. The box is cut at the frame's edge.
    pub fn find(&mut self, pixels: Pixels<'_>, bounds: Bounds) -> Result<FivePoints, OnnxError> {
        let region = bounds.region(pixels.width, pixels.height);
        self.resampler.fill(pixels, region, self.network.input());
        self.network.run()?;
        let place = |part: Point| Point {
            x: region.left as f32 + part.x * region.width as f32,
            y: region.top as f32 + part.y * region.height as f32,
        };
        match self.recipe {
            LandmarkRecipe::Points68 { .. } => {
                let points = five_of_68(self.network.output(0));
                Ok(FivePoints::from_order(points.in_order().map(place)))
            }
        }
    }

    /// The model, for measuring and wiping.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }
}

/// 68 (x, y) pairs to five points, in the same unit.
pub fn five_of_68(values: &[f32]) -> FivePoints {
    let point = |index: usize| Point { x: values[index * 2], y: values[index * 2 + 1] };
    FivePoints {
        left_eye: Point::mean(&LEFT_PUPIL.map(point)),
        right_eye: Point::mean(&RIGHT_PUPIL.map(point)),
        nose: point(NOSE_TIP),
        left_mouth: Point::mean(&LEFT_MOUTH.map(point)),
        right_mouth: Point::mean(&RIGHT_MOUTH.map(point)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_points_are_means_of_the_right_ones_of_68() {
        let values: Vec<f32> = (0..68).flat_map(|i| [i as f32, -(i as f32)]).collect();
        let expected = [39.0, 45.0, 30.0, 54.0, 59.0].map(|at| Point { x: at, y: -at });
        assert_eq!(five_of_68(&values).in_order(), expected);
    }
}
