//! The models of a set, loaded and in order: detect, find the points, align, measure, judge, embed.
//!
//! Each stage is a method, so that the benchmark measures the very steps the locker runs.

use std::path::PathBuf;

use super::align::AlignedFace;
use super::detect::{Detection, Detector};
use super::embed::Embedder;
use super::geometry::{Bounds, FivePoints};
use super::landmark::LandmarkFinder;
use super::liveness::{LivenessJudge, LivenessPanel};
use super::onnx::{Network, OnnxError, Plan, Runtime};
use super::picture::{PictureError, Pixels};
use super::quality::QualityMeter;
use super::resample::Resampler;
use crate::core::sighting::Quality;
use crate::models::recipe::{InputRecipe, LandmarkRecipe, Task};
use crate::models::{Loadable, ModelStore, StoreError};
use crate::ports::Template;

/// Faces cannot be examined.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// A file of the set is missing or another one.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A model or its runtime is broken.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The picture is not usable.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The set fills a role with a model of another kind.
    #[error("model {model} is not a {role} model: correct the manifest's [set]")]
    Role {
        /// Which model.
        model: String,
        /// What it was meant to be.
        role: &'static str,
    },
}

/// A set of models, ready to run on the thread that owns it.
pub struct Pipeline {
    detector: Detector,
    landmarks: Option<LandmarkFinder>,
    embedder: Embedder,
    liveness: LivenessPanel,
    face: AlignedFace,
    meter: QualityMeter,
    library: PathBuf,
}

impl Pipeline {
    /// Verifies, loads and warms up every model of the store's set, each to run on `threads` threads.
    pub fn load(store: &ModelStore, threads: usize) -> Result<Self, VisionError> {
        let library = store.runtime()?;
        let loader = Loader { store, runtime: Runtime::load(&library)?, threads };
        let set = store.manifest().set();
        let mut pipeline = Self {
            detector: loader.detector(&set.detector)?,
            landmarks: set.landmarks.as_deref().map(|name| loader.landmarks(name)).transpose()?,
            embedder: loader.embedder(&set.embedder)?,
            liveness: LivenessPanel::new(
                set.liveness
                    .iter()
                    .map(|name| loader.liveness(name))
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            face: AlignedFace::default(),
            meter: QualityMeter::default(),
            library,
        };
        pipeline.networks().into_iter().try_for_each(Network::warm_up)?;
        Ok(pipeline)
    }

    /// The ONNX Runtime library in use.
    pub fn library(&self) -> &PathBuf {
        &self.library
    }

    /// The faces of a frame, largest first.
    pub fn detect(&mut self, pixels: Pixels<'_>) -> Result<&[Detection], VisionError> {
        Ok(self.detector.find(pixels)?)
    }

    /// The five points of a face: the detector's, or the landmark model's.
    pub fn points(
        &mut self,
        pixels: Pixels<'_>,
        face: &Detection,
    ) -> Result<FivePoints, VisionError> {
        match (&face.points, &mut self.landmarks) {
            (Some(points), _) => Ok(*points),
            (None, Some(finder)) => Ok(finder.find(pixels, face.bounds)?),
            (None, None) => {
                let model = self.detector.network().name().to_owned();
                Err(VisionError::Role { model, role: "detector that gives points" })
            }
        }
    }

    /// Aligns the face for measuring and embedding; `false` if its points are no points of a face.
    #[must_use]
    pub fn align(&mut self, pixels: Pixels<'_>, points: &FivePoints) -> bool {
        self.face.take(pixels, points, self.embedder.alignment())
    }

    /// The pixels of the face that was aligned last.
    pub fn aligned(&self) -> Pixels<'_> {
        self.face.pixels()
    }

    /// Measures the face that was aligned last.
    pub fn measure(&mut self, pixels: Pixels<'_>, bounds: Bounds, points: &FivePoints) -> Quality {
        self.meter.measure(bounds, points, &self.face, (pixels.width, pixels.height))
    }

    /// The fused liveness score of the face in a box.
    pub fn liveness(&mut self, pixels: Pixels<'_>, bounds: Bounds) -> Result<f32, VisionError> {
        Ok(self.liveness.judge(pixels, bounds)?)
    }

    /// The template of the face that was aligned last.
    pub fn embed(&mut self) -> Result<Template, VisionError> {
        Ok(self.embedder.embed(&self.face)?)
    }

    /// What makes this pipeline's templates, and how long they are.
    pub fn template_model(&self) -> (&crate::core::ids::ModelId, usize) {
        self.embedder.model()
    }

    /// Every model, in the order of the stages, for measuring bare runs.
    pub fn networks(&mut self) -> Vec<&mut Network> {
        let mut all = vec![self.detector.network()];
        all.extend(self.landmarks.as_mut().map(LandmarkFinder::network));
        all.extend(self.liveness.networks());
        all.push(self.embedder.network());
        all
    }

    /// Overwrites whatever a face has left in working memory.
    pub fn wipe(&mut self) {
        self.face.wipe();
        for network in self.networks() {
            network.wipe();
        }
    }
}

/// Loads models of one store into one runtime.
struct Loader<'a> {
    store: &'a ModelStore,
    runtime: Runtime,
    threads: usize,
}

type Outputs = Vec<(String, Vec<Option<usize>>)>;

impl Loader<'_> {
    fn recipe(&self, name: &str) -> Result<(InputRecipe, Task), VisionError> {
        let found = self.store.manifest().model(name);
        let (_, input, task) = found.ok_or_else(|| StoreError::Unlisted(name.to_owned()))?;
        Ok((input.clone(), task.clone()))
    }

    fn network(
        &self,
        name: &str,
        input: InputRecipe,
        outputs: Outputs,
    ) -> Result<(Network, Resampler), VisionError> {
        let Loadable { bytes, form, instead } = self.store.model(name)?;
        if let Some(reason) = instead {
            tracing::warn!(model = name, "runs as shipped, slower than it could: {reason}");
        }
        tracing::debug!(model = name, form = form.name(), "model is loaded");
        let plan = Plan {
            model: name.to_owned(),
            input: input.name.clone(),
            shape: input.shape(),
            outputs,
        };
        let network = Network::load(&self.runtime, plan, &bytes, self.threads)?;
        Ok((network, Resampler::new(input)))
    }

    fn detector(&self, name: &str) -> Result<Detector, VisionError> {
        let (input, task) = self.recipe(name)?;
        let Task::Detector(recipe) = task else { return Err(wrong_role(name, "detector")) };
        let outputs = Detector::outputs(&recipe, input.shape());
        let (network, resampler) = self.network(name, input, outputs)?;
        Ok(Detector::new(network, resampler, recipe))
    }

    fn landmarks(&self, name: &str) -> Result<LandmarkFinder, VisionError> {
        let (input, task) = self.recipe(name)?;
        let Task::Landmarks(recipe) = task else { return Err(wrong_role(name, "landmark")) };
        let LandmarkRecipe::Points68 { output } = &recipe;
        let outputs = vec![(output.clone(), vec![Some(1), Some(136)])];
        let (network, resampler) = self.network(name, input, outputs)?;
        Ok(LandmarkFinder::new(network, resampler, recipe))
    }

    fn embedder(&self, name: &str) -> Result<Embedder, VisionError> {
        let (input, task) = self.recipe(name)?;
        let Task::Embedder(recipe) = task else { return Err(wrong_role(name, "embedding")) };
        let outputs = vec![(recipe.output.clone(), vec![Some(1), Some(recipe.length)])];
        let (network, resampler) = self.network(name, input, outputs)?;
        let model = self.store.manifest().template_model();
        Ok(Embedder::new(network, resampler, recipe, model))
    }

    fn liveness(&self, name: &str) -> Result<LivenessJudge, VisionError> {
        let (input, task) = self.recipe(name)?;
        let Task::Liveness(recipe) = task else { return Err(wrong_role(name, "liveness")) };
        let outputs = vec![(recipe.output.clone(), vec![Some(1), Some(recipe.classes)])];
        let (network, resampler) = self.network(name, input, outputs)?;
        Ok(LivenessJudge::new(network, resampler, recipe))
    }
}

fn wrong_role(model: &str, role: &'static str) -> VisionError {
    VisionError::Role { model: model.to_owned(), role }
}
