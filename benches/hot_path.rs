//! The pieces of a frame's way that are not a model: `cargo bench`. Ratios between runs on one machine mean something,
//! milliseconds of another one do not.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first fault")]

use divan::{Bencher, black_box};
use locker_agent::core::ids::{ModelId, RecipientId};
use locker_agent::models::recipe::AlignmentTemplate;
use locker_agent::ports::Template;
use locker_agent::vision::align::AlignedFace;
use locker_agent::vision::gallery::Gallery;
use locker_agent::vision::geometry::{FivePoints, Point};
use locker_agent::vision::picture::Picture;

const LENGTH: usize = 512;
const FRAME: &[u8] = include_bytes!("../tests/fixtures/faces/live.jpg");

fn main() {
    divan::main();
}

#[divan::bench]
fn decode_640x480(bencher: Bencher<'_, '_>) {
    let mut picture = Picture::default();
    bencher.bench_local(|| picture.decode(black_box(FRAME)).unwrap());
}

#[divan::bench]
fn align(bencher: Bencher<'_, '_>) {
    let (picture, mut face) = (Picture::decoded(FRAME).unwrap(), AlignedFace::default());
    let places = [(260.0, 200.0), (340.0, 205.0), (300.0, 250.0), (265.0, 290.0), (335.0, 293.0)];
    let points = FivePoints::from_order(places.map(|(x, y)| Point { x, y }));
    bencher.bench_local(|| {
        assert!(face.take(picture.pixels(), black_box(&points), AlignmentTemplate::Arcface112));
    });
}

#[divan::bench(args = [1_000, 10_000])]
fn closest(bencher: Bencher<'_, '_>, people: usize) {
    let (gallery, probe) = crowd(people);
    bencher.bench_local(|| gallery.closest(black_box(&probe)));
}

#[divan::bench(args = [1_000, 10_000])]
fn closest_of_all(bencher: Bencher<'_, '_>, people: usize) {
    let (gallery, probe) = crowd(people);
    bencher.bench_local(|| gallery.closest_of_all(black_box(&probe)));
}

/// Unit vectors drawn by a fixed linear congruence.
fn crowd(people: usize) -> (Gallery, Template) {
    let model = ModelId::new("m").unwrap();
    let mut state = 1_u64;
    let mut template = || {
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
        };
        let vector: Vec<f32> = (0..LENGTH).map(|_| draw()).collect();
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        Template { model: model.clone(), vector: vector.iter().map(|v| v / length).collect() }
    };
    let everybody = (0..people)
        .map(|who| (RecipientId::new(format!("p{who}")).unwrap(), vec![template()]))
        .collect();
    let probe = template();
    let mut gallery = Gallery::new(model, LENGTH);
    gallery.replace(everybody);
    (gallery, probe)
}
