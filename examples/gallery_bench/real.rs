//! Real faces: the first half of each person's pictures makes templates, the second half probes. Up to COUNT the gallery is
//! filled with people who are not there but could be: mixes of two people's templates, and templates moved at random. So
//! every probe finds thousands that are nearly as alike, which is where bytes alone go astray.
//!
//! Every probe is searched both ways, and both must name the same two people with the same scores. FILE, if given, gets
//! the gallery and then the probes, for another program to search; whom each probe resembles most is in what is printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use locker_agent::core::ids::RecipientId;
use locker_agent::models::{Manifest, ModelStore, default_dir};
use locker_agent::ports::Template;
use locker_agent::vision::gallery::{Closest, Gallery};
use locker_agent::vision::picture::Picture;
use locker_agent::vision::{Pipeline, still};

/// How alike a moved template is to the one it was made of, about: less than two pictures of one person mostly are.
const MOVED: f32 = 0.8;

pub(crate) fn search(folder: &Path, count: usize, file: Option<&Path>) {
    let mut pipeline =
        Pipeline::load(&ModelStore::new(Manifest::default_set(), default_dir()), 1).unwrap();
    let (mut templates, mut probes) = (Vec::new(), Vec::new());
    for pictures in people(folder) {
        let half = pictures.len() / 2;
        let person: Vec<_> =
            pictures.iter().map(|picture| template(&mut pipeline, picture)).collect();
        // Beside each template whose it is: mixes are made of different people.
        let owner = templates.last().map_or(0, |(owner, _)| owner + 1);
        templates.extend(person[..half].iter().map(|template| (owner, template.clone())));
        probes.extend(person[half..].iter().cloned());
    }
    let real = templates.len();
    assert!(real > 1 && !probes.is_empty(), "two people with two pictures each are needed");
    let mut draw = Draw(1);
    while templates.len() < count {
        let made = if templates.len().is_multiple_of(2) {
            mixed(&templates[..real], &mut draw)
        } else {
            moved(&templates[draw.below(real)].1, &mut draw)
        };
        templates.push((usize::MAX, made));
    }
    let templates: Vec<Template> = templates.into_iter().map(|(_, template)| template).collect();
    if let Some(file) = file {
        let values = templates.iter().chain(&probes).flat_map(|template| &template.vector);
        fs::write(file, values.flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()).unwrap();
    }
    let (model, length) = pipeline.template_model();
    let mut gallery = Gallery::new(model.clone(), length);
    let named = |(who, template)| (RecipientId::new(format!("p{who}")).unwrap(), vec![template]);
    assert_eq!(gallery.replace(templates.into_iter().enumerate().map(named).collect()), 0);
    report(&gallery, &probes, real, count.max(real));
}

fn report(gallery: &Gallery, probes: &[Template], real: usize, count: usize) {
    let (mut exact_ms, mut fast_ms, mut best, mut leads) = (vec![], vec![], vec![], vec![]);
    let (mut same_best, mut same_both) = (0, 0);
    for probe in probes {
        let exact = timed(&mut exact_ms, || gallery.closest_of_all(probe));
        let fast = timed(&mut fast_ms, || gallery.closest(probe));
        let recipient = |found: &Closest| found.0.as_ref().map(|best| best.recipient.clone());
        same_best += usize::from(recipient(&fast) == recipient(&exact));
        same_both += usize::from(fast == exact);
        best.push(recipient(&fast).unwrap().to_string());
        leads.push(f64::from(fast.0.unwrap().similarity - fast.1.unwrap().similarity));
    }
    let (exact, fast) = (median(&mut exact_ms), median(&mut fast_ms));
    println!(
        "{}",
        serde_json::json!({
            "templates": count, "of_pictures": real, "probes": probes.len(),
            "same_best": same_best, "same_two_and_scores": same_both,
            "median_lead": median(&mut leads), "least_lead": leads[0],
            "exact_ms": exact, "fast_ms": fast, "exact_over_fast": exact / fast, "best": best,
        })
    );
    assert_eq!(same_both, probes.len(), "the fast search finds what comparing all finds");
}

/// The pictures in each folder inside this one, by name.
fn people(folder: &Path) -> Vec<Vec<PathBuf>> {
    let inside = |folder: &Path| {
        let mut paths: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let folders = inside(folder).into_iter().filter(|path| path.is_dir());
    let people: BTreeMap<_, _> = folders.map(|person| (person.clone(), inside(&person))).collect();
    people.into_values().collect()
}

fn template(pipeline: &mut Pipeline, picture: &Path) -> Template {
    let decoded = Picture::decoded(&fs::read(picture).unwrap()).unwrap();
    let face = still::look(pipeline, &decoded, false).unwrap();
    face.and_then(|face| face.template)
        .unwrap_or_else(|| panic!("there is no face in {}", picture.display()))
}

/// Somebody between two people.
fn mixed(templates: &[(usize, Template)], draw: &mut Draw) -> Template {
    let (one, first) = &templates[draw.below(templates.len())];
    let second = loop {
        let (other, second) = &templates[draw.below(templates.len())];
        if other != one {
            break second;
        }
    };
    let part = 0.3 + 0.4 * draw.unit();
    let both = first.vector.iter().zip(&second.vector);
    unit(first, both.map(|(a, b)| part * a + (1.0 - part) * b).collect())
}

/// Somebody who looks like one of them.
fn moved(template: &Template, draw: &mut Draw) -> Template {
    // Even noise in -1 to 1 has a mean square of a third.
    let length = (template.vector.len() as f32 / 3.0).sqrt();
    let scale = (1.0 / MOVED.powi(2) - 1.0).sqrt() / length;
    let values = template.vector.iter().map(|v| v + scale * (2.0 * draw.unit() - 1.0));
    unit(template, values.collect())
}

fn unit(like: &Template, mut vector: Vec<f32>) -> Template {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= length);
    Template { model: like.model.clone(), vector }
}

fn timed(times: &mut Vec<f64>, search: impl Fn() -> Closest) -> Closest {
    let began = Instant::now();
    let found = search();
    times.push(began.elapsed().as_secs_f64() * 1000.0);
    found
}

/// The middle value; sorts them.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same numbers in every run: a linear congruence.
struct Draw(u64);

impl Draw {
    /// 0 to 1.
    fn unit(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.unit() * end as f32) as usize).min(end - 1)
    }
}
