//! Photos that were taken elsewhere: for enrolment, for comparing two of them, for measuring a set.
//!
//! An ID photo is often cut so tightly that a detector, which learned faces with something around them,
//! finds none, or a wrong box. Then the photo is looked at once more with its edges continued outwards.

use super::align::AlignedFace;
use super::detect::Detection;
use super::geometry::{Bounds, FivePoints, Point};
use super::picture::{Picture, Pixels};
use super::pipeline::{Pipeline, VisionError};
use super::quality;
use crate::core::sighting::Quality;
use crate::ports::Template;

/// A face counts as "also there" if it is at least this part of the largest one's height: somebody who
/// stands beside it or a step behind, not somebody who passes by.
pub const NEAR_PART: f32 = 0.6;

/// A face wider or higher than this part of the photo is looked at again with a margin.
const TIGHT_PART: f32 = 0.5;

/// Below this score a face in a photo is looked at again with a margin, and the surer look counts. (Of 400
/// tightly cut portraits of the ORL set, the one box that was a wrong one had 0.87.)
const SURE_SCORE: f32 = 0.9;

/// How many of the faces, largest first, are near ones.
pub fn near_faces(faces: &[Detection]) -> usize {
    let Some(largest) = faces.first() else { return 0 };
    let least = largest.bounds.height() * NEAR_PART;
    faces.iter().take_while(|face| face.bounds.height() >= least).count()
}

/// The largest face of a photo, in the photo's own pixels.
#[derive(Debug, Clone)]
pub struct StillFace {
    /// Faces of about the same size, this one included.
    pub near_faces: usize,
    /// Where.
    pub bounds: Bounds,
    /// How sure the detector is.
    pub score: f32,
    /// Its five points.
    pub points: FivePoints,
    /// Its measurements.
    pub quality: Quality,
    /// Its template; `None` if the points are no points of a face.
    pub template: Option<Template>,
    /// The photo had to be given a margin before a face was found.
    pub margin_added: bool,
    /// The fused liveness score.
    pub liveness: Option<f32>,
}

/// Looks at a photo: `None` if there is no face in it. `liveness` says whether to judge that too.
pub fn look(
    pipeline: &mut Pipeline,
    picture: &Picture,
    liveness: bool,
) -> Result<Option<StillFace>, VisionError> {
    let pixels = picture.pixels();
    let as_it_is = largest(pipeline, pixels)?;
    let tight = as_it_is.as_ref().is_some_and(|found| is_tight(found.face.bounds, pixels));
    if let Some(found) = &as_it_is
        && !tight
        && found.face.score >= SURE_SCORE
    {
        return examined(pipeline, pixels, found, liveness).map(Some);
    }
    let margin = Margin::around(pixels);
    let mut framed = margin.drawn(pixels);
    let outcome = largest(pipeline, framed.pixels()).and_then(|with_margin| {
        let surer =
            |first: &Largest, second: &Largest| !tight && first.face.score > second.face.score;
        match (as_it_is, with_margin) {
            (Some(first), Some(second)) if surer(&first, &second) => {
                examined(pipeline, pixels, &first, liveness).map(Some)
            }
            (_, Some(second)) => examined(pipeline, framed.pixels(), &second, liveness)
                .map(|face| Some(margin.undone(face, pixels))),
            (Some(first), None) => examined(pipeline, pixels, &first, liveness).map(Some),
            (None, None) => Ok(None),
        }
    });
    framed.wipe();
    outcome
}

/// The largest face of a frame, and how many are about as large.
struct Largest {
    face: Detection,
    near_faces: usize,
}

fn largest(pipeline: &mut Pipeline, pixels: Pixels<'_>) -> Result<Option<Largest>, VisionError> {
    let faces = pipeline.detect(pixels)?;
    let near_faces = near_faces(faces);
    Ok(faces.first().map(|face| Largest { face: face.clone(), near_faces }))
}

/// Whether a face fills so much of the photo that the detector's box is not to be trusted.
fn is_tight(bounds: Bounds, pixels: Pixels<'_>) -> bool {
    let across = bounds.width() / pixels.width as f32;
    let down = bounds.height() / pixels.height as f32;
    across.max(down) > TIGHT_PART
}

fn examined(
    pipeline: &mut Pipeline,
    pixels: Pixels<'_>,
    found: &Largest,
    liveness: bool,
) -> Result<StillFace, VisionError> {
    let Detection { bounds, score, .. } = found.face;
    let points = pipeline.points(pixels, &found.face)?;
    let (quality, template) = if pipeline.align(pixels, &points) {
        (pipeline.measure(pixels, bounds, &points), Some(pipeline.embed()?))
    } else {
        (quality::unmeasurable(bounds), None)
    };
    let liveness = if liveness { Some(pipeline.liveness(pixels, bounds)?) } else { None };
    let near_faces = found.near_faces;
    Ok(StillFace {
        near_faces,
        bounds,
        score,
        points,
        quality,
        template,
        margin_added: false,
        liveness,
    })
}

/// A photo scaled and set into a margin of half its size on each side.
#[derive(Debug, Clone, Copy)]
struct Margin {
    scale: f32,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Margin {
    /// Tiny photos are enlarged until the shorter side has this many pixels,
    const SHORT_SIDE: f32 = 320.0;
    /// and large ones made smaller until the longer side has this many.
    const LONG_SIDE: f32 = 1280.0;

    fn around(pixels: Pixels<'_>) -> Self {
        let (width, height) = (pixels.width as f32, pixels.height as f32);
        let enlarged = (Self::SHORT_SIDE / width.min(height)).max(1.0);
        let scale = enlarged.min(Self::LONG_SIDE / width.max(height));
        let scaled = |side: f32| (side * scale).round().max(1.0) as usize;
        let (inner_width, inner_height) = (scaled(width), scaled(height));
        let (left, top) = (inner_width / 2, inner_height / 2);
        let (width, height) = (inner_width + 2 * left, inner_height + 2 * top);
        Self { scale, left, top, width, height }
    }

    fn drawn(&self, pixels: Pixels<'_>) -> Picture {
        let last = Point { x: (pixels.width - 1) as f32, y: (pixels.height - 1) as f32 };
        let back = |at: usize, margin: usize, last: f32| {
            ((at as f32 + 0.5 - margin as f32) / self.scale - 0.5).clamp(0.0, last)
        };
        let mut rgb = Vec::with_capacity(self.width * self.height * 3);
        for y in 0..self.height {
            let source_y = back(y, self.top, last.y);
            for x in 0..self.width {
                let source = Point { x: back(x, self.left, last.x), y: source_y };
                rgb.extend_from_slice(&AlignedFace::sample(pixels, source));
            }
        }
        Picture::from_rgb(self.width as u32, self.height as u32, rgb)
    }

    fn undone(&self, face: StillFace, pixels: Pixels<'_>) -> StillFace {
        let x = |x: f32| (x - self.left as f32) / self.scale;
        let y = |y: f32| (y - self.top as f32) / self.scale;
        let Bounds { left, top, right, bottom } = face.bounds;
        let bounds = Bounds { left: x(left), top: y(top), right: x(right), bottom: y(bottom) };
        let points = face.points.in_order().map(|p| Point { x: x(p.x), y: y(p.y) });
        let quality = Quality {
            face_px: bounds.height(),
            fills: bounds.part_filled(pixels.width, pixels.height),
            inside: bounds.part_inside(pixels.width, pixels.height),
            ..face.quality
        };
        StillFace {
            bounds,
            points: FivePoints::from_order(points),
            quality,
            margin_added: true,
            ..face
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(height: f32) -> Detection {
        let bounds = Bounds { left: 0.0, top: 0.0, right: 10.0, bottom: height };
        Detection { bounds, score: 1.0, points: None }
    }

    #[test]
    fn near_faces_are_those_of_about_the_size_of_the_largest() {
        assert_eq!(near_faces(&[]), 0);
        assert_eq!(near_faces(&[face(100.0)]), 1);
        assert_eq!(near_faces(&[face(100.0), face(61.0), face(59.0), face(20.0)]), 2);
    }

    #[test]
    fn a_margin_continues_the_edges_and_can_be_undone() {
        let rgb: Vec<u8> = (0..92 * 112).flat_map(|i| [(i % 92) as u8; 3]).collect();
        let pixels = Pixels { width: 92, height: 112, rgb: &rgb };
        let margin = Margin::around(pixels);
        let framed = margin.drawn(pixels);
        let row = framed.pixels().row(margin.height / 2);
        assert_eq!((row[0], row[row.len() - 1]), (0, 91));
        assert_eq!((margin.left, margin.width), (160, 640));
        let middle = Point { x: (margin.left as f32) + 46.0 * margin.scale, y: 0.0 };
        assert_eq!(row[(middle.x as usize) * 3], 46);
    }

    #[test]
    fn a_large_photo_is_made_smaller_before_it_gets_a_margin() {
        let pixels = Pixels { width: 8000, height: 5000, rgb: &[] };
        let margin = Margin::around(pixels);
        assert_eq!((margin.width, margin.height), (2560, 1600));
    }
}
