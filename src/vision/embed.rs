//! Makes the vector that is compared: unit length, so that a dot product is a cosine.

use super::align::AlignedFace;
use super::geometry::Region;
use super::onnx::{Network, OnnxError};
use super::resample::Resampler;
use crate::core::ids::ModelId;
use crate::models::recipe::{AlignmentTemplate, EmbedderRecipe};
use crate::ports::Template;

/// An embedding model with its recipe.
pub struct Embedder {
    network: Network,
    resampler: Resampler,
    recipe: EmbedderRecipe,
    model: ModelId,
}

impl Embedder {
    /// Puts a loaded model and its recipe together; `model` names what its templates are comparable with.
    pub fn new(
        network: Network,
        resampler: Resampler,
        recipe: EmbedderRecipe,
        model: ModelId,
    ) -> Self {
        Self { network, resampler, recipe, model }
    }

    /// Where it wants the five points.
    pub fn alignment(&self) -> AlignmentTemplate {
        self.recipe.template
    }

    /// What its templates are comparable with, and how long they are.
    pub fn model(&self) -> (&ModelId, usize) {
        (&self.model, self.recipe.length)
    }

    /// The template of an aligned face.
    pub fn embed(&mut self, face: &AlignedFace) -> Result<Template, OnnxError> {
        let pixels = face.pixels();
        let whole = Region { left: 0, top: 0, width: pixels.width, height: pixels.height };
        self.resampler.fill(pixels, whole, self.network.input());
        self.network.run()?;
        let vector = unit(self.network.output(0)).ok_or_else(|| OnnxError::NotANumber {
            model: self.network.name().to_owned(),
            output: self.recipe.output.clone(),
        })?;
        Ok(Template { model: self.model.clone(), vector })
    }

    /// The model, for measuring and wiping.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }
}

/// The vector at unit length; `None` if it has no direction.
fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    let factor = (1.0 / length) as f32;
    (length > 1e-9 && factor.is_finite()).then(|| vector.iter().map(|v| v * factor).collect())
}

/// The cosine of two vectors of unit length. Vectors of different lengths resemble each other not at all.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return 0.0;
    }
    // Eight sums side by side, so that the compiler may use vector instructions.
    let mut sums = [0.0_f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    (sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_vector_resembles_itself_fully_and_its_opposite_not() {
        let vector = unit(&(0..19).map(|i| i as f32 - 4.0).collect::<Vec<_>>()).unwrap();
        let opposite: Vec<f32> = vector.iter().map(|v| -v).collect();
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-6);
        assert!((cosine(&vector, &opposite) + 1.0).abs() < 1e-6);
        assert!(cosine(&vector, &vector[1..]).abs() < 1e-6);
    }

    #[test]
    fn a_vector_without_direction_is_no_template() {
        assert_eq!(unit(&[0.0; 8]), None);
        assert_eq!(unit(&[f32::NAN; 8]), None);
    }
}
