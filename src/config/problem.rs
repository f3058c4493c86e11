//! What is wrong with a configuration: every problem at once, each a sentence with its place and remedy.

use std::fmt;
use std::path::PathBuf;

/// A configuration that must not be started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The file.
    pub file: PathBuf,
    /// Everything wrong with it, in the order of the file; never empty.
    pub problems: Vec<Problem>,
}

/// One thing wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` if it is about something that is not there.
    pub line: Option<usize>,
    /// Field, value, allowed range and remedy, as a sentence.
    pub sentence: String,
}

impl ConfigFault {
    pub(super) fn single(file: impl Into<PathBuf>, sentence: String) -> Self {
        Self { file: file.into(), problems: vec![Problem { line: None, sentence }] }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{} has {count} {noun}, nothing was started:", self.file.display())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.sentence),
            None => f.write_str(&self.sentence),
        }
    }
}

impl std::error::Error for ConfigFault {}

/// The name out of `known` that was probably meant, if any is near enough.
pub(super) fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let best = known.iter().map(|name| (distance(given, name), *name)).min()?;
    (best.0 <= 2.max(given.len() * 2 / 5)).then_some(best.1)
}

/// Levenshtein's distance, in bytes: field names are ASCII.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_name_and_nonsense_does_not() {
        let known = ["threshold", "margin", "votes"];
        assert_eq!(nearest("treshold", &known), Some("threshold"));
        assert_eq!(nearest("vote", &known), Some("votes"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
