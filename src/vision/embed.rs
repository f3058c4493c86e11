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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_without_direction_is_no_template() {
        assert_eq!(unit(&[0.0; 8]), None);
        assert_eq!(unit(&[f32::NAN; 8]), None);
    }
}
