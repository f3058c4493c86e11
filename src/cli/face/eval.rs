//! A list of photo pairs, and what the models make of them.
#![expect(clippy::disallowed_methods, reason = "a command that measures itself")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::rates::{QUANTILES, Scores};
use super::{SCORE_PLACES, SetArgs, rounded, rounded_wide, say, say_json};
use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::ports::Template;
use crate::vision::Pipeline;
use crate::vision::picture::Picture;
use crate::vision::products::cosine;
use crate::vision::still;

/// The false accept rates reported, by the name of their keys.
const RATES: [(&str, f64); 4] =
    [("far_1e-2", 1e-2), ("far_1e-3", 1e-3), ("far_1e-4", 1e-4), ("no_false_accept", 0.0)];

/// A longer list of pairs is refused unread, in bytes: room for about a million pairs.
const LARGEST_LIST: usize = 64 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct EvalArgs {
    /// CSV with the columns file_x, file_y and same (yes or no); paths are relative to the CSV
    pairs: PathBuf,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    set: SetArgs,
}

pub(super) fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let list = PairList::read(&args.pairs)?;
    let mut pipeline = Pipeline::load(&args.set.store()?, args.set.threads())?;
    let embedded = Embedded::all(&mut pipeline, &list)?;
    let report = Report { scores: embedded.scores(&list), embedded: &embedded, list: &list };
    if args.json {
        say_json(&report.json());
    } else {
        say(&report.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// The pairs, each picture once.
struct PairList {
    /// Each picture with the first line that names it.
    files: Vec<(PathBuf, u64)>,
    /// Two pictures, and whether they show one person.
    pairs: Vec<(usize, usize, bool)>,
}

impl PairList {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || path.display().to_string();
        let text = read_at_most(path, LARGEST_LIST)?;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_slice());
        let header = reader.headers().with_context(place)?.clone();
        if header.iter().ne(["file_x", "file_y", "same"]) {
            bail!("{}: line 1: the header must be file_x,file_y,same", place());
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut list = Self { files: Vec::new(), pairs: Vec::new() };
        let mut known = BTreeMap::new();
        for record in reader.records() {
            let record = record.with_context(place)?;
            let line = record.position().map_or(0, csv::Position::line);
            list.add(&record, line, folder, &mut known)
                .with_context(|| format!("{}: line {line}", place()))?;
        }
        if list.pairs.is_empty() {
            bail!("{}: there are no pairs in it", place());
        }
        Ok(list)
    }

    fn add(
        &mut self,
        record: &csv::StringRecord,
        line: u64,
        folder: &Path,
        known: &mut BTreeMap<PathBuf, usize>,
    ) -> anyhow::Result<()> {
        let fields: Vec<&str> = record.iter().collect();
        let [x, y, same] = fields.as_slice() else {
            bail!("has {} fields, and file_x,file_y,same are needed", fields.len());
        };
        let same = match same.to_ascii_lowercase().as_str() {
            "yes" => true,
            "no" => false,
            other => bail!("'same' is '{other}': write yes or no"),
        };
        let mut index = |name: &str| {
            if name.is_empty() {
                bail!("a file name is empty");
            }
            let file = folder.join(name);
            if let Some(index) = known.get(&file) {
                return Ok(*index);
            }
            if !file.is_file() {
                bail!("{} is not there", file.display());
            }
            self.files.push((file.clone(), line));
            known.insert(file, self.files.len() - 1);
            Ok(self.files.len() - 1)
        };
        let pair = (index(x)?, index(y)?, same);
        self.pairs.push(pair);
        Ok(())
    }
}

/// Each picture's template; `None` where there is no face.
struct Embedded {
    templates: Vec<Option<Template>>,
    ms_per_image: f64,
}

impl Embedded {
    fn all(pipeline: &mut Pipeline, list: &PairList) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut templates = Vec::with_capacity(list.files.len());
        for (file, line) in &list.files {
            let place = || format!("{} (line {line})", file.display());
            let bytes =
                read_at_most(file, LARGEST_PICTURE).with_context(|| format!("line {line}"))?;
            let picture = Picture::decoded(&bytes).with_context(place)?;
            let face = still::look(pipeline, &picture, false)?;
            templates.push(face.and_then(|face| face.template));
        }
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(Self { templates, ms_per_image: ms / list.files.len() as f64 })
    }

    fn scores(&self, list: &PairList) -> Scores {
        let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
        for (x, y, same) in &list.pairs {
            if let (Some(x), Some(y)) = (&self.templates[*x], &self.templates[*y]) {
                let score = cosine(&x.vector, &y.vector);
                if *same { genuine.push(score) } else { impostor.push(score) }
            }
        }
        Scores::new(genuine, impostor)
    }
}

struct Report<'a> {
    scores: Scores,
    embedded: &'a Embedded,
    list: &'a PairList,
}

impl Report<'_> {
    fn without_face(&self) -> Vec<String> {
        let files = self.list.files.iter().zip(&self.embedded.templates);
        files.filter(|(_, t)| t.is_none()).map(|((f, _), _)| f.display().to_string()).collect()
    }

    fn json(&self) -> Value {
        let (genuine, impostor) = self.scores.counts();
        let [genuine_scores, impostor_scores] = self.scores.quantiles().map(quantiles_json);
        let without_face = self.without_face();
        let best = self.scores.best_accuracy();
        let mut report = json!({
            "images": self.list.files.len(),
            "pairs": self.list.pairs.len(),
            "pairs_without_face": self.list.pairs.len() - genuine - impostor,
            "genuine": genuine,
            "impostor": impostor,
            "genuine_scores": genuine_scores,
            "impostor_scores": impostor_scores,
            "best_accuracy": best.map(|(accuracy, _)| rounded_wide(accuracy, SCORE_PLACES)),
            "threshold_at_best_accuracy": best.map(|(_, threshold)| exactly(threshold)),
            "far_resolution": self.scores.resolution(),
            "not_measured": self.not_measured(),
            "no_face": without_face.len(),
            "no_face_files": without_face,
            "ms_per_image": rounded_wide(self.embedded.ms_per_image, 3),
        });
        for (name, far) in RATES {
            let at = self.scores.at_far(far);
            let tar = at.map(|at| rounded_wide(at.tar, SCORE_PLACES));
            report[format!("tar_at_{name}")] = json!(tar);
            report[format!("threshold_at_{name}")] = json!(at.map(|at| exactly(at.threshold)));
        }
        report
    }

    /// A sentence for each rate that this set cannot measure.
    fn not_measured(&self) -> Vec<String> {
        let (genuine, impostor) = self.scores.counts();
        if genuine == 0 || impostor == 0 {
            return vec![format!(
                "no rate: it takes genuine and impostor pairs, and there are {genuine} and {impostor}"
            )];
        }
        let rates = RATES.iter().filter(|(_, far)| !self.scores.measures(*far));
        let said = rates.map(|(name, far)| {
            format!(
                "TAR at {name}: it takes {:.0} impostor pairs, and there are {impostor}; the figure given is that of \
                 no false accept",
                1.0 / far
            )
        });
        said.collect()
    }

    fn text(&self) -> String {
        let (genuine, impostor) = self.scores.counts();
        let mut lines = vec![format!(
            "{} pictures, {genuine} genuine and {impostor} impostor pairs, {:.1} ms per picture",
            self.list.files.len(),
            self.embedded.ms_per_image
        )];
        lines.push(quantile_table(self.scores.quantiles()));
        for (name, far) in RATES {
            if let Some(at) = self.scores.at_far(far) {
                lines.push(format!("TAR at {name}: {:.4} (threshold {:.4})", at.tar, at.threshold));
            }
        }
        lines.extend(self.not_measured().iter().map(|why| format!("not measured: {why}")));
        if let Some((accuracy, threshold)) = self.scores.best_accuracy() {
            lines.push(format!("best accuracy: {accuracy:.4} (threshold {threshold:.4})"));
        }
        let without_face = self.without_face();
        lines.push(format!("pictures without a face: {}", without_face.len()));
        lines.extend(without_face.iter().map(|file| format!("  {file}")));
        lines.join("\n")
    }
}

type Quantiles = Option<[f32; QUANTILES.len()]>;

fn quantiles_json(scores: Quantiles) -> Value {
    let Some(scores) = scores else { return Value::Null };
    let named = QUANTILES.iter().zip(scores);
    named
        .map(|((name, _), score)| ((*name).to_owned(), json!(rounded(score, SCORE_PLACES))))
        .collect()
}

/// One row of scores for each kind of pair.
fn quantile_table(scores: [Quantiles; 2]) -> String {
    let head: String = QUANTILES.iter().map(|(name, _)| format!("{name:>8}")).collect();
    let row = |kind: &str, scores: Quantiles| match scores {
        Some(scores) => {
            let cells: String = scores.iter().map(|score| format!("{score:8.4}")).collect();
            format!("{kind:<15}{cells}")
        }
        None => format!("{kind:<15}   no pairs"),
    };
    let [genuine, impostor] = scores;
    let (genuine, impostor) = (row("genuine scores", genuine), row("impostor scores", impostor));
    format!("{:<15}{head}\n{genuine}\n{impostor}", "")
}

/// A threshold to the last bit in as few digits as that takes: rounded it could let in what it keeps out.
fn exactly(threshold: f32) -> f64 {
    threshold.to_string().parse().unwrap_or(f64::from(threshold))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<PairList, String> {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.jpg", "b.jpg"] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let csv = dir.path().join("pairs.csv");
        std::fs::write(&csv, text).unwrap();
        PairList::read(&csv).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn each_picture_is_listed_once() {
        let list = read("file_x,file_y,same\na.jpg,b.jpg,no\nb.jpg, a.jpg ,YES\n").unwrap();
        assert_eq!(list.files.len(), 2);
        assert_eq!(list.pairs, [(0, 1, false), (1, 0, true)]);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        let head = "file_x,file_y,same\na.jpg,b.jpg,no\n";
        for (row, problem) in [
            ("a.jpg,b.jpg,maybe", "maybe"),
            ("a.jpg,b.jpg", "2 fields"),
            ("a.jpg,c.jpg,no", "c.jpg is not there"),
            ("a.jpg,,no", "empty"),
        ] {
            let error = read(&format!("{head}{row}\n")).err().unwrap();
            assert!(error.contains("line 3") && error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_list_without_its_header_or_without_pairs_is_refused() {
        assert!(read("a.jpg,b.jpg,no\n").err().unwrap().contains("header"));
        assert!(read("file_x,file_y,same\n").err().unwrap().contains("no pairs"));
    }

    #[test]
    fn a_threshold_is_told_to_the_last_bit() {
        let threshold = 0.45_f32.next_up();
        assert_eq!((exactly(threshold) as f32).to_bits(), threshold.to_bits());
        assert_eq!(json!(exactly(0.45)).to_string(), "0.45");
    }

    #[test]
    fn the_table_lines_up_and_says_where_there_are_no_pairs() {
        let table = quantile_table([Some([-0.5; QUANTILES.len()]), None]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0].len(), lines[1].len());
        assert!(lines[1].starts_with("genuine scores  -0.5000 -0.5000"), "{table}");
        assert!(lines[2].ends_with("no pairs"), "{table}");
    }
}
