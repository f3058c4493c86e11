//! Fills a model's input straight from the frame: crop, bilinear scaling, colour order and normalisation in
//! one pass, without a picture in between.
//!
//! Pixel centres lie at half coordinates and edges are replicated inside the crop, as `cv2.resize` does with
//! `INTER_LINEAR`, which the models' authors used.

use super::geometry::Region;
use super::picture::Pixels;
use crate::models::recipe::{Colour, Fit, InputRecipe};

/// How many frame pixels one input pixel stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Across.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// One output column: where its two source pixels begin in a row, and the weight of the second.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

/// Fills inputs of one recipe; keeps its working memory.
pub struct Resampler {
    recipe: InputRecipe,
    taps: Vec<Tap>,
    row: Vec<f32>,
}

impl Resampler {
    /// A resampler for one model's input.
    pub fn new(recipe: InputRecipe) -> Self {
        Self { recipe, taps: Vec::new(), row: Vec::new() }
    }

    /// The input it fills.
    pub fn recipe(&self) -> &InputRecipe {
        &self.recipe
    }

    /// Fills `tensor` (channels x height x width, planar) with a region of the frame, and says how input
    /// pixels lead back to the region's.
    pub fn fill(&mut self, pixels: Pixels<'_>, region: Region, tensor: &mut [f32]) -> Placement {
        let (width, height) = self.extent(region);
        let placement = Placement {
            x: region.width as f32 / width as f32,
            y: region.height as f32 / height as f32,
        };
        if (width, height) != (self.recipe.width, self.recipe.height) {
            tensor.fill(-self.recipe.subtract / self.recipe.divide);
        }
        self.taps.clear();
        self.taps.extend((0..width).map(|x| {
            let (first, second, weight) = tap(x, placement.x, region.width);
            Tap { first: first * 3, second: second * 3, weight }
        }));
        for y in 0..height {
            let (first, second, weight) = tap(y, placement.y, region.height);
            let span = region.left * 3..(region.left + region.width) * 3;
            let upper = &pixels.row(region.top + first)[span.clone()];
            let lower = &pixels.row(region.top + second)[span];
            blend_rows(upper, lower, weight, &mut self.row);
            self.write_row(y, tensor);
        }
        placement
    }

    /// How much of the input the region covers.
    fn extent(&self, region: Region) -> (usize, usize) {
        let (width, height) = (self.recipe.width, self.recipe.height);
        match self.recipe.fit {
            Fit::Stretch => (width, height),
            Fit::Pad => {
                let across = width as f32 / region.width as f32;
                let down = height as f32 / region.height as f32;
                let scale = across.min(down).min(1.0);
                let scaled = |side: usize, most: usize| {
                    ((side as f32 * scale).round() as usize).clamp(1, most)
                };
                (scaled(region.width, width), scaled(region.height, height))
            }
        }
    }

    fn write_row(&self, y: usize, tensor: &mut [f32]) {
        let (width, plane) = (self.recipe.width, self.recipe.width * self.recipe.height);
        let scale = 1.0 / self.recipe.divide;
        let shift = -self.recipe.subtract * scale;
        let at = y * width..y * width + self.taps.len();
        match self.recipe.colour {
            Colour::Grey => {
                for (out, tap) in tensor[at].iter_mut().zip(&self.taps) {
                    let [red, green, blue] = sample(&self.row, *tap);
                    *out = (0.299 * red + 0.587 * green + 0.114 * blue) * scale + shift;
                }
            }
            Colour::Rgb | Colour::Bgr => {
                let (first, rest) = tensor.split_at_mut(plane);
                let (second, third) = rest.split_at_mut(plane);
                let (red, blue) = match self.recipe.colour {
                    Colour::Bgr => (third, first),
                    Colour::Rgb | Colour::Grey => (first, third),
                };
                let outputs = red[at.clone()]
                    .iter_mut()
                    .zip(&mut second[at.clone()])
                    .zip(&mut blue[at])
                    .zip(&self.taps);
                for (((red, green), blue), tap) in outputs {
                    let sampled = sample(&self.row, *tap);
                    *red = sampled[0] * scale + shift;
                    *green = sampled[1] * scale + shift;
                    *blue = sampled[2] * scale + shift;
                }
            }
        }
    }
}

/// The two source positions of an output position, inside `length`, and the weight of the second.
fn tap(at: usize, step: f32, length: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) * step - 0.5).clamp(0.0, (length - 1) as f32);
    let first = place as usize;
    (first, (first + 1).min(length - 1), place - first as f32)
}

fn blend_rows(upper: &[u8], lower: &[u8], weight: f32, row: &mut Vec<f32>) {
    row.clear();
    row.extend(upper.iter().zip(lower).map(|(u, l)| {
        let (upper, lower) = (f32::from(*u), f32::from(*l));
        upper + (lower - upper) * weight
    }));
}

#[inline]
fn sample(row: &[f32], tap: Tap) -> [f32; 3] {
    let (first, second) = (&row[tap.first..tap.first + 3], &row[tap.second..tap.second + 3]);
    [0, 1, 2].map(|channel| {
        let value = first[channel] + (second[channel] - first[channel]) * tap.weight;
        // Whole grey levels: the models learned from 8-bit pictures. Never negative, so this rounds.
        (value + 0.5) as i32 as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(width: usize, height: usize, fit: Fit, colour: Colour) -> InputRecipe {
        let name = "input".to_owned();
        InputRecipe { name, width, height, fit, colour, subtract: 127.0, divide: 128.0 }
    }

    fn whole(pixels: Pixels<'_>) -> Region {
        Region { left: 0, top: 0, width: pixels.width, height: pixels.height }
    }

    fn filled(recipe: InputRecipe, pixels: Pixels<'_>, region: Region) -> (Vec<f32>, Placement) {
        let mut tensor = vec![f32::NAN; recipe.shape().iter().product()];
        let placement = Resampler::new(recipe).fill(pixels, region, &mut tensor);
        (tensor, placement)
    }

    /// 4 x 2 pixels whose red counts 0, 10, 20 ... and whose blue is 255.
    fn small() -> Vec<u8> {
        (0..8).flat_map(|i| [i * 10, 127, 255]).collect()
    }

    #[test]
    fn the_same_size_copies_and_normalises() {
        let rgb = small();
        let pixels = Pixels { width: 4, height: 2, rgb: &rgb };
        let (tensor, placement) =
            filled(recipe(4, 2, Fit::Stretch, Colour::Rgb), pixels, whole(pixels));
        assert_eq!(placement, Placement { x: 1.0, y: 1.0 });
        for (i, red) in tensor[..8].iter().enumerate() {
            assert!((red - (i as f32 * 10.0 - 127.0) / 128.0).abs() < 1e-6);
        }
        assert!(tensor[8..16].iter().all(|green| green.abs() < 1e-6));
        assert!(tensor[16..].iter().all(|blue| (blue - 1.0).abs() < 1e-6));
    }

    #[test]
    fn bgr_puts_blue_first() {
        let rgb = small();
        let pixels = Pixels { width: 4, height: 2, rgb: &rgb };
        let (tensor, _) = filled(recipe(4, 2, Fit::Stretch, Colour::Bgr), pixels, whole(pixels));
        assert!((tensor[0] - 1.0).abs() < 1e-6);
        assert!((tensor[16] - -127.0 / 128.0).abs() < 1e-6);
    }

    #[test]
    fn halving_takes_the_mean_of_four() {
        let rgb = small();
        let pixels = Pixels { width: 4, height: 2, rgb: &rgb };
        let (tensor, placement) =
            filled(recipe(2, 1, Fit::Stretch, Colour::Rgb), pixels, whole(pixels));
        assert_eq!(placement, Placement { x: 2.0, y: 2.0 });
        let expected = [(10 + 40 + 50) as f32 / 4.0, (20 + 30 + 60 + 70) as f32 / 4.0];
        for (found, expected) in tensor[..2].iter().zip(expected) {
            assert!((found * 128.0 + 127.0 - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn a_region_never_shows_what_lies_outside_it() {
        let mut rgb = vec![255; 10 * 10 * 3];
        for y in 3..7 {
            rgb[(y * 10 + 3) * 3..(y * 10 + 7) * 3].fill(127);
        }
        let pixels = Pixels { width: 10, height: 10, rgb: &rgb };
        let region = Region { left: 3, top: 3, width: 4, height: 4 };
        let (tensor, _) = filled(recipe(16, 16, Fit::Stretch, Colour::Grey), pixels, region);
        assert!(tensor.iter().all(|v| v.abs() < 1e-4));
    }

    #[test]
    fn padding_keeps_the_shape_and_adds_black_at_the_right_and_below() {
        let rgb = vec![255; 20 * 10 * 3];
        let pixels = Pixels { width: 20, height: 10, rgb: &rgb };
        let (tensor, placement) =
            filled(recipe(10, 10, Fit::Pad, Colour::Grey), pixels, whole(pixels));
        assert_eq!(placement, Placement { x: 2.0, y: 2.0 });
        assert!(tensor[..50].iter().all(|v| (v - 1.0).abs() < 1e-5));
        assert!(tensor[50..].iter().all(|v| (v + 127.0 / 128.0).abs() < 1e-6));
    }

    #[test]
    fn padding_never_enlarges() {
        let rgb = vec![255; 5 * 5 * 3];
        let pixels = Pixels { width: 5, height: 5, rgb: &rgb };
        let (tensor, placement) =
            filled(recipe(10, 10, Fit::Pad, Colour::Grey), pixels, whole(pixels));
        assert_eq!(placement, Placement { x: 1.0, y: 1.0 });
        assert_eq!(tensor.iter().filter(|v| **v > 0.0).count(), 25);
    }
}
