//! Points, boxes and regions: pixels of the frame, x to the right, y down.

/// A place in the frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// The mean of some points; of none, the origin.
    pub fn mean(points: &[Self]) -> Self {
        let count = points.len().max(1) as f32;
        let sum = points.iter().fold(Self::default(), |sum, p| sum.plus(*p));
        Self { x: sum.x / count, y: sum.y / count }
    }

    /// Component-wise sum.
    pub fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }

    /// Component-wise difference.
    pub fn minus(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

/// The five points of a face that decide how it is aligned. Left and right are the picture's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FivePoints {
    /// Middle of the eye at the left.
    pub left_eye: Point,
    /// Middle of the eye at the right.
    pub right_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Corner of the mouth at the left.
    pub left_mouth: Point,
    /// Corner of the mouth at the right.
    pub right_mouth: Point,
}

impl FivePoints {
    /// In the order of the alignment template.
    pub fn in_order(&self) -> [Point; 5] {
        [self.left_eye, self.right_eye, self.nose, self.left_mouth, self.right_mouth]
    }

    /// From the order of the alignment template.
    pub fn from_order([left_eye, right_eye, nose, left_mouth, right_mouth]: [Point; 5]) -> Self {
        Self { left_eye, right_eye, nose, left_mouth, right_mouth }
    }
}

/// A face's box. May reach beyond the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
}

impl Bounds {
    /// Pixels across.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Pixels down.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Pixels covered; nothing if the box is turned inside out.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Whether all edges are numbers and the box covers something.
    pub fn is_real(&self) -> bool {
        let edges = [self.left, self.top, self.right, self.bottom];
        edges.iter().all(|edge| edge.is_finite()) && self.width() > 0.0 && self.height() > 0.0
    }

    /// What two boxes share.
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// Shared area over covered area, 0 to 1.
    pub fn overlap(&self, other: &Self) -> f32 {
        let shared = self.intersection(other).area();
        let covered = self.area() + other.area() - shared;
        if covered > 0.0 { shared / covered } else { 0.0 }
    }

    /// The part of the box that lies inside a frame, 0 to 1.
    pub fn part_inside(&self, width: usize, height: usize) -> f32 {
        let frame = Self { left: 0.0, top: 0.0, right: width as f32, bottom: height as f32 };
        let area = self.area();
        if area > 0.0 { self.intersection(&frame).area() / area } else { 0.0 }
    }

    /// The part of a frame's height, or of its width if that is more, that the box takes up.
    pub fn part_filled(&self, width: usize, height: usize) -> f32 {
        (self.width() / width.max(1) as f32).max(self.height() / height.max(1) as f32)
    }

    /// The middle.
    pub fn middle(&self) -> Point {
        Point { x: (self.left + self.right) / 2.0, y: (self.top + self.bottom) / 2.0 }
    }

    /// The whole pixels of the box that lie inside a frame: at least one.
    pub fn region(&self, width: usize, height: usize) -> Region {
        let span = |low: f32, high: f32, length: usize| {
            let start = (low.max(0.0) as usize).min(length.saturating_sub(1));
            let end = (high.max(0.0) as usize).clamp(start + 1, length.max(start + 1));
            (start, end - start)
        };
        let (left, width) = span(self.left, self.right, width);
        let (top, height) = span(self.top, self.bottom, height);
        Region { left, top, width, height }
    }
}

/// Whole pixels inside a frame; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Bounds = Bounds { left: 10.0, top: 10.0, right: 20.0, bottom: 20.0 };

    #[test]
    fn overlap_is_one_with_itself_and_zero_apart() {
        let apart = Bounds { left: 20.0, right: 30.0, ..UNIT };
        let half = Bounds { left: 15.0, right: 25.0, ..UNIT };
        assert!((UNIT.overlap(&UNIT) - 1.0).abs() < 1e-6);
        assert!(UNIT.overlap(&apart).abs() < 1e-6);
        assert!((UNIT.overlap(&half) - 1.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn a_region_lies_inside_the_frame_wherever_the_box_lies() {
        for (left, right) in [(-50.0, -20.0), (90.0, 900.0), (f32::NAN, f32::NAN), (5.0, 5.0)] {
            let region = Bounds { left, top: -3.0, right, bottom: 4.0 }.region(100, 50);
            assert!(region.width >= 1 && region.left + region.width <= 100, "{region:?}");
            assert_eq!((region.top, region.height), (0, 4));
        }
    }

    #[test]
    fn the_part_inside_is_measured_by_area() {
        let bounds = Bounds { left: -10.0, top: 0.0, right: 10.0, bottom: 10.0 };
        assert!((bounds.part_inside(100, 100) - 0.5).abs() < 1e-6);
    }
}
