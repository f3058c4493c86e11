//! How a model wants its input and what its output means: everything the program must know of a model,
//! so that another one needs another manifest and no other program.

use serde::Deserialize;

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
