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

/// One output column: where the first of its two source pixels begins in a row, and the weight of the second.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    weight: u32,
}

/// Weights are whole 256ths: precise to half a grey level, and two blends fit 32 bits.
const FULL_WEIGHT: u32 = 256;

/// Fills inputs of one recipe; keeps its working memory.
pub struct Resampler {
    recipe: InputRecipe,
    /// What each grey level becomes in the tensor.
    levels: [f32; 256],
    taps: Vec<Tap>,
    row: Vec<u16>,
}

impl Resampler {
    /// A resampler for one model's input.
    pub fn new(recipe: InputRecipe) -> Self {
        let mut levels = [0.0; 256];
        for (grey, level) in levels.iter_mut().enumerate() {
            *level = (grey as f32 - recipe.subtract) / recipe.divide;
        }
        Self { recipe, levels, taps: Vec::new(), row: Vec::new() }
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
            tensor.fill(self.levels[0]);
        }
        self.taps.clear();
        self.taps.extend((0..width).map(|x| {
            let (first, weight) = tap(x, placement.x, region.width);
            Tap { first: first * 3, weight }
        }));
        for y in 0..height {
            let (first, weight) = tap(y, placement.y, region.height);
            let second = (first + 1).min(region.height - 1);
            let span = region.left * 3..(region.left + region.width) * 3;
            let upper = &pixels.row(region.top + first)[span.clone()];
            let lower = &pixels.row(region.top + second)[span];
            blend_rows(upper, lower, weight, &mut self.row);
            if region.width == 2 * width {
                // Two and two: every place lies in the middle of its pair, which needs no table.
                let pairs = self.row.as_chunks::<6>().0.iter().take(width);
                self.write_row(y, tensor, pairs.map(middle));
            } else {
                self.write_row(y, tensor, self.taps.iter().map(|tap| sample(&self.row, *tap)));
            }
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

    /// Writes one row of the input from the grey levels of its pixels.
    #[inline]
    fn write_row(&self, y: usize, tensor: &mut [f32], pixels: impl Iterator<Item = [usize; 3]>) {
        let (width, plane) = (self.recipe.width, self.recipe.width * self.recipe.height);
        let at = y * width..(y + 1) * width;
        match self.recipe.colour {
            Colour::Grey => {
                for (out, pixel) in tensor[at].iter_mut().zip(pixels) {
                    *out = self.levels[grey(pixel)];
                }
            }
            Colour::Rgb | Colour::Bgr => {
                let (first, rest) = tensor.split_at_mut(plane);
                let (second, third) = rest.split_at_mut(plane);
                let (red, blue) = match self.recipe.colour {
                    Colour::Bgr => (third, first),
                    Colour::Rgb | Colour::Grey => (first, third),
                };
                let outputs =
                    red[at.clone()].iter_mut().zip(&mut second[at.clone()]).zip(&mut blue[at]);
                for (((red, green), blue), sampled) in outputs.zip(pixels) {
                    *red = self.levels[sampled[0]];
                    *green = self.levels[sampled[1]];
                    *blue = self.levels[sampled[2]];
                }
            }
        }
    }
}

/// The first of the two source positions of an output position, inside `length`, and the weight of the next.
fn tap(at: usize, step: f32, length: usize) -> (usize, u32) {
    let place = ((at as f32 + 0.5) * step - 0.5).clamp(0.0, (length - 1) as f32);
    let first = place as usize;
    (first, ((place - first as f32) * FULL_WEIGHT as f32 + 0.5) as u32)
}

/// Blends two rows to 256ths of grey levels, and repeats the last pixel so that every column has a next one.
fn blend_rows(upper: &[u8], lower: &[u8], weight: u32, row: &mut Vec<u16>) {
    let (below, above) = (weight as u16, (FULL_WEIGHT - weight) as u16);
    row.resize(upper.len() + 3, 0);
    for ((out, upper), lower) in row.iter_mut().zip(upper).zip(lower) {
        *out = u16::from(*upper) * above + u16::from(*lower) * below;
    }
    row.copy_within(upper.len() - 3..upper.len(), upper.len());
}

/// The grey levels of the three channels, each 0 to 255.
#[inline]
fn sample(row: &[u16], tap: Tap) -> [usize; 3] {
    let pair = &row[tap.first..tap.first + 6];
    [0, 1, 2].map(|channel| {
        let first = u32::from(pair[channel]) * (FULL_WEIGHT - tap.weight);
        let second = u32::from(pair[channel + 3]) * tap.weight;
        // The shift leaves less than 256; the cast tells the compiler so.
        usize::from(((first + second + 0x8000) >> 16) as u8)
    })
}

/// What [`sample`] gives in the middle of two neighbours.
#[inline]
fn middle(pair: &[u16; 6]) -> [usize; 3] {
    [0, 1, 2].map(|channel| {
        let sum = u32::from(pair[channel]) + u32::from(pair[channel + 3]);
        usize::from(((sum * (FULL_WEIGHT / 2) + 0x8000) >> 16) as u8)
    })
}

/// The weights of `cv2.COLOR_RGB2GRAY`, in 16384ths.
fn grey([red, green, blue]: [usize; 3]) -> usize {
    (red * 4899 + green * 9617 + blue * 1868 + 8192) >> 14
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
    fn the_middle_of_two_pixels_needs_no_table() {
        let row: Vec<u16> = (0..6 * 500).map(|i| (i * 7919 % 65_281) as u16).collect();
        for (index, pair) in row.as_chunks::<6>().0.iter().enumerate() {
            let tap = Tap { first: index * 6, weight: FULL_WEIGHT / 2 };
            assert_eq!(middle(pair), sample(&row, tap));
        }
        assert_eq!(tap(7, 2.0, 640), (14, FULL_WEIGHT / 2));
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
