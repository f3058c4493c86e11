//! How a model wants its input and what its output means: everything the program must know of a model,
//! so that another one needs another manifest and no other program.

use serde::Deserialize;

use crate::core::calibration::{Calibration, CalibrationFault, RatePoint};

/// Longest side of a model's input: above it a manifest is a mistake or an attack on the memory.
const LONGEST_SIDE: usize = 2048;

/// What a model is for, with what only that task needs to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Finds faces in a whole frame.
    Detector(DetectorRecipe),
    /// Finds the points of one face.
    Landmarks(LandmarkRecipe),
    /// Makes the vector that is compared.
    Embedder(EmbedderRecipe),
    /// Tells a face from a picture of one.
    Liveness(LivenessRecipe),
}

impl Task {
    /// The task's name as the manifest spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Detector(_) => "detector",
            Self::Landmarks(_) => "landmarks",
            Self::Embedder(_) => "embedder",
            Self::Liveness(_) => "liveness",
        }
    }

    /// What makes no sense about this task with that input, and what to write instead.
    pub(super) fn problem(&self, input: &InputRecipe) -> Option<&'static str> {
        input.problem().or_else(|| match self {
            Self::Detector(recipe) => recipe.problem(input),
            Self::Landmarks(_) | Self::Embedder(_) | Self::Liveness(_) if input.fit == Fit::Pad => {
                Some("input: fit = \"pad\" is for detectors; write \"stretch\"")
            }
            Self::Landmarks(LandmarkRecipe::Points68 { .. }) => None,
            Self::Embedder(recipe) => recipe.problem(input),
            Self::Liveness(recipe) => recipe.problem(),
        })
    }
}

/// A model's input tensor: 1 x channels x height x width, planar, 32-bit floats.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRecipe {
    /// The graph's name for it.
    pub name: String,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// How a source of another shape is brought in.
    pub fit: Fit,
    /// Channels and their order.
    pub colour: Colour,
    /// Taken from each pixel value (0 to 255) first.
    pub subtract: f32,
    /// What the difference is divided by.
    pub divide: f32,
}

impl InputRecipe {
    /// The tensor's shape.
    pub fn shape(&self) -> [usize; 4] {
        [1, self.colour.channels(), self.height, self.width]
    }

    fn problem(&self) -> Option<&'static str> {
        let sides = [self.width, self.height];
        if !sides.iter().all(|side| (8..=LONGEST_SIDE).contains(side)) {
            return Some("input: width and height must be 8 to 2048");
        }
        let lawful = self.divide.is_finite() && self.divide > 0.0 && self.subtract.is_finite();
        (!lawful).then_some("input: subtract must be a number and divide one above 0")
    }
}

/// How a source of another shape fills an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Both sides are scaled on their own.
    Stretch,
    /// Made smaller if it must be, never larger, and black is added at the right and below.
    Pad,
}

/// The channels of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
    /// One channel: 0.299 R + 0.587 G + 0.114 B.
    Grey,
}

impl Colour {
    /// How many channels the tensor has.
    pub fn channels(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }
}

/// A detector's outputs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "decoder", rename_all = "snake_case", deny_unknown_fields)]
pub enum DetectorRecipe {
    /// Boxes come as corners in parts of the input, with two class scores each. No points.
    Corners {
        /// Output with N x 2 scores, the second of which is "face".
        scores: String,
        /// Output with N x 4 corners: left, top, right, bottom.
        boxes: String,
        /// A box with a lower score is no face.
        threshold: f32,
        /// Boxes that overlap a better one by more than this are the same face.
        nms_iou: f32,
    },
    /// OpenCV Zoo's YuNet: per stride `cls_S`, `obj_S`, `bbox_S`, `kps_S`. Gives five points.
    Yunet {
        /// Cell sizes in input pixels.
        strides: Vec<usize>,
        /// A box with a lower score, the root of class times object score, is no face.
        threshold: f32,
        /// Boxes that overlap a better one by more than this are the same face.
        nms_iou: f32,
    },
}

impl DetectorRecipe {
    /// Whether it finds the five points too, so that no landmark model is needed.
    pub fn gives_points(&self) -> bool {
        match self {
            Self::Corners { .. } => false,
            Self::Yunet { .. } => true,
        }
    }

    /// Score threshold and NMS overlap.
    pub fn gates(&self) -> (f32, f32) {
        match self {
            Self::Corners { threshold, nms_iou, .. } | Self::Yunet { threshold, nms_iou, .. } => {
                (*threshold, *nms_iou)
            }
        }
    }

    fn problem(&self, input: &InputRecipe) -> Option<&'static str> {
        let (threshold, nms_iou) = self.gates();
        if !(0.0 < threshold && threshold < 1.0 && 0.0 < nms_iou && nms_iou < 1.0) {
            return Some("threshold and nms_iou must lie between 0 and 1");
        }
        let Self::Yunet { strides, .. } = self else { return None };
        let even = |stride: &usize| {
            *stride > 0
                && input.width.is_multiple_of(*stride)
                && input.height.is_multiple_of(*stride)
        };
        (strides.is_empty() || !strides.iter().all(even))
            .then_some("strides must be given, and each must divide the input's width and height")
    }
}

/// A landmark model's output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "decoder", rename_all = "snake_case", deny_unknown_fields)]
pub enum LandmarkRecipe {
    /// 68 (x, y) pairs in the order of the iBUG 300-W annotation, in parts of the face's box.
    Points68 {
        /// Output with 136 values.
        output: String,
    },
}

/// An embedding model's input and output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedderRecipe {
    /// Where the five points belong.
    pub template: AlignmentTemplate,
    /// Output with the vector.
    pub output: String,
    /// The vector's length.
    pub length: usize,
    /// Which similarity keeps to which false match rate.
    pub calibration: Option<CalibrationRecipe>,
}

/// What was measured of an embedder's false matches.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationRecipe {
    /// On which pictures, and how many pairs of different people.
    pub measured_on: String,
    /// False match rate and similarity, the highest rate first.
    pub points: Vec<[f32; 2]>,
}

impl CalibrationRecipe {
    /// The table, for decisions.
    pub fn calibration(&self) -> Result<Calibration, CalibrationFault> {
        let point =
            |[rate, similarity]: &[f32; 2]| RatePoint { rate: *rate, similarity: *similarity };
        Calibration::new(self.points.iter().map(point).collect())
    }
}

impl EmbedderRecipe {
    fn problem(&self, input: &InputRecipe) -> Option<&'static str> {
        let AlignmentTemplate::Arcface112 = self.template;
        if (input.width, input.height) != (112, 112) {
            return Some("template arcface112 needs an input of 112x112");
        }
        if !(16..=4096).contains(&self.length) {
            return Some("length must be 16 to 4096");
        }
        if self.calibration.as_ref().is_some_and(|table| table.calibration().is_err()) {
            return Some(
                "calibration needs at least two points, each with a lower rate and a higher similarity than the one \
                 before",
            );
        }
        (input.colour == Colour::Grey).then_some("input: colour must be rgb or bgr")
    }
}

/// Where the five points of an aligned face belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignmentTemplate {
    /// The 112x112 template that ArcFace and most open embedders were trained with.
    Arcface112,
}

/// A liveness model's crop and output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivenessRecipe {
    /// Output with one value for each class, before softmax.
    pub output: String,
    /// How many classes.
    pub classes: usize,
    /// Which of them is "live", counted from 0.
    pub live_class: usize,
    /// The face's box is enlarged this many times about its centre.
    pub crop: f32,
}

impl LivenessRecipe {
    fn problem(&self) -> Option<&'static str> {
        if !(2..=64).contains(&self.classes) || self.live_class >= self.classes {
            return Some("classes must be 2 to 64, and live_class below it");
        }
        (!(1.0..=8.0).contains(&self.crop)).then_some("crop must be 1 to 8")
    }
}
