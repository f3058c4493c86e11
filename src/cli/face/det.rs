//! What the pairs of a labelled set say: error rates by threshold, and what to ask for to keep to a target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};

use super::proportion::Proportion;
use super::rates::Scores;
use super::{SCORE_PLACES, rounded, rounded_wide, say_rate};
use crate::core::calibration::{Calibration, RatePoint};

/// Two pictures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// Whom they show, by number.
    pub(super) people: [usize; 2],
    pub(super) similarity: f32,
}

impl Pair {
    fn is_genuine(&self) -> bool {
        self.people[0] == self.people[1]
    }
}

/// What is to be kept to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// How often a stranger may be taken for one of all who may match.
    pub(super) false_accepts: f32,
    /// How many may match at once.
    pub(super) people: usize,
}

impl Target {
    /// The false match rate of one comparison that keeps to it.
    fn of_one(self) -> f64 {
        f64::from(self.false_accepts) / self.people.max(1) as f64
    }
}

/// The false match rates of the table.
const RATES: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];
/// A rate is part of the calibration only if so many pairs are behind it.
const SOLID: f64 = 5.0;

/// Errors at one threshold.
#[derive(Debug, Clone, Copy)]
struct Row {
    threshold: f32,
    /// Pairs of two people that pass.
    false_matches: Proportion,
    /// Pairs of one person that do not.
    false_non_matches: Proportion,
}

/// Errors within one group at the suggested threshold.
#[derive(Debug)]
struct Group {
    name: String,
    people: usize,
    row: Row,
}

/// Everything there is to say.
#[derive(Debug)]
pub(super) struct Report {
    people: usize,
    genuine: usize,
    impostor: usize,
    table: Vec<Row>,
    calibration: Calibration,
    target: Target,
    suggested: Option<Row>,
    groups: Vec<Group>,
    warnings: Vec<String>,
    without_face: Vec<PathBuf>,
}

impl Report {
    pub(super) fn new(
        pairs: &[Pair],
        groups: &[Option<String>],
        without_face: Vec<PathBuf>,
        target: Target,
    ) -> anyhow::Result<Self> {
        let scores = scores(pairs.iter());
        let (genuine, impostor) = scores.counts();
        if genuine == 0 || impostor == 0 {
            bail!(
                "it takes pairs of one person and of two, and there are {genuine} and {impostor}: at least two people \
                 with two usable pictures each are needed"
            );
        }
        let possible = RATES.iter().filter(|rate| **rate * impostor as f64 >= 1.0 - 1e-9);
        let table: Vec<Row> = possible
            .filter_map(|rate| Some(row(&scores, scores.at_far(*rate)?.threshold)))
            .collect();
        let calibration = calibration(&table);
        let suggested = calibration.similarity_among(target.people, target.false_accepts);
        let suggested = suggested.map(|threshold| row(&scores, raised(threshold)));
        let groups = match suggested {
            Some(at) => grouped(pairs, groups, at.threshold),
            None => Vec::new(),
        };
        let people: BTreeSet<usize> = pairs.iter().flat_map(|pair| pair.people).collect();
        let mut report = Self {
            people: people.len(),
            genuine,
            impostor,
            table,
            calibration,
            target,
            suggested,
            groups,
            warnings: Vec::new(),
            without_face,
        };
        report.warnings = report.doubts();
        Ok(report)
    }

    /// What the set is too small to show (no error in n trials still allows a rate of 3/n, 95 %).
    fn doubts(&self) -> Vec<String> {
        let (genuine, impostor) = (self.genuine, self.impostor);
        let mut said = Vec::new();
        let wanted = self.target.of_one();
        let couples = self.people * self.people.saturating_sub(1) / 2;
        let shows = |of: usize| 3.0 / of.max(1) as f64;
        if self.suggested.is_none() {
            said.push(format!(
                "{impostor} impostor pairs are too few for any calibration: {:.0} at least are needed",
                SOLID / RATES[1]
            ));
        }
        if shows(impostor) > wanted {
            said.push(format!(
                "a false match rate of {} cannot be shown: no match among all {impostor} impostor pairs would still \
                 allow {}; the suggestion continues the measured line beyond the set",
                say_rate(wanted),
                say_rate(shows(impostor))
            ));
        }
        if shows(couples) > wanted {
            said.push(format!(
                "the pairs come from {} people, {couples} couples, and pairs of one couple are alike: as a statement \
                 about other people the set shows no rate below {}",
                self.people,
                say_rate(shows(couples))
            ));
        }
        if genuine < 100 {
            said.push(format!(
                "{genuine} genuine pairs show a false non-match rate to {} at best",
                say_rate(shows(genuine))
            ));
        }
        said
    }

    /// The lines for the configuration.
    pub(super) fn config_lines(&self) -> String {
        let points = self.calibration.points().iter().map(|point| {
            format!(
                "    {{ rate = {}, similarity = {} }},\n",
                short(point.rate),
                short(point.similarity)
            )
        });
        let table: String = points.collect();
        if table.is_empty() {
            return "# too few pairs for a calibration\n".to_owned();
        }
        format!(
            "[recognition]\nfalse_accepts = {}\ncalibration = [\n{table}]\n",
            short(self.target.false_accepts)
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "people": self.people,
            "genuine": self.genuine,
            "impostor": self.impostor,
            "table": self.table.iter().map(Row::json).collect::<Vec<_>>(),
            "target": {
                "false_accepts": rounded(self.target.false_accepts, 9),
                "people": self.target.people,
                "false_match_rate": rounded_wide(self.target.of_one(), 12),
            },
            "suggested": self.suggested.as_ref().map(Row::json),
            "groups": self.groups.iter().map(Group::json).collect::<Value>(),
            "config": self.config_lines(),
            "warnings": self.warnings,
            "no_face": self.without_face.len(),
            "no_face_files":
                self.without_face.iter().map(|f| f.display().to_string()).collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!(
            "{} people, {} genuine and {} impostor pairs",
            self.people, self.genuine, self.impostor
        )];
        lines.extend(self.table.iter().map(Row::text));
        if let Some(row) = &self.suggested {
            lines.push(format!(
                "for {} people and at most {} false accepts:",
                self.target.people,
                say_rate(f64::from(self.target.false_accepts))
            ));
            lines.push(row.text());
        }
        lines.extend(self.groups.iter().map(Group::text));
        lines.extend(self.warnings.iter().map(|warning| format!("note: {warning}")));
        lines.push(format!("pictures without a face: {}", self.without_face.len()));
        lines.extend(self.without_face.iter().map(|file| format!("  {}", file.display())));
        lines.push("95 % intervals (Clopper-Pearson), pairs taken as independent".to_owned());
        lines.push(format!("\n{}", self.config_lines().trim_end()));
        lines.join("\n")
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "threshold": rounded(self.threshold, SCORE_PLACES),
            "fmr": self.false_matches.json(),
            "fnmr": self.false_non_matches.json(),
        })
    }

    fn text(&self) -> String {
        format!(
            "similarity {:.4}  FMR {}  FNMR {}",
            self.threshold,
            self.false_matches.text(),
            self.false_non_matches.text()
        )
    }
}

impl Group {
    fn json(&self) -> Value {
        let mut row = self.row.json();
        row["group"] = json!(self.name);
        row["people"] = json!(self.people);
        row
    }

    fn text(&self) -> String {
        format!("group {} ({} people)  {}", self.name, self.people, self.row.text())
    }
}

fn scores<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Scores {
    let (genuine, impostor): (Vec<_>, Vec<_>) = pairs.partition(|pair| pair.is_genuine());
    let similarities = |pairs: Vec<&Pair>| pairs.iter().map(|pair| pair.similarity).collect();
    Scores::new(similarities(genuine), similarities(impostor))
}

fn row(scores: &Scores, threshold: f32) -> Row {
    let (genuine, impostor) = scores.counts();
    let (accepted, matched) = scores.reaching(threshold);
    Row {
        threshold,
        false_matches: Proportion { hits: matched, of: impostor },
        false_non_matches: Proportion { hits: genuine - accepted, of: genuine },
    }
}

/// A point for each solid row: the rate is the upper end of its interval, so that a small set asks for more.
fn calibration(table: &[Row]) -> Calibration {
    let mut points: Vec<RatePoint> = Vec::new();
    for row in table {
        // Rounded here, so that the configuration reads what is calculated with.
        let rate = rounded_wide(row.false_matches.interval().1, 7) as f32;
        let point = RatePoint { rate, similarity: raised(row.threshold) };
        let solid = row.false_matches.hits as f64 >= SOLID;
        let further = points
            .last()
            .is_none_or(|last| point.rate < last.rate && point.similarity > last.similarity);
        if solid && further {
            points.push(point);
        }
    }
    Calibration::new(points).unwrap_or_default()
}

/// To four decimals, never down.
fn raised(similarity: f32) -> f32 {
    ((f64::from(similarity) * 1e4).ceil() / 1e4) as f32
}

fn grouped(pairs: &[Pair], groups: &[Option<String>], threshold: f32) -> Vec<Group> {
    let group = |person: usize| groups.get(person).and_then(Option::as_deref);
    let mut within: BTreeMap<&str, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        let [one, other] = pair.people.map(group);
        if let Some(name) = one.filter(|_| one == other) {
            within.entry(name).or_default().push(pair);
        }
    }
    let judged = within.into_iter().map(|(name, pairs)| {
        let people: BTreeSet<usize> = pairs.iter().flat_map(|pair| pair.people).collect();
        let row = row(&scores(pairs.into_iter()), threshold);
        Group { name: name.to_owned(), people: people.len(), row }
    });
    judged.collect()
}

/// A number with the digits that TOML needs to read the same again, at most seven decimals.
fn short(value: f32) -> f64 {
    rounded(value, 7)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    /// Ten people with four pictures; strangers' similarities spread evenly over 0 to 0.5.
    fn pairs() -> Vec<Pair> {
        let genuine = (0..10).flat_map(|p| (0..6).map(move |i| (p, 0.6 + 0.05 * i as f32)));
        let mut pairs: Vec<_> =
            genuine.map(|(p, similarity)| Pair { people: [p, p], similarity }).collect();
        for i in 0..1000_usize {
            let people = [i % 10, (i + 1 + (i / 10) % 9) % 10];
            pairs.push(Pair { people, similarity: i as f32 / 2000.0 });
        }
        pairs
    }

    fn report(target: Target) -> Report {
        let groups: Vec<_> =
            (0..10).map(|p| Some(if p < 5 { "young" } else { "old" }.to_owned())).collect();
        Report::new(&pairs(), &groups, Vec::new(), target).unwrap()
    }

    const USUAL: Target = Target { false_accepts: 1e-4, people: 1 };

    #[test]
    fn the_table_holds_the_rates_that_the_set_can_count() {
        let report = report(USUAL);
        let counts: Vec<_> = report.table.iter().map(|row| row.false_matches.hits).collect();
        assert_eq!(counts, [100, 10, 1]);
        assert!(report.table.iter().all(|row| row.false_non_matches.hits == 0));
    }

    #[test]
    fn the_calibration_takes_the_upper_end_of_what_enough_pairs_show() {
        let report = report(USUAL);
        let points = report.calibration.points();
        assert_eq!(points.len(), 2, "one pair is no measurement");
        assert!(points[1].rate > 0.01 && points[1].rate < 0.02, "{points:?}");
        let more = self::report(Target { people: 10, ..USUAL }).suggested.unwrap().threshold;
        assert!(more > report.suggested.unwrap().threshold);
    }

    #[test]
    fn what_the_set_is_too_small_for_is_said() {
        let report = report(Target { false_accepts: 1e-4, people: 30 });
        let said = report.warnings.join("\n");
        assert!(said.contains("1000 impostor pairs would still allow 0.003"), "{said}");
        assert!(said.contains("10 people, 45 couples"), "{said}");
        assert!(said.contains("60 genuine pairs"), "{said}");
    }

    #[test]
    fn the_lines_for_the_configuration_are_what_it_reads() {
        let lines = report(USUAL).config_lines();
        let rest = "[device]\nid = \"a\"\n[hall]\nhost = \"127.0.0.1\"\n[camera]\nkind = \"none\"\n\
                    [cabinet]\ndriver = \"sim\"\ncompartment = [{ number = 1 }]\n";
        let config = Config::parse(&format!("{rest}{lines}"), Path::new("config.toml")).unwrap();
        assert_eq!(config.recognition.calibration, report(USUAL).calibration, "{lines}");
        assert!(!config.recognition.calibration.points().is_empty());
    }

    #[test]
    fn groups_are_counted_within_themselves() {
        let report = report(USUAL);
        let named: Vec<_> = report.groups.iter().map(|g| (g.name.as_str(), g.people)).collect();
        assert_eq!(named, [("old", 5), ("young", 5)]);
        let within: usize = report.groups.iter().map(|g| g.row.false_matches.of).sum();
        assert!(within > 0 && within < 1000, "{within}");
    }

    #[test]
    fn without_pairs_of_both_kinds_nothing_is_said() {
        let genuine = [Pair { people: [0, 0], similarity: 0.9 }];
        let told = Report::new(&genuine, &[None], Vec::new(), USUAL).unwrap_err().to_string();
        assert!(told.contains("there are 1 and 0"), "{told}");
    }

    #[test]
    fn too_few_impostors_give_no_calibration_and_say_so() {
        let mut few = vec![Pair { people: [0, 0], similarity: 0.9 }];
        few.extend((0..20).map(|i| Pair { people: [0, 1], similarity: i as f32 / 100.0 }));
        let report = Report::new(&few, &[None, None], Vec::new(), USUAL).unwrap();
        assert!(report.suggested.is_none());
        assert!(report.warnings[0].contains("too few for any calibration"));
        assert!(report.config_lines().starts_with('#'));
    }
}
