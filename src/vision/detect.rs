//! Finds the faces of a frame.

use super::geometry::{Bounds, FivePoints, Point, Region};
use super::onnx::{Network, OnnxError};
use super::picture::Pixels;
use super::resample::{Placement, Resampler};
use crate::models::recipe::DetectorRecipe;

/// More candidates than this are not compared with each other: the best ones are.
const MOST_CANDIDATES: usize = 512;

/// One face.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Where, in pixels of the frame.
    pub bounds: Bounds,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// The five points, if this detector finds them.
    pub points: Option<FivePoints>,
}

/// A detection model with its recipe.
pub struct Detector {
    network: Network,
    resampler: Resampler,
    recipe: DetectorRecipe,
    found: Vec<Detection>,
}

impl Detector {
    /// Puts a loaded model and its recipe together.
    pub fn new(network: Network, resampler: Resampler, recipe: DetectorRecipe) -> Self {
        Self { network, resampler, recipe, found: Vec::new() }
    }

    /// The shapes of the outputs a detector of this recipe must have, by name.
    pub fn outputs(recipe: &DetectorRecipe, [_, _, height, width]: [usize; 4]) -> Outputs {
        match recipe {
            DetectorRecipe::Corners { scores, boxes, .. } => vec![
                (scores.clone(), vec![Some(1), None, Some(2)]),
                (boxes.clone(), vec![Some(1), None, Some(4)]),
            ],
            DetectorRecipe::Yunet { strides, .. } => strides
                .iter()
                .flat_map(|stride| {
                    let cells = Some((width / stride) * (height / stride));
                    [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)].map(|(kind, values)| {
                        (format!("{kind}_{stride}"), vec![Some(1), cells, Some(values)])
                    })
                })
                .collect(),
        }
    }

    /// The faces, largest first.
    pub fn find(&mut self, pixels: Pixels<'_>) -> Result<&[Detection], OnnxError> {
        let (width, height) = (pixels.width, pixels.height);
        let frame = Region { left: 0, top: 0, width, height };
        let placement = self.resampler.fill(pixels, frame, self.network.input());
        self.network.run()?;
        self.found.clear();
        match &self.recipe {
            DetectorRecipe::Corners { threshold, .. } => {
                let (scores, boxes) = (self.network.output(0), self.network.output(1));
                decode_corners(scores, boxes, (width, height), *threshold, &mut self.found);
            }
            DetectorRecipe::Yunet { strides, threshold, .. } => {
                let columns = self.resampler.recipe().width;
                for (level, stride) in strides.iter().enumerate() {
                    let [cls, obj, bbox, kps] =
                        [0, 1, 2, 3].map(|kind| self.network.output(level * 4 + kind));
                    let cells =
                        Cells { stride: *stride, columns: columns / stride, cls, obj, bbox, kps };
                    cells.decode(placement, *threshold, &mut self.found);
                }
            }
        }
        let (_, nms_iou) = self.recipe.gates();
        settle(&mut self.found, nms_iou);
        Ok(&self.found)
    }

    /// The model, for measuring and wiping.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }
}

/// Names and shapes of outputs, as [`super::onnx::Plan`] wants them.
pub type Outputs = Vec<(String, Vec<Option<usize>>)>;

/// The faces in a corner detector's outputs, largest first: what [`Detector::find`] makes of them, whatever they are.
pub fn faces_in_corners(
    scores: &[f32],
    boxes: &[f32],
    frame: (usize, usize),
    (threshold, nms_iou): (f32, f32),
) -> Vec<Detection> {
    let mut found = Vec::new();
    decode_corners(scores, boxes, frame, threshold, &mut found);
    settle(&mut found, nms_iou);
    found
}

/// Boxes that are some and do not overlap, largest first.
fn settle(found: &mut Vec<Detection>, nms_iou: f32) {
    keep_best(found, nms_iou);
    found.sort_by(|a, b| b.bounds.height().total_cmp(&a.bounds.height()));
}

/// Corners in parts of the frame, with the scores of "no face" and "face".
fn decode_corners(
    scores: &[f32],
    boxes: &[f32],
    (width, height): (usize, usize),
    threshold: f32,
    found: &mut Vec<Detection>,
) {
    let (width, height) = (width as f32, height as f32);
    for (score, corners) in scores.chunks_exact(2).zip(boxes.chunks_exact(4)) {
        if score[1] > threshold {
            let bounds = Bounds {
                left: corners[0] * width,
                top: corners[1] * height,
                right: corners[2] * width,
                bottom: corners[3] * height,
            };
            found.push(Detection { bounds, score: score[1], points: None });
        }
    }
}

/// One stride's outputs of a YuNet.
struct Cells<'a> {
    stride: usize,
    columns: usize,
    cls: &'a [f32],
    obj: &'a [f32],
    bbox: &'a [f32],
    kps: &'a [f32],
}

impl Cells<'_> {
    fn decode(&self, placement: Placement, threshold: f32, found: &mut Vec<Detection>) {
        for (cell, (cls, obj)) in self.cls.iter().zip(self.obj).enumerate() {
            let score = (cls.clamp(0.0, 1.0) * obj.clamp(0.0, 1.0)).sqrt();
            if score > threshold {
                let (bounds, points) = self.face(cell, placement);
                found.push(Detection { bounds, score, points: Some(points) });
            }
        }
    }

    fn face(&self, cell: usize, placement: Placement) -> (Bounds, FivePoints) {
        let stride = self.stride as f32;
        let origin = ((cell % self.columns) as f32, (cell / self.columns) as f32);
        let place = |dx: f32, dy: f32| Point {
            x: (origin.0 + dx) * stride * placement.x,
            y: (origin.1 + dy) * stride * placement.y,
        };
        let bbox = &self.bbox[cell * 4..cell * 4 + 4];
        let centre = place(bbox[0], bbox[1]);
        let half_width = bbox[2].exp() * stride * placement.x / 2.0;
        let half_height = bbox[3].exp() * stride * placement.y / 2.0;
        let bounds = Bounds {
            left: centre.x - half_width,
            top: centre.y - half_height,
            right: centre.x + half_width,
            bottom: centre.y + half_height,
        };
        let kps = &self.kps[cell * 10..cell * 10 + 10];
        let points = [0, 2, 4, 6, 8].map(|at| place(kps[at], kps[at + 1]));
        (bounds, FivePoints::from_order(points))
    }
}

/// Of boxes that overlap by more than `nms_iou`, only the best stays; so do only boxes that are boxes.
fn keep_best(found: &mut Vec<Detection>, nms_iou: f32) {
    found.retain(|face| face.bounds.is_real());
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(MOST_CANDIDATES);
    let mut kept = 0;
    for candidate in 0..found.len() {
        let bounds = found[candidate].bounds;
        if found[..kept].iter().all(|better| better.bounds.overlap(&bounds) <= nms_iou) {
            found.swap(kept, candidate);
            kept += 1;
        }
    }
    found.truncate(kept);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn face(left: f32, score: f32) -> Detection {
        let bounds = Bounds { left, top: 0.0, right: left + 10.0, bottom: 10.0 };
        Detection { bounds, score, points: None }
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays() {
        let mut found = vec![face(1.0, 0.8), face(50.0, 0.7), face(0.0, 0.9), face(2.0, 0.85)];
        keep_best(&mut found, 0.4);
        assert_eq!(found, [face(0.0, 0.9), face(50.0, 0.7)]);
    }

    #[test]
    fn boxes_that_are_none_are_dropped() {
        let mut found = vec![face(f32::NAN, 0.9), face(0.0, 0.8)];
        let mut inside_out = face(30.0, 0.99);
        inside_out.bounds.right = 20.0;
        found.push(inside_out);
        keep_best(&mut found, 0.4);
        assert_eq!(found, [face(0.0, 0.8)]);
    }

    #[test]
    fn corners_are_parts_of_the_frame() {
        let mut found = Vec::new();
        let scores = [0.9, 0.1, 0.2, 0.8];
        let boxes = [0.0, 0.0, 1.0, 1.0, 0.25, 0.5, 0.75, 1.0];
        decode_corners(&scores, &boxes, (640, 480), 0.65, &mut found);
        let bounds = Bounds { left: 160.0, top: 240.0, right: 480.0, bottom: 480.0 };
        assert_eq!(found, [Detection { bounds, score: 0.8, points: None }]);
    }

    #[test]
    fn a_yunet_cell_speaks_of_its_own_place() {
        // Two columns of stride 8; the second cell of the second row sees a face.
        let cls = [0.0, 0.0, 0.0, 1.0];
        let obj = [1.0, 1.0, 1.0, 0.81];
        let mut bbox = [0.0; 16];
        bbox[12..].copy_from_slice(&[0.5, 0.5, 2.0_f32.ln(), 4.0_f32.ln()]);
        let mut kps = [0.0; 40];
        kps[30] = 1.0;
        let cells = Cells { stride: 8, columns: 2, cls: &cls, obj: &obj, bbox: &bbox, kps: &kps };
        let mut found = Vec::new();
        cells.decode(Placement { x: 2.0, y: 2.0 }, 0.6, &mut found);
        let [face] = found.as_slice() else { panic!("{found:?}") };
        assert!((face.score - 0.9).abs() < 1e-6);
        let Bounds { left, top, right, bottom } = face.bounds;
        for (found, expected) in [(left, 8.0), (top, -8.0), (right, 40.0), (bottom, 56.0)] {
            assert!((found - expected).abs() < 1e-4, "{:?}", face.bounds);
        }
        assert_eq!(face.points.unwrap().left_eye, Point { x: 32.0, y: 16.0 });
    }
}
