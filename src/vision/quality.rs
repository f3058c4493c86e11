//! Measures how good a face's picture is. Measures only: the core decides what is good enough.

use super::align::{AlignedFace, SIDE};
use super::geometry::{Bounds, FivePoints, Point};
use crate::core::sighting::Quality;

/// Measures faces; keeps its working memory.
pub struct QualityMeter {
    grey: Vec<i32>,
}

impl Default for QualityMeter {
    fn default() -> Self {
        Self { grey: Vec::with_capacity(SIDE * SIDE) }
    }
}

impl QualityMeter {
    /// Measures a face: its box and points in a frame of `width` x `height` pixels, and the aligned face.
    pub fn measure(
        &mut self,
        bounds: Bounds,
        points: &FivePoints,
        face: &AlignedFace,
        (width, height): (usize, usize),
    ) -> Quality {
        self.grey.clear();
        self.grey.extend(face.pixels().rgb.chunks_exact(3).map(|p| {
            (i32::from(p[0]) * 299 + i32::from(p[1]) * 587 + i32::from(p[2]) * 114 + 500) / 1000
        }));
        let (brightness, variance) = mean_and_variance(self.grey.chunks_exact(SIDE).map(Sums::of));
        let (_, sharpness) = mean_and_variance((1..SIDE - 1).map(|y| laplacian(&self.grey, y)));
        self.grey.fill(0);
        Quality {
            face_px: bounds.height(),
            fills: bounds.part_filled(width, height),
            sharpness,
            brightness,
            contrast: variance.sqrt(),
            yaw: yaw(points),
            pitch: pitch(points),
            inside: inside(bounds, width, height),
        }
    }
}

/// How wide a face's box is for its height, at least and at most: 0.59 to 0.98 on 120 of the ORL portraits and eight
/// other photos, 0.34 for half a face.
const LEAST_WIDTH: f32 = 0.58;
const GREATEST_WIDTH: f32 = 1.0;
/// A box that comes so near to an edge, in parts of the frame, may go on behind it.
const EDGE: f32 = 0.02;

/// The part of a face inside the frame. A detector that never looks beyond the frame draws a box around what it sees;
/// one that ends at an edge and is too narrow, or too low, for a face is a cut one.
fn inside(bounds: Bounds, width: usize, height: usize) -> f32 {
    let inside = bounds.part_inside(width, height);
    let at_edge = |low: f32, high: f32, side: usize| {
        let side = side as f32;
        low <= EDGE * side || high >= side - EDGE * side
    };
    let cut_aside = at_edge(bounds.left, bounds.right, width);
    let cut_above = at_edge(bounds.top, bounds.bottom, height);
    let shape = bounds.width() / bounds.height();
    if cut_aside && shape < LEAST_WIDTH {
        inside.min(shape / LEAST_WIDTH)
    } else if cut_above && shape > GREATEST_WIDTH {
        inside.min(GREATEST_WIDTH / shape)
    } else {
        inside
    }
}

/// What a face measures whose points cannot be aligned by: nothing, so that every gate refuses it.
pub fn unmeasurable(bounds: Bounds) -> Quality {
    let face_px = bounds.height();
    Quality {
        face_px,
        fills: 1.0,
        sharpness: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        yaw: 1.0,
        pitch: 1.0,
        inside: 0.0,
    }
}

/// Count, sum and sum of squares of some whole values: at most a row's, so that the sums fit.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: i32,
    sum: i32,
    squares: i32,
}

impl Sums {
    fn of(values: &[i32]) -> Self {
        values.iter().fold(Self::default(), |sums, value| sums.with(*value))
    }

    #[inline]
    fn with(self, value: i32) -> Self {
        let Self { count, sum, squares } = self;
        Self { count: count + 1, sum: sum + value, squares: squares + value * value }
    }
}

/// Four neighbours minus four times the middle, for every inner pixel of one row.
fn laplacian(grey: &[i32], y: usize) -> Sums {
    let row = |y: usize| &grey[y * SIDE..(y + 1) * SIDE];
    let (above, here, below) = (row(y - 1), row(y), row(y + 1));
    let columns = above[1..].iter().zip(&below[1..]).zip(here.windows(3));
    columns.fold(Sums::default(), |sums, ((above, below), here)| {
        sums.with(above + below + here[0] + here[2] - 4 * here[1])
    })
}

/// Of whole values, so that the sums are exact and quick.
fn mean_and_variance(rows: impl Iterator<Item = Sums>) -> (f32, f32) {
    let (count, sum, squares) = rows.fold((0_i64, 0_i64, 0_i64), |(c, s, q), row| {
        (c + i64::from(row.count), s + i64::from(row.sum), q + i64::from(row.squares))
    });
    let mean = sum as f64 / count as f64;
    (mean as f32, (squares as f64 / count as f64 - mean * mean).max(0.0) as f32)
}

/// The nose's place along the line between the eyes: 0 in the middle, -1 and 1 at the eyes.
fn yaw(points: &FivePoints) -> f32 {
    let line = points.right_eye.minus(points.left_eye);
    let nose = points.nose.minus(points.left_eye);
    let along = (nose.x * line.x + nose.y * line.y) / (line.x * line.x + line.y * line.y);
    let yaw = 2.0 * along - 1.0;
    if yaw.is_finite() { yaw } else { 1.0 }
}

/// The nose's place along the line from the middle of the eyes to that of the mouth: 0 half way, -1 at the eyes, 1 at
/// the mouth.
fn pitch(points: &FivePoints) -> f32 {
    let eyes = Point::mean(&[points.left_eye, points.right_eye]);
    let line = Point::mean(&[points.left_mouth, points.right_mouth]).minus(eyes);
    let nose = points.nose.minus(eyes);
    let along = (nose.x * line.x + nose.y * line.y) / (line.x * line.x + line.y * line.y);
    let pitch = 2.0 * along - 1.0;
    if pitch.is_finite() { pitch } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::super::picture::Pixels;
    use super::*;
    use crate::models::recipe::AlignmentTemplate;

    const BOUNDS: Bounds = Bounds { left: 0.0, top: 0.0, right: 112.0, bottom: 112.0 };

    fn points(nose: f32) -> FivePoints {
        FivePoints::from_order(
            [
                (38.2946, 51.6963),
                (73.5318, 51.5014),
                (nose, 71.7366),
                (41.5493, 92.3655),
                (70.7299, 92.2041),
            ]
            .map(|(x, y)| Point { x, y }),
        )
    }

    fn measured(rgb: &[u8]) -> Quality {
        let mut face = AlignedFace::default();
        let pixels = Pixels { width: SIDE, height: SIDE, rgb };
        assert!(face.take(pixels, &points(56.0252), AlignmentTemplate::Arcface112));
        QualityMeter::default().measure(BOUNDS, &points(56.0252), &face, (112, 56))
    }

    #[test]
    fn an_even_surface_is_neither_sharp_nor_contrasted() {
        let quality = measured(&[100; SIDE * SIDE * 3]);
        assert!((quality.brightness - 100.0).abs() < 2.0, "{quality:?}");
        assert!((quality.inside - 0.5).abs() < 1e-6);
        assert!((quality.face_px - 112.0).abs() < 1e-6);
    }

    #[test]
    fn stripes_are_sharper_than_a_slope_of_the_same_contrast() {
        let picture = |value: fn(usize) -> u8| -> Vec<u8> {
            (0..SIDE * SIDE).flat_map(|i| [value(i % SIDE); 3]).collect()
        };
        let stripes = measured(&picture(|x| if x % 4 < 2 { 60 } else { 190 }));
        let slope = measured(&picture(|x| (x * 2) as u8));
        assert!(stripes.contrast > 50.0 && slope.contrast > 50.0);
        assert!(stripes.sharpness > 20.0 * slope.sharpness, "{stripes:?} {slope:?}");
    }

    #[test]
    fn yaw_is_the_place_of_the_nose_between_the_eyes() {
        assert!(yaw(&points(56.0)).abs() < 0.02);
        assert!((yaw(&points(73.5)) - 1.0).abs() < 0.02);
        assert!(yaw(&points(30.0)) < -1.0);
    }

    #[test]
    fn pitch_is_the_place_of_the_nose_between_eyes_and_mouth() {
        let at = |y: f32| {
            let straight = points(56.0252);
            pitch(&FivePoints { nose: Point { y, ..straight.nose }, ..straight })
        };
        assert!(at(71.94).abs() < 0.02);
        assert!((at(92.3) - 1.0).abs() < 0.02, "the chin on the chest");
        assert!((at(51.6) + 1.0).abs() < 0.02);
        let nowhere = FivePoints::from_order([Point::default(); 5]);
        assert!((pitch(&nowhere) - 1.0).abs() < 1e-6, "no face is not straight");
    }

    #[test]
    fn a_box_that_an_edge_has_cut_is_not_a_whole_face() {
        let bounds = |left, top, right, bottom| Bounds { left, top, right, bottom };
        let part = |bounds| inside(bounds, 640, 480);
        assert!((part(bounds(0.0, 100.0, 70.0, 300.0)) - 0.35 / 0.58).abs() < 1e-4, "half a face");
        assert!((part(bounds(570.0, 100.0, 639.0, 300.0)) - 0.345 / 0.58).abs() < 1e-4);
        assert!((part(bounds(100.0, 0.0, 250.0, 100.0)) - 1.0 / 1.5).abs() < 1e-4, "no forehead");
        assert!((part(bounds(0.0, 0.0, 140.0, 200.0)) - 1.0).abs() < 1e-6, "whole, in the corner");
        assert!((part(bounds(100.0, 100.0, 170.0, 300.0)) - 1.0).abs() < 1e-6, "only narrow");
        assert!((part(bounds(-70.0, 100.0, 70.0, 300.0)) - 0.5).abs() < 1e-6);
    }
}
