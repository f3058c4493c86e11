//! What models give, taken for anything: boxes and points of any numbers, none among them, become faces that are some and
//! measurements, never a panic.
//!
//! Input: bytes taken four by four for floats.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locker_agent::models::recipe::AlignmentTemplate;
use locker_agent::vision::align::AlignedFace;
use locker_agent::vision::detect::faces_in_corners;
use locker_agent::vision::landmark::five_of_68;
use locker_agent::vision::picture::Pixels;
use locker_agent::vision::quality::QualityMeter;

const WIDTH: usize = 64;
const HEIGHT: usize = 48;
/// A detector's cells, here.
const CELLS: usize = 16;
const POINTS: usize = 136;

fuzz_target!(|input: &[u8]| {
    let mut values: Vec<f32> =
        input.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    values.resize(CELLS * 6 + POINTS, 0.5);
    let (scores, rest) = values.split_at(CELLS * 2);
    let (boxes, points) = rest.split_at(CELLS * 4);
    let rgb: Vec<u8> = (0..WIDTH * HEIGHT * 3).map(|at| at as u8).collect();
    let Ok(pixels) = Pixels::new(WIDTH as u32, HEIGHT as u32, &rgb) else { return };
    for face in faces_in_corners(scores, boxes, (WIDTH, HEIGHT), (0.5, 0.4)) {
        assert!(face.bounds.is_real());
        let region = face.bounds.region(WIDTH, HEIGHT);
        assert!(region.left + region.width <= WIDTH && region.top + region.height <= HEIGHT);
        let points = five_of_68(points);
        let mut aligned = AlignedFace::default();
        if aligned.take(pixels, &points, AlignmentTemplate::Arcface112) {
            QualityMeter::default().measure(face.bounds, &points, &aligned, (WIDTH, HEIGHT));
        }
    }
});
