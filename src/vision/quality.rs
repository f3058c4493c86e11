//! Measures how good a face's picture is. Measures only: the core decides what is good enough.

use super::align::{AlignedFace, SIDE};
use super::geometry::{Bounds, FivePoints};
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
            sharpness,
            brightness,
            contrast: variance.sqrt(),
            yaw: yaw(points),
            inside: bounds.part_inside(width, height),
        }
    }
}

/// What a face measures whose points cannot be aligned by: nothing, so that every gate refuses it.
pub fn unmeasurable(bounds: Bounds) -> Quality {
    let face_px = bounds.height();
    Quality { face_px, sharpness: 0.0, brightness: 0.0, contrast: 0.0, yaw: 1.0, inside: 0.0 }
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

#[cfg(test)]
mod tests {
    use super::super::geometry::Point;
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
}
