//! Files to pixels, with limits that hold before anything large is allocated.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::files::LARGEST_PICTURE;

/// A larger file is refused undecoded.
pub const MOST_BYTES: usize = LARGEST_PICTURE;
/// More pixels are refused when the header is read, before they are allocated.
pub const MOST_PIXELS: u64 = 40_000_000;
/// What one picture may take in memory while it is decoded (deep or transparent formats need more per pixel).
const MOST_DECODED_BYTES: u64 = 4 * MOST_PIXELS;
/// A shorter side shows no face.
pub const SHORTEST_SIDE: u32 = 16;

/// Why a file is not a usable picture: a sentence for the person who chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The file is too large.
    #[error("the file has {0} bytes; at most {MOST_BYTES} are read: save the picture smaller")]
    FileTooLarge(usize),
    /// The file is of another kind, or no picture at all.
    #[error("the file is not a JPEG, PNG or PNM picture ({0} bytes)")]
    NotAPicture(usize),
    /// There is more to it than may be decoded.
    #[error(
        "the picture has {width} x {height} pixels; at most 40 million are read: save it smaller"
    )]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// Nothing can be seen in it.
    #[error(
        "the picture has only {width} x {height} pixels; at least {SHORTEST_SIDE} are needed each way"
    )]
    TooSmall {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The file ends before the picture does.
    #[error("the picture is cut off: copy or send the file again")]
    CutOff,
    /// The decoder gave up.
    #[error("the picture is damaged and cannot be decoded: {0}")]
    Damaged(String),
    /// A camera's pixels do not add up.
    #[error("{width} x {height} pixels need {expected} bytes of RGB, not {found}")]
    WrongLength {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        found: usize,
    },
}

/// Pixels to look at: 8-bit RGB, rows top to bottom without padding.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `width * height * 3` values.
    pub rgb: &'a [u8],
}

impl<'a> Pixels<'a> {
    /// Checks that the pixels add up and are within the limits of a picture.
    pub fn new(width: u32, height: u32, rgb: &'a [u8]) -> Result<Self, PictureError> {
        check_size(width, height)?;
        let expected = u64::from(width) * u64::from(height) * 3;
        if rgb.len() as u64 != expected {
            return Err(PictureError::WrongLength { width, height, expected, found: rgb.len() });
        }
        Ok(Self { width: width as usize, height: height as usize, rgb })
    }

    /// One row.
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.rgb[y * self.width * 3..(y + 1) * self.width * 3]
    }
}

/// A decoded picture; its buffer is used again for the next one.
#[derive(Clone, Default)]
pub struct Picture {
    width: u32,
    height: u32,
    /// As long as the last picture was, also after it was wiped: the next one is mostly of its size.
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a file's bytes.
    pub fn decoded(bytes: &[u8]) -> Result<Self, PictureError> {
        let mut picture = Self::default();
        picture.decode(bytes)?;
        Ok(picture)
    }

    /// Takes pixels that were made elsewhere.
    pub(super) fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Self {
        debug_assert_eq!(rgb.len(), width as usize * height as usize * 3);
        Self { width, height, rgb }
    }

    /// The pixels.
    pub fn pixels(&self) -> Pixels<'_> {
        let (width, height) = (self.width as usize, self.height as usize);
        Pixels { width, height, rgb: &self.rgb[..width * height * 3] }
    }

    /// Overwrites the pixels, so that no face stays in memory. (The buffer lives on, so that no compiler may
    /// leave the writing out; byte by byte with volatile writes it would cost half a millisecond a frame.)
    pub fn wipe(&mut self) {
        self.rgb.fill(0);
        (self.width, self.height) = (0, 0);
    }

    /// Decodes a file's bytes into this picture, upright by its EXIF orientation. On an error the picture
    /// is empty.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(), PictureError> {
        (self.width, self.height) = (0, 0);
        let mut decoder = open(bytes)?;
        let (width, height) = decoder.dimensions();
        check_size(width, height)?;
        if decoder.total_bytes() > MOST_DECODED_BYTES {
            return Err(PictureError::TooManyPixels { width, height });
        }
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        if decoder.color_type() == ColorType::Rgb8 {
            self.rgb.resize(width as usize * height as usize * 3, 0);
            let decoded = decoder.read_image(&mut self.rgb);
            // Part of a face may have been decoded before the fault.
            decoded.inspect_err(|_| self.rgb.fill(0)).map_err(|e| damaged(&e))?;
            (self.width, self.height) = (width, height);
        } else {
            let image = DynamicImage::from_decoder(decoder).map_err(|e| damaged(&e))?;
            *self = Self::from_rgb(width, height, opaque(image));
        }
        self.turn(orientation);
        Ok(())
    }

    fn turn(&mut self, orientation: Orientation) {
        if orientation == Orientation::NoTransforms {
            return;
        }
        let rgb = std::mem::take(&mut self.rgb);
        let image = image::RgbImage::from_raw(self.width, self.height, rgb)
            .expect("the buffer was sized for the picture");
        let mut image = DynamicImage::ImageRgb8(image);
        image.apply_orientation(orientation);
        let image = image.into_rgb8();
        (self.width, self.height) = image.dimensions();
        self.rgb = image.into_raw();
    }
}

fn open(bytes: &[u8]) -> Result<impl ImageDecoder + '_, PictureError> {
    if bytes.len() > MOST_BYTES {
        return Err(PictureError::FileTooLarge(bytes.len()));
    }
    let format = image::guess_format(bytes)
        .ok()
        .filter(|f| matches!(f, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Pnm))
        .ok_or(PictureError::NotAPicture(bytes.len()))?;
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(PictureError::CutOff);
    }
    ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(|e| damaged(&e))
}

/// Whether a JPEG's markers lead to its end. The decoder fills what is missing with grey and says nothing, so
/// a file that was cut off has to be told here. What follows the end (some phones add a film) does not matter.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == 0xFF)) {
        at += found + 1;
        match bytes.get(at..) {
            Some([0xD9, ..]) => return true,
            // A fill byte: the marker is still to come.
            Some([0xFF, ..]) => {}
            // A stuffed byte of the scan, or a marker without a segment.
            Some([0x00 | 0x01 | 0xD0..=0xD8, ..]) => at += 1,
            Some([_, high, low, ..]) => at += 1 + usize::from(u16::from_be_bytes([*high, *low])),
            Some([] | [_] | [_, _]) | None => return false,
        }
    }
    false
}

fn check_size(width: u32, height: u32) -> Result<(), PictureError> {
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(PictureError::TooManyPixels { width, height });
    }
    if width < SHORTEST_SIDE || height < SHORTEST_SIDE {
        return Err(PictureError::TooSmall { width, height });
    }
    Ok(())
}

fn damaged(cause: &image::ImageError) -> PictureError {
    if let image::ImageError::IoError(e) = cause
        && e.kind() == std::io::ErrorKind::UnexpectedEof
    {
        return PictureError::CutOff;
    }
    PictureError::Damaged(cause.to_string())
}

/// Eight bits, three channels; what is transparent shows white, as a viewer shows it.
fn opaque(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    let over_white = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let rgba = image.into_rgba8();
    rgba.pixels().flat_map(|p| [0, 1, 2].map(|channel| over_white(p[channel], p[3]))).collect()
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
