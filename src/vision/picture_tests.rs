#![expect(clippy::unwrap_used, reason = "tests")]
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, Luma, LumaA, Rgb, RgbImage, Rgba};

use super::*;

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8 * 3, y as u8 * 5, 90]));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .write_image(&image, width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A lawful header of a picture that was never drawn.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(RgbImage::new(16, 16));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg()))
    })
}

/// The JPEG with an EXIF block that holds only an orientation.
fn turned(mut jpeg: Vec<u8>, orientation: u8) -> Vec<u8> {
    let mut exif = vec![0xFF, 0xE1, 0, 34];
    exif.extend(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0");
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    jpeg.splice(2..2, exif);
    jpeg
}

fn error(bytes: &[u8]) -> PictureError {
    Picture::decoded(bytes).err().unwrap()
}

fn first_pixel(bytes: &[u8]) -> [u8; 3] {
    Picture::decoded(bytes).unwrap().rgb[..3].try_into().unwrap()
}

#[test]
fn two_bytes_are_not_a_picture() {
    assert_eq!(error(b"hi"), PictureError::NotAPicture(2));
    assert_eq!(error(b""), PictureError::NotAPicture(0));
    assert_eq!(error(&[0xFF, 0xD8]), PictureError::NotAPicture(2));
}

#[test]
fn every_truncation_of_a_jpeg_is_an_error() {
    let whole = jpeg(64, 48);
    for length in 0..whole.len() {
        assert!(Picture::decoded(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
    assert!(Picture::decoded(&whole).is_ok());
}

#[test]
fn a_cut_jpeg_with_a_whole_thumbnail_is_cut_and_what_follows_the_end_is_ignored() {
    let (whole, thumbnail) = (jpeg(64, 48), jpeg(16, 16));
    let mut with_thumbnail = vec![0xFF, 0xD8, 0xFF, 0xE1];
    with_thumbnail.extend((thumbnail.len() as u16 + 2).to_be_bytes());
    with_thumbnail.extend(thumbnail);
    with_thumbnail.extend(&whole[2..]);
    assert!(Picture::decoded(&with_thumbnail).is_ok());
    let cut = &with_thumbnail[..with_thumbnail.len() - 40];
    assert_eq!(error(cut), PictureError::CutOff);
    let film = [with_thumbnail.as_slice(), &[0xFF, 0xDA, 7, 0xFF]].concat();
    assert!(Picture::decoded(&film).is_ok());
}

#[test]
fn every_truncation_of_a_png_within_its_pixels_is_an_error() {
    let whole = png(RgbImage::from_fn(40, 40, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])));
    let pixels_end = whole.len() - 16;
    for length in 0..pixels_end {
        assert!(Picture::decoded(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn fifty_megapixels_are_refused_from_the_header() {
    let error = error(&png_header(10_000, 5_000));
    assert_eq!(error, PictureError::TooManyPixels { width: 10_000, height: 5_000 });
    assert!(matches!(
        Picture::decoded(b"P6 60000 60000 255\n").err(),
        Some(PictureError::TooManyPixels { .. })
    ));
}

#[test]
fn a_picture_too_small_for_a_face_is_refused() {
    let error = error(&png(RgbImage::new(15, 300)));
    assert_eq!(error, PictureError::TooSmall { width: 15, height: 300 });
}

#[test]
fn a_file_above_the_cap_is_refused_unread() {
    assert_eq!(error(&vec![0; MOST_BYTES + 1]), PictureError::FileTooLarge(MOST_BYTES + 1));
}

#[test]
fn the_exif_orientation_turns_the_picture_upright() {
    let flat = jpeg(64, 32);
    let upright = Picture::decoded(&turned(flat.clone(), 6)).unwrap();
    assert_eq!((upright.width, upright.height), (32, 64));
    // Turned clockwise: what was at the lower left is at the upper left now.
    let flat = Picture::decoded(&flat).unwrap();
    assert_eq!(upright.rgb[..3], flat.rgb[31 * 64 * 3..31 * 64 * 3 + 3]);
}

/// The EXIF standard's eight ways: where the stored picture's first row and first column belong.
#[test]
fn every_exif_orientation_is_undone() {
    let flat = Picture::decoded(&jpeg(64, 32)).unwrap();
    let stored = |x: usize, y: usize| &flat.rgb[(y * 64 + x) * 3..][..3];
    let (right, low) = (63, 31);
    for (orientation, size, first, last_of_row) in [
        (1, (64, 32), stored(0, 0), stored(right, 0)),
        (2, (64, 32), stored(right, 0), stored(0, 0)),
        (3, (64, 32), stored(right, low), stored(0, low)),
        (4, (64, 32), stored(0, low), stored(right, low)),
        (5, (32, 64), stored(0, 0), stored(0, low)),
        (6, (32, 64), stored(0, low), stored(0, 0)),
        (7, (32, 64), stored(right, low), stored(right, 0)),
        (8, (32, 64), stored(right, 0), stored(right, low)),
    ] {
        let upright = Picture::decoded(&turned(jpeg(64, 32), orientation)).unwrap();
        assert_eq!((upright.width, upright.height), size, "{orientation}");
        let end = upright.width as usize * 3;
        let corners = (&upright.rgb[..3], &upright.rgb[end - 3..end]);
        assert_eq!(corners, (first, last_of_row), "{orientation}");
    }
    for unknown in [0, 9, 255] {
        let as_stored = Picture::decoded(&turned(jpeg(64, 32), unknown)).unwrap();
        assert_eq!(as_stored.rgb, flat.rgb, "{unknown}");
    }
}

/// A chunk of a PNG file.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind.as_slice(), data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [length.as_slice(), &body, &crc32(&body).to_be_bytes()].concat()
}

#[test]
fn of_an_animated_png_the_first_picture_counts() {
    let still = |value| png(image::GrayImage::from_pixel(20, 20, Luma([value])));
    let (first, second) = (still(77), still(200));
    let data = |png: &[u8]| {
        let at = png.windows(4).position(|kind| kind == b"IDAT").unwrap();
        let length = u32::from_be_bytes(png[at - 4..at].try_into().unwrap()) as usize;
        png[at + 4..at + 4 + length].to_vec()
    };
    let control = |number: u32| {
        let size = [number, 20, 20, 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[size.as_slice(), &[0, 1, 0, 10, 0, 0]].concat())
    };
    let animated = [
        first[..33].to_vec(),
        chunk(b"acTL", &[2_u32, 0].map(u32::to_be_bytes).concat()),
        control(0),
        chunk(b"IDAT", &data(&first)),
        control(1),
        chunk(b"fdAT", &[2_u32.to_be_bytes().as_slice(), &data(&second)].concat()),
        chunk(b"IEND", &[]),
    ]
    .concat();
    assert_eq!(first_pixel(&animated), [77; 3]);
}

#[test]
fn films_and_other_formats_are_refused_by_name() {
    for bytes in [
        b"GIF89a\x10\0\x10\0\x80\0\0".as_slice(),
        b"RIFF\x24\0\0\0WEBPVP8X",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"BM\x36\0\0\0",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"%PDF-1.7",
    ] {
        assert_eq!(error(bytes), PictureError::NotAPicture(bytes.len()));
    }
}

#[test]
fn grey_deep_and_transparent_pictures_become_plain_colour() {
    let grey = image::GrayImage::from_pixel(20, 20, Luma([77]));
    assert_eq!(first_pixel(&png(grey)), [77, 77, 77]);
    let deep = image::ImageBuffer::from_pixel(20, 20, Rgb([0x8080u16, 0xFFFF, 0]));
    assert_eq!(first_pixel(&png(DynamicImage::ImageRgb16(deep))), [128, 255, 0]);
    let clear = image::RgbaImage::from_pixel(20, 20, Rgba([10, 20, 30, 0]));
    assert_eq!(first_pixel(&png(clear)), [255, 255, 255]);
    let half = image::GrayAlphaImage::from_pixel(20, 20, LumaA([0, 128]));
    assert_eq!(first_pixel(&png(half)), [127, 127, 127]);
    assert_eq!(first_pixel(&[b"P5 20 20 255\n".as_slice(), &[9; 400]].concat()), [9, 9, 9]);
}

#[test]
fn pixels_that_do_not_add_up_are_refused() {
    assert!(Pixels::new(20, 20, &[0; 1200]).is_ok());
    assert!(matches!(Pixels::new(20, 20, &[0; 1199]), Err(PictureError::WrongLength { .. })));
    assert!(matches!(
        Pixels::new(u32::MAX, u32::MAX, &[]),
        Err(PictureError::TooManyPixels { .. })
    ));
}

#[test]
fn a_wiped_picture_shows_nothing() {
    let mut picture = Picture::decoded(&jpeg(32, 32)).unwrap();
    picture.wipe();
    assert!(picture.pixels().rgb.is_empty());
}

/// Files of a print shop and of a scanner, made by other programs (`tests/fixtures/pictures/README.md`).
#[test]
fn pictures_in_four_inks_and_of_sixteen_bits_show_their_colours() {
    let near = |found: [u8; 3], expected: [u8; 3]| {
        assert!(found.iter().zip(expected).all(|(f, e)| f.abs_diff(e) <= 3), "{found:?}");
    };
    near(first_pixel(include_bytes!("../../tests/fixtures/pictures/cmyk.jpg")), [255, 0, 0]);
    near(first_pixel(include_bytes!("../../tests/fixtures/pictures/grey16.png")), [128; 3]);
    near(first_pixel(include_bytes!("../../tests/fixtures/pictures/rgb16.png")), [255, 128, 0]);
}
