//! What the engine measures of real frames: one gate at a time, one face after another, and frames that are odd.

use image::{GrayImage, Rgb, RgbImage, imageops};
use locker_agent::core::policy::{Flaw, QualityGates};
use locker_agent::core::sighting::{FaceReading, Sighting};
use locker_agent::models::{Manifest, ModelStore};
use locker_agent::ports::FaceEngine;
use locker_agent::vision::Engine;
use locker_agent::vision::picture::Picture;

use super::{models, png, read, seen, waiting_for_two};

/// A living person, 480x640, the face 252 pixels high with the eyes at (193, 205) and (263, 223).
const LIVE: &[u8] = include_bytes!("../fixtures/faces/live.jpg");

/// Upright.
fn live() -> RgbImage {
    let picture = Picture::decoded(LIVE).unwrap();
    let pixels = picture.pixels();
    RgbImage::from_raw(pixels.width as u32, pixels.height as u32, pixels.rgb.to_vec()).unwrap()
}

fn engine() -> Engine {
    Engine::load(&ModelStore::new(Manifest::default_set(), models()), 1).unwrap()
}

fn reading(engine: &mut Engine, picture: RgbImage) -> FaceReading {
    seen(engine, png(picture)).face.expect("a face is found")
}

/// Each grey level changed.
fn toned(tone: impl Fn(f32) -> f32) -> RgbImage {
    let mut picture = live();
    for pixel in picture.pixels_mut() {
        pixel.0 = pixel.0.map(|value| tone(f32::from(value)).clamp(0.0, 255.0) as u8);
    }
    picture
}

/// The picture with what is at `from` moved to `to`, the edges kept: along x, or along y.
fn warped(along_x: bool, from: [f32; 3], to: [f32; 3]) -> RgbImage {
    let source = live();
    let (width, height) = source.dimensions();
    let back = |at: f32| {
        let all_to = [0.0, to[0], to[1], to[2], 700.0];
        let all_from = [0.0, from[0], from[1], from[2], 700.0];
        let part = (0..4).find(|i| at <= all_to[i + 1]).unwrap();
        let along = (at - all_to[part]) / (all_to[part + 1] - all_to[part]);
        all_from[part] + along * (all_from[part + 1] - all_from[part])
    };
    RgbImage::from_fn(width, height, |x, y| {
        let (from_x, from_y) =
            if along_x { (back(x as f32), y as f32) } else { (x as f32, back(y as f32)) };
        let (u, v) = (from_x.min(width as f32 - 1.0), from_y.min(height as f32 - 1.0));
        imageops::interpolate_bilinear(&source, u, v).unwrap()
    })
}

/// The usual gates, but for the tilt: landmark models keep faces looking like faces, and a bent picture shows them no
/// more than 0.36.
fn gates() -> QualityGates {
    QualityGates { pitch: 0.3, ..QualityGates::default() }
}

fn gates_without(flaw: Flaw) -> QualityGates {
    let mut gates = gates();
    match flaw {
        Flaw::TooFar => gates.face_px = 0.0,
        Flaw::TooClose => gates.fills = 9.0,
        Flaw::CutOff => gates.inside = 0.0,
        Flaw::TooDark => gates.darkest = 0.0,
        Flaw::TooBright => gates.brightest = 255.0,
        Flaw::Flat => gates.contrast = 0.0,
        Flaw::TurnedAside => gates.yaw = 9.0,
        Flaw::Tilted => gates.pitch = 9.0,
        Flaw::Blurred => gates.sharpness = 0.0,
    }
    gates
}

#[test]
fn each_gate_alone_stops_a_real_picture() {
    let mut engine = engine().with_frame_gates(gates());
    let small = imageops::resize(&live(), 130, 173, imageops::FilterType::Triangle);
    let mut far = RgbImage::from_pixel(480, 640, Rgb([110, 110, 110]));
    imageops::replace(&mut far, &small, 170, 230);
    let close = imageops::crop_imm(&live(), 112, 90, 230, 290).to_image();
    let cut = imageops::crop_imm(&live(), 172, 0, 308, 640).to_image();
    let pictures = [
        (Flaw::TooFar, far),
        (Flaw::TooClose, close),
        (Flaw::CutOff, cut),
        (Flaw::TooDark, toned(|v| 34.0 + (v - 120.0) * 0.35)),
        (Flaw::TooBright, toned(|v| 231.0 + (v - 120.0) * 0.35)),
        (Flaw::Flat, toned(|v| 120.0 + (v - 120.0) * 0.2)),
        (Flaw::TurnedAside, warped(true, [193.0, 233.0, 263.0], [193.0, 250.0, 263.0])),
        (Flaw::Tilted, warped(false, [214.0, 263.0, 303.0], [214.0, 290.0, 303.0])),
        (Flaw::Blurred, imageops::blur(&live(), 8.0)),
    ];
    let usual = gates();
    assert_eq!(usual.flaw(&reading(&mut engine, live()).quality), None);
    for (flaw, picture) in pictures {
        let reading = reading(&mut engine, picture);
        let quality = reading.quality;
        assert_eq!(usual.flaw(&quality), Some(flaw), "{quality:?}");
        assert_eq!(gates_without(flaw).flaw(&quality), None, "{flaw:?} and no other: {quality:?}");
        assert_eq!((reading.liveness, reading.best), (None, None), "nothing is judged");
    }
}

/// The picture with a grain as a sensor has it, other for each seed.
fn grained(photo: &[u8], seed: u32) -> Vec<u8> {
    let mut picture = image::load_from_memory(photo).unwrap().into_rgb8();
    let mut state = seed;
    for pixel in picture.pixels_mut() {
        for value in &mut pixel.0 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = value.saturating_add_signed(((state >> 24) % 5) as i8 - 2);
        }
    }
    png(picture)
}

#[test]
fn the_same_picture_again_does_not_change_and_a_grained_one_does() {
    let mut engine = engine();
    let people = waiting_for_two(&mut engine);
    engine.look_for(people);
    let photo = read("obama2.jpg");
    let mut face = |frame: Vec<u8>| seen(&mut engine, frame).face.unwrap();
    let first = face(photo.clone());
    assert_eq!((first.change, first.resemblance), (None, None));
    let again = face(photo.clone());
    assert_eq!(again.change, Some(0.0));
    assert!(again.resemblance.unwrap() > 0.999);
    let grained = face(grained(&photo, 1));
    assert!(grained.change.unwrap() > 0.1, "{grained:?}");
    assert!(grained.resemblance.unwrap() > 0.9, "{grained:?}");
    let other = face(read("biden.jpg"));
    assert!(other.resemblance.unwrap() < 0.4, "{other:?}");
}

#[test]
fn who_has_left_is_no_longer_compared_with() {
    let mut engine = engine();
    let people = waiting_for_two(&mut engine);
    engine.look_for(people.clone());
    seen(&mut engine, read("obama2.jpg"));
    for _ in 0..4 {
        assert_eq!(seen(&mut engine, super::wall()), Sighting::default());
    }
    let back = seen(&mut engine, read("obama2.jpg")).face.unwrap();
    assert_eq!((back.change, back.resemblance), (None, None));
    engine.forget();
    let anew = seen(&mut engine, read("obama2.jpg")).face.unwrap();
    assert_eq!((anew.change, anew.resemblance), (None, None), "the camera was lost");
    engine.look_for(people);
    let anew = seen(&mut engine, read("obama2.jpg")).face.unwrap();
    assert_eq!((anew.change, anew.resemblance), (None, None), "other people to look for");
}

#[test]
fn without_anybody_to_compare_with_nobody_is_recognised() {
    let mut engine = engine();
    let face = seen(&mut engine, LIVE.to_vec()).face.unwrap();
    assert_eq!((face.best, face.second, face.resemblance), (None, None, None));
    assert!(face.liveness.unwrap() > 0.6, "liveness is judged all the same");
}

/// Ten people: the same one in rows of five, which is all the same to a detector.
fn crowd() -> RgbImage {
    let face = imageops::crop_imm(&live(), 62, 48, 295, 372).to_image();
    let face = imageops::resize(&face, 128, 160, imageops::FilterType::Triangle);
    let mut crowd = RgbImage::new(640, 320);
    for i in 0..10_i64 {
        imageops::replace(&mut crowd, &face, (i % 5) * 128, (i / 5) * 160);
    }
    crowd
}

#[test]
fn odd_frames_have_defined_outcomes() {
    let mut engine = engine();
    let many = seen(&mut engine, png(crowd()));
    assert_eq!(many.near_faces, 10);
    let half = imageops::crop_imm(&live(), 225, 0, 255, 640).to_image();
    if let Some(face) = seen(&mut engine, png(half)).face {
        assert!(QualityGates::default().flaw(&face.quality).is_some(), "{face:?}");
        assert_eq!(face.best, None);
    }
    let tiny = imageops::resize(&live(), 48, 64, imageops::FilterType::Triangle);
    let mut frame = RgbImage::from_pixel(640, 480, Rgb([110, 110, 110]));
    imageops::replace(&mut frame, &tiny, 300, 200);
    if let Some(face) = seen(&mut engine, png(frame)).face {
        assert_eq!(QualityGates::default().flaw(&face.quality), Some(Flaw::TooFar));
    }
    let grey: GrayImage = imageops::grayscale(&live());
    let grey = RgbImage::from_fn(480, 640, |x, y| Rgb([grey.get_pixel(x, y).0[0]; 3]));
    assert_eq!(seen(&mut engine, png(grey)).near_faces, 1);
}
