//! Searches templates from a file, as `scripts/bench.py` writes them, both ways, and prints a line of JSON: the medians
//! in milliseconds and whom the first probe resembles most.
//!
//!   gallery_bench FILE LENGTH RUNS      (FILE: little-endian floats, one template after the other, the last is the probe)
//!
//! Or searches templates of real faces; see [`real`]:
//!
//!   gallery_bench --pictures FOLDER COUNT [FILE]
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a benchmark")]

mod real;

use std::path::Path;
use std::time::Instant;

use locker_agent::core::ids::{ModelId, RecipientId};
use locker_agent::ports::Template;
use locker_agent::vision::gallery::{Closest, Gallery};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match arguments.as_slice() {
        ["--pictures", folder, count] => {
            real::search(Path::new(folder), count.parse().unwrap(), None);
        }
        ["--pictures", folder, count, file] => {
            real::search(Path::new(folder), count.parse().unwrap(), Some(Path::new(file)));
        }
        [file, length, runs] => one(file, length.parse().unwrap(), runs.parse().unwrap()),
        _ => panic!("FILE LENGTH RUNS, or --pictures FOLDER COUNT [FILE]"),
    }
}

fn one(file: &str, length: usize, runs: usize) {
    let model = ModelId::new("bench").unwrap();
    let bytes = std::fs::read(file).unwrap();
    let floats: Vec<f32> =
        bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let mut templates: Vec<Template> = floats
        .chunks_exact(length)
        .map(|vector| Template { model: model.clone(), vector: vector.to_vec() })
        .collect();
    let probe = templates.pop().unwrap();
    let named = |(who, template)| (RecipientId::new(format!("p{who}")).unwrap(), vec![template]);
    let mut gallery = Gallery::new(model, length);
    gallery.replace(templates.into_iter().enumerate().map(named).collect());
    let (exact_ms, exact) = median(runs, || gallery.closest_of_all(&probe));
    let (fast_ms, fast) = median(runs, || gallery.closest(&probe));
    assert_eq!(fast, exact, "the fast search finds what comparing all finds");
    let best = fast.0.map(|best| best.recipient.to_string()).unwrap_or_default();
    println!("{{\"exact_ms\": {exact_ms:.5}, \"fast_ms\": {fast_ms:.5}, \"best\": \"{best}\"}}");
}

fn median(runs: usize, search: impl Fn() -> Closest) -> (f64, Closest) {
    let mut times = Vec::new();
    let mut found = search();
    for _ in 0..runs {
        let began = Instant::now();
        found = search();
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], found)
}
