//! Brings a face to the place, size and angle at which the embedder learned faces.

use super::geometry::{FivePoints, Point};
use super::picture::Pixels;
use crate::models::recipe::AlignmentTemplate;

/// Side of an aligned face in pixels.
pub const SIDE: usize = 112;

/// Where the five points of an aligned face belong: the template of InsightFace's `arcface_torch`.
const ARCFACE_112: [Point; 5] = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// Rotation, scale and shift: (x, y) becomes (a x - b y + shift.x, b x + a y + shift.y).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    a: f32,
    b: f32,
    shift: Point,
}

impl Similarity {
    /// The least-squares similarity that brings `from` to `to` (Umeyama, without reflection). `None` when
    /// the points lie in one place or are no numbers.
    pub fn fit(from: &[Point; 5], to: &[Point; 5]) -> Option<Self> {
        let (from_mean, to_mean) = (Point::mean(from), Point::mean(to));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (source, target) in from.iter().zip(to) {
            let (s, t) = (source.minus(from_mean), target.minus(to_mean));
            dot += s.x * t.x + s.y * t.y;
            cross += s.x * t.y - s.y * t.x;
            spread += s.x * s.x + s.y * s.y;
        }
        let (a, b) = (dot / spread, cross / spread);
        let rotated =
            Point { x: a * from_mean.x - b * from_mean.y, y: b * from_mean.x + a * from_mean.y };
        let lawful = spread > 1.0 && a.hypot(b) > 1e-4;
        // NaN in any point makes `spread` NaN, which is not above 1.
        lawful.then_some(Self { a, b, shift: to_mean.minus(rotated) })
    }

    /// Where a point goes.
    pub fn apply(&self, p: Point) -> Point {
        Point { x: self.a * p.x - self.b * p.y, y: self.b * p.x + self.a * p.y }.plus(self.shift)
    }

    /// The way back.
    fn inverse(&self) -> Self {
        let norm = self.a * self.a + self.b * self.b;
        let turn = Self { a: self.a / norm, b: -self.b / norm, shift: Point::default() };
        let back = turn.apply(self.shift);
        Self { shift: Point { x: -back.x, y: -back.y }, ..turn }
    }
}

/// A face of 112x112 pixels, 8-bit RGB; its buffer is used again for the next one.
pub struct AlignedFace {
    rgb: Vec<u8>,
}

impl Default for AlignedFace {
    fn default() -> Self {
        Self { rgb: vec![0; SIDE * SIDE * 3] }
    }
}

impl AlignedFace {
    /// The pixels.
    pub fn pixels(&self) -> Pixels<'_> {
        Pixels { width: SIDE, height: SIDE, rgb: &self.rgb }
    }

    /// Takes the face with these five points out of a frame. What lies outside the frame is black. Says
    /// whether the points were fit to align by; if not, nothing has changed.
    #[must_use]
    pub fn take(
        &mut self,
        pixels: Pixels<'_>,
        points: &FivePoints,
        template: AlignmentTemplate,
    ) -> bool {
        let places = match template {
            AlignmentTemplate::Arcface112 => &ARCFACE_112,
        };
        let Some(similarity) = Similarity::fit(&points.in_order(), places) else { return false };
        let back = similarity.inverse();
        let at = |x: usize, y: usize| back.apply(Point { x: x as f32, y: y as f32 });
        for (y, row) in self.rgb.chunks_exact_mut(SIDE * 3).enumerate() {
            if is_well_inside(pixels, at(0, y)) && is_well_inside(pixels, at(SIDE - 1, y)) {
                take_inner_row(pixels, at(0, y), (back.a, back.b), row);
                continue;
            }
            for (x, out) in row.chunks_exact_mut(3).enumerate() {
                out.copy_from_slice(&bilinear(pixels, at(x, y)));
            }
        }
        true
    }

    /// One pixel of a frame between its pixels, bilinear.
    pub(super) fn sample(pixels: Pixels<'_>, at: Point) -> [u8; 3] {
        bilinear(pixels, at)
    }

    /// Overwrites the pixels.
    pub fn wipe(&mut self) {
        self.rgb.fill(0);
    }
}

/// Whether all four pixels around a place, and around what rounding may make of it, lie in the frame.
fn is_well_inside(pixels: Pixels<'_>, at: Point) -> bool {
    let (right, bottom) = (pixels.width as f32 - 3.0, pixels.height as f32 - 3.0);
    (1.0..right).contains(&at.x) && (1.0..bottom).contains(&at.y)
}

/// One row of which both ends are well inside, from `start` in steps: what [`bilinear`] gives, with the place in
/// whole numbers (40 bits of them before the point, 24 behind).
fn take_inner_row(pixels: Pixels<'_>, start: Point, step: (f32, f32), row: &mut [u8]) {
    const ONE: f32 = (1 << 24) as f32;
    let whole = |value: f32| (value * ONE) as i64;
    let half_weight = 1 << 15;
    let (mut x, mut y) = (whole(start.x) + half_weight, whole(start.y) + half_weight);
    let (step_x, step_y) = (whole(step.0), whole(step.1));
    for out in row.chunks_exact_mut(3) {
        let upper = ((y >> 24) as usize * pixels.width + (x >> 24) as usize) * 3;
        let lower = upper + pixels.width * 3;
        let (across, down) = ((x >> 16) as u32 & 255, (y >> 16) as u32 & 255);
        let (upper, lower) = (&pixels.rgb[upper..upper + 6], &pixels.rgb[lower..lower + 6]);
        for (channel, out) in out.iter_mut().enumerate() {
            let blend = |pair: &[u8]| {
                u32::from(pair[channel]) * (256 - across) + u32::from(pair[channel + 3]) * across
            };
            *out = ((blend(upper) * (256 - down) + blend(lower) * down + 0x8000) >> 16) as u8;
        }
        (x, y) = (x + step_x, y + step_y);
    }
}

/// The blend of the four pixels around a place, in whole 256ths of weight.
#[inline]
fn bilinear(pixels: Pixels<'_>, at: Point) -> [u8; 3] {
    // Truncation and a step for what lies left or above: `floor` is a function call on older processors.
    let floor = |value: f32| value as isize - isize::from(value < 0.0);
    let (left, top) = (floor(at.x), floor(at.y));
    let weight = |value: f32, floor: isize| ((value - floor as f32) * 256.0 + 0.5) as u32;
    let (across, down) = (weight(at.x, left), weight(at.y, top));
    let inside = left >= 0
        && top >= 0
        && left < pixels.width as isize - 1
        && top < pixels.height as isize - 1;
    let [upper_left, upper_right, lower_left, lower_right] = if inside {
        let start = (top as usize * pixels.width + left as usize) * 3;
        let next = start + pixels.width * 3;
        let (upper, lower) = (&pixels.rgb[start..start + 6], &pixels.rgb[next..next + 6]);
        [
            [upper[0], upper[1], upper[2]],
            [upper[3], upper[4], upper[5]],
            [lower[0], lower[1], lower[2]],
            [lower[3], lower[4], lower[5]],
        ]
    } else {
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| edge(pixels, left + dx, top + dy))
    };
    [0, 1, 2].map(|channel| {
        let blend = |a: u8, b: u8| u32::from(a) * (256 - across) + u32::from(b) * across;
        let upper = blend(upper_left[channel], upper_right[channel]);
        let lower = blend(lower_left[channel], lower_right[channel]);
        ((upper * (256 - down) + lower * down + 0x8000) >> 16) as u8
    })
}

fn edge(pixels: Pixels<'_>, x: isize, y: isize) -> [u8; 3] {
    let outside = x < 0 || y < 0 || x >= pixels.width as isize || y >= pixels.height as isize;
    if outside {
        return [0; 3];
    }
    let start = (y as usize * pixels.width + x as usize) * 3;
    [pixels.rgb[start], pixels.rgb[start + 1], pixels.rgb[start + 2]]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn moved(scale: f32, angle: f32, shift: Point) -> [Point; 5] {
        let (sin, cos) = angle.sin_cos();
        ARCFACE_112
            .map(|p| Point { x: cos * p.x - sin * p.y, y: sin * p.x + cos * p.y })
            .map(|p| Point { x: p.x * scale, y: p.y * scale }.plus(shift))
    }

    #[test]
    fn a_turned_scaled_and_shifted_face_comes_back_exactly() {
        for (scale, angle) in [(1.0, 0.0), (3.5, 0.4), (0.3, -1.2), (2.0, 3.0)] {
            let from = moved(scale, angle, Point { x: 300.0, y: -20.0 });
            let fit = Similarity::fit(&from, &ARCFACE_112).unwrap();
            for (source, target) in from.iter().zip(&ARCFACE_112) {
                let found = fit.apply(*source);
                let back = fit.inverse().apply(found);
                assert!((found.x - target.x).abs() < 1e-2 && (found.y - target.y).abs() < 1e-2);
                assert!((back.x - source.x).abs() < 1e-2 && (back.y - source.y).abs() < 1e-2);
            }
        }
    }

    #[test]
    fn points_in_one_place_or_no_numbers_cannot_be_aligned() {
        let one = [Point { x: 5.0, y: 5.0 }; 5];
        let none = [Point { x: f32::NAN, y: 5.0 }; 5];
        assert_eq!(Similarity::fit(&one, &ARCFACE_112), None);
        assert_eq!(Similarity::fit(&none, &ARCFACE_112), None);
    }

    #[test]
    fn a_face_that_is_aligned_already_is_copied() {
        let rgb: Vec<u8> = (0..SIDE * SIDE * 3).map(|i| (i % 251) as u8).collect();
        let pixels = Pixels { width: SIDE, height: SIDE, rgb: &rgb };
        let mut face = AlignedFace::default();
        let points = FivePoints::from_order(ARCFACE_112);
        assert!(face.take(pixels, &points, AlignmentTemplate::Arcface112));
        let inner = |y: usize| (y * SIDE + 1) * 3..(y * SIDE + SIDE - 2) * 3;
        for y in 1..SIDE - 2 {
            for (found, given) in face.rgb[inner(y)].iter().zip(&rgb[inner(y)]) {
                assert!(found.abs_diff(*given) <= 1, "row {y}: {found} {given}");
            }
        }
    }

    #[test]
    fn rows_inside_the_frame_are_sampled_like_single_pixels() {
        let rgb: Vec<u8> = (0..400_u64 * 300 * 3).map(|i| (i * i / 7 % 256) as u8).collect();
        let pixels = Pixels { width: 400, height: 300, rgb: &rgb };
        let points = FivePoints::from_order(moved(1.3, 0.3, Point { x: 120.0, y: 40.0 }));
        let mut face = AlignedFace::default();
        assert!(face.take(pixels, &points, AlignmentTemplate::Arcface112));
        let back = Similarity::fit(&points.in_order(), &ARCFACE_112).unwrap().inverse();
        let (mut inner, mut apart) = (0, 0);
        for (index, found) in face.rgb.chunks_exact(3).enumerate() {
            let (x, y) = ((index % SIDE) as f32, (index / SIDE) as f32);
            let at = back.apply(Point { x, y });
            inner += usize::from(is_well_inside(pixels, at));
            let expected = bilinear(pixels, at);
            apart += usize::from(found.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 2));
        }
        assert!(inner == SIDE * SIDE && apart < SIDE * SIDE / 100, "{inner} {apart}");
    }

    #[test]
    fn what_lies_outside_the_frame_is_black() {
        let rgb = vec![255; 20 * 20 * 3];
        let pixels = Pixels { width: 20, height: 20, rgb: &rgb };
        let points = FivePoints::from_order(moved(1.0, 0.0, Point { x: -60.0, y: -60.0 }));
        let mut face = AlignedFace::default();
        assert!(face.take(pixels, &points, AlignmentTemplate::Arcface112));
        assert_eq!(face.rgb[..3], [0, 0, 0]);
        assert!(face.rgb.contains(&255));
    }
}
