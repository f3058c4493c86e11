//! Living faces and attacks, and which of them the liveness models let pass: the figures of ISO/IEC 30107-3.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::folders::{self, Labelled};
use super::proportion::Proportion;
use super::{SCORE_PLACES, SetArgs, rounded, rounded_wide, say, say_json};
use crate::config::Config;
use crate::core::policy::{FacePolicy, QualityGates};
use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::vision::Pipeline;
use crate::vision::picture::Picture;
use crate::vision::still;

/// The folder of living faces; every other one is a kind of attack.
const LIVE: &str = "live";

#[derive(Debug, clap::Args)]
pub(super) struct PadEvalArgs {
    /// A folder with the folder live (living people, as the cabinet's camera sees them) and one folder for each kind of
    /// attack, named as you like
    dir: PathBuf,
    /// The configuration whose threshold and quality gates are used [default: the program's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The liveness score from which on a face counts as living, 0 to 1 [default: that of the configuration]
    #[arg(long, value_name = "SCORE", value_parser = part)]
    threshold: Option<f32>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    set: SetArgs,
}

fn part(text: &str) -> Result<f32, String> {
    let value = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "give a number from 0 to 1".to_owned())
}

pub(super) fn run(args: &PadEvalArgs) -> anyhow::Result<ExitCode> {
    let folders = folders::read(&args.dir)?;
    let live = folders.iter().filter(|folder| folder.label == LIVE).count();
    if live == 0 || folders.len() == live {
        bail!(
            "{}: needs the folder '{LIVE}' and at least one folder of attacks, such as 'print' or 'screen'",
            args.dir.display()
        );
    }
    let faces = match &args.config {
        Some(file) => Config::load(file)?.recognition,
        None => FacePolicy::default(),
    };
    let threshold = args.threshold.unwrap_or(faces.liveness.mean);
    let mut pipeline = Pipeline::load(&args.set.store()?, args.set.threads())?;
    let mut kinds = Vec::new();
    for folder in &folders {
        kinds.push(Kind::judged(&mut pipeline, &faces.gates, folder, threshold)?);
    }
    let report = Report { kinds, threshold };
    if args.json {
        say_json(&report.json());
    } else {
        say(&report.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of one picture.
enum Response {
    /// It was judged, with this score.
    Score(f32),
    /// It was not judged: no face, several, or a face too poor.
    None,
}

/// One folder's outcome.
struct Kind {
    label: String,
    /// Pictures that were taken for a living face, of those that were judged.
    passed: Proportion,
    /// Pictures that were not judged, of all.
    no_response: Proportion,
    /// Lowest and highest.
    scores: Option<(f32, f32)>,
}

impl Kind {
    fn judged(
        pipeline: &mut Pipeline,
        gates: &QualityGates,
        folder: &Labelled,
        threshold: f32,
    ) -> anyhow::Result<Self> {
        let mut scores = Vec::new();
        for file in &folder.pictures {
            match respond(pipeline, gates, file)? {
                Response::Score(score) => scores.push(score),
                Response::None => {}
            }
        }
        Ok(Self::counted(folder.label.clone(), folder.pictures.len(), &scores, threshold))
    }

    fn counted(label: String, pictures: usize, scores: &[f32], threshold: f32) -> Self {
        let passed = scores.iter().filter(|score| **score >= threshold).count();
        let lowest = scores.iter().copied().reduce(f32::min);
        let highest = scores.iter().copied().reduce(f32::max);
        Self {
            label,
            passed: Proportion { hits: passed, of: scores.len() },
            no_response: Proportion { hits: pictures - scores.len(), of: pictures },
            scores: lowest.zip(highest),
        }
    }

    fn is_live(&self) -> bool {
        self.label == LIVE
    }

    /// BPCER of living faces, APCER of attacks.
    fn error(&self) -> Proportion {
        let Proportion { hits, of } = self.passed;
        Proportion { hits: if self.is_live() { of - hits } else { hits }, of }
    }

    fn json(&self) -> Value {
        let name = if self.is_live() { "bpcer" } else { "apcer" };
        json!({
            name: self.error().json(),
            "no_response": self.no_response.json(),
            "scores": self.scores.map(|(low, high)| [rounded(low, SCORE_PLACES), rounded(high, SCORE_PLACES)]),
        })
    }

    fn text(&self) -> String {
        let name = if self.is_live() { "BPCER" } else { "APCER" };
        let scores = self
            .scores
            .map_or_else(String::new, |(low, high)| format!(", scores {low:.3} to {high:.3}"));
        format!(
            "{:<16} {name} {}{scores}; not judged {}",
            self.label,
            self.error().text(),
            self.no_response.text()
        )
    }
}

/// Looks at a picture as the cabinet looks at a frame.
fn respond(pipeline: &mut Pipeline, gates: &QualityGates, file: &Path) -> anyhow::Result<Response> {
    let bytes = read_at_most(file, LARGEST_PICTURE)?;
    let picture = Picture::decoded(&bytes).with_context(|| file.display().to_string())?;
    let pixels = picture.pixels();
    let faces = pipeline.detect(pixels)?;
    let alone = still::near_faces(faces) == 1;
    let Some(face) = faces.first().filter(|_| alone).cloned() else { return Ok(Response::None) };
    let points = pipeline.points(pixels, &face)?;
    if !pipeline.align(pixels, &points) {
        return Ok(Response::None);
    }
    let quality = pipeline.measure(pixels, face.bounds, &points);
    if gates.flaw(&quality).is_some() {
        return Ok(Response::None);
    }
    Ok(Response::Score(pipeline.liveness(pixels, face.bounds)?))
}

struct Report {
    kinds: Vec<Kind>,
    threshold: f32,
}

impl Report {
    /// The kind of attack that passes most often; one of which nothing was judged shows nothing.
    fn worst(&self) -> Option<&Kind> {
        let attacks = self.kinds.iter().filter(|kind| !kind.is_live());
        let rated = attacks.filter_map(|kind| Some((kind.passed.rate()?, kind)));
        rated.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, kind)| kind)
    }

    /// The mean of the worst APCER and the BPCER.
    fn acer(&self) -> Option<f64> {
        let apcer = self.worst()?.passed.rate()?;
        let live = self.kinds.iter().find(|kind| kind.is_live())?;
        Some(f64::midpoint(apcer, live.error().rate()?))
    }

    fn json(&self) -> Value {
        let kinds: serde_json::Map<_, _> =
            self.kinds.iter().map(|kind| (kind.label.clone(), kind.json())).collect();
        json!({
            "threshold": rounded(self.threshold, SCORE_PLACES),
            "worst_attack": self.worst().map(|kind| &kind.label),
            "worst_apcer": self.worst().map(|kind| kind.error().json()),
            "acer": self.acer().map(|acer| rounded_wide(acer, SCORE_PLACES)),
            "kinds": kinds,
        })
    }

    fn text(&self) -> String {
        let headline = match self.worst() {
            Some(kind) => format!("worst attack: {}, APCER {}", kind.label, kind.error().text()),
            None => "no attack was judged: the figures say nothing about attacks".to_owned(),
        };
        let mut lines = vec![headline];
        lines.extend(self.kinds.iter().map(Kind::text));
        lines.extend(
            self.acer()
                .map(|acer| format!("ACER {acer:.4} (mean of the worst APCER and the BPCER)")),
        );
        lines.push(format!(
            "threshold {:.2}; 95 % intervals (Clopper-Pearson); no error in n pictures still allows a rate of 3/n",
            self.threshold
        ));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn report(kinds: Vec<Kind>) -> Report {
        Report { kinds, threshold: 0.6 }
    }

    fn kind(label: &str, pictures: usize, scores: &[f32]) -> Kind {
        Kind::counted(label.to_owned(), pictures, scores, 0.6)
    }

    #[test]
    fn the_worst_kind_of_attack_is_the_headline_and_not_the_mean() {
        let report = report(vec![
            kind("live", 4, &[0.9, 0.9, 0.9, 0.5]),
            kind("print", 10, &[0.1; 10]),
            kind("screen", 2, &[0.6, 0.1]),
        ]);
        assert_eq!(report.worst().unwrap().label, "screen");
        let json = report.json();
        assert_eq!(json["worst_apcer"]["rate"], 0.5);
        assert_eq!(json["kinds"]["live"]["bpcer"]["rate"], 0.25);
        assert_eq!(json["acer"], 0.375);
        assert!(report.text().starts_with("worst attack: screen, APCER 50.0 % (1 of 2"));
    }

    #[test]
    fn what_was_not_judged_is_counted_apart_and_flatters_nobody() {
        let screen = kind("screen", 10, &[0.7]);
        assert_eq!(screen.passed, Proportion { hits: 1, of: 1 });
        assert_eq!(screen.no_response, Proportion { hits: 9, of: 10 });
        let silent = report(vec![kind("live", 1, &[0.9]), kind("print", 3, &[])]);
        assert!(silent.worst().is_none() && silent.acer().is_none());
        assert!(silent.text().contains("no attack was judged"));
    }

    #[test]
    fn a_score_that_is_no_number_does_not_pass() {
        assert_eq!(kind("print", 1, &[f32::NAN]).passed.hits, 0);
    }
}
