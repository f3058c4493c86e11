//! Reads typed, bounded fields out of a TOML table and collects every problem instead of stopping at the first.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, nearest};

type Value<'i> = Spanned<DeValue<'i>>;

/// The problems found so far, and what is needed to say where they are.
pub(super) struct Findings<'i> {
    text: &'i str,
    /// What relative paths are relative to: the folder of the file.
    folder: PathBuf,
    problems: Vec<Problem>,
}

impl<'i> Findings<'i> {
    pub(super) fn new(text: &'i str, folder: &Path) -> Self {
        Self { text, folder: folder.to_owned(), problems: Vec::new() }
    }

    /// Adds a problem about something at this place of the file.
    pub(super) fn at(&mut self, place: Option<Range<usize>>, sentence: String) {
        let before = place.and_then(|place| self.text.get(..place.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        self.problems.push(Problem { line, sentence });
    }

    /// Every problem, in the order of the file; those about missing things last.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        self.problems.dedup();
        self.problems
    }

    /// The value as the file has it, or how it begins.
    fn source(&self, value: &Value<'_>) -> &'i str {
        let source = self.text.get(value.span()).unwrap_or_default();
        let line = source.lines().next().unwrap_or_default();
        line.char_indices().nth(60).map_or(line, |(end, _)| &line[..end])
    }
}

/// A place that has a number or a name.
pub(super) enum WholeOrText {
    Whole(u64),
    Text(String),
}

/// One table of the file while it is read. Fields that nobody asked for are unknown.
pub(super) struct Section<'a, 'i> {
    name: String,
    table: Option<&'a DeTable<'i>>,
    place: Option<Range<usize>>,
    asked: Vec<&'static str>,
    findings: &'a mut Findings<'i>,
}

impl<'a, 'i> Section<'a, 'i> {
    /// The whole file.
    pub(super) fn whole_file(table: &'a DeTable<'i>, findings: &'a mut Findings<'i>) -> Self {
        Self { name: String::new(), table: Some(table), place: None, asked: Vec::new(), findings }
    }

    /// The table of this name; an absent one reads as empty, so that its defaults hold.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'_, 'i> {
        let found = self.find(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if let Some(value) = found.filter(|_| table.is_none()) {
            self.wrong(key, value, &format!("is no section: write [{key}] above its fields"));
        }
        let place = found.map(Spanned::span);
        let name = self.path(key);
        Section { name, table, place, asked: Vec::new(), findings: self.findings }
    }

    /// Reads each table of an array of tables.
    pub(super) fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, 'i>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let path = self.path(key);
        let tables = value.get_ref().as_array().map(|array| array.iter());
        let mut things = Vec::new();
        if value.get_ref().as_array().is_some_and(|array| array.is_empty()) {
            self.wrong(key, value, &format!("is empty: write [[{path}]] at least once"));
        }
        for (index, item) in tables.into_iter().flatten().enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.wrong(key, item, &format!("is no table: write [[{path}]] above each"));
                continue;
            };
            let name = format!("{path}[{}]", index + 1);
            let place = Some(item.span());
            let findings = &mut *self.findings;
            let mut section =
                Section { name, table: Some(table), place, asked: Vec::new(), findings };
            things.extend(read(&mut section));
            section.close();
        }
        if value.get_ref().as_array().is_none() {
            self.wrong(key, value, &format!("is no list of tables: write [[{path}]] above each"));
        }
        things
    }

    /// A whole number within a range, or its default.
    pub(super) fn whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        self.optional_whole(key, range).unwrap_or(default)
    }

    /// A whole number within a range, if it is there.
    pub(super) fn optional_whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.find(key)?;
        let parsed = value
            .get_ref()
            .as_integer()
            .and_then(|digits| i128::from_str_radix(digits.as_str(), digits.radix()).ok());
        let number = parsed.and_then(|number| u64::try_from(number).ok());
        if number.is_some_and(|number| range.contains(&number)) {
            return number;
        }
        self.out_of_range(key, value, "whole number", &range);
        None
    }

    /// A whole number within a range or a text that is not empty, if it is there.
    pub(super) fn whole_or_text(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<WholeOrText> {
        let value = self.find(key)?;
        if value.get_ref().is_str() {
            return self.text(key).map(WholeOrText::Text);
        }
        self.optional_whole(key, range).map(WholeOrText::Whole)
    }

    /// A number of whole milliseconds within a range, or its default.
    pub(super) fn millis(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Duration {
        Duration::from_millis(self.whole(key, range, default))
    }

    /// A number of whole seconds within a range, or its default.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Duration {
        Duration::from_secs(self.whole(key, range, default))
    }

    /// A count within a range, or its default.
    pub(super) fn count(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let wide = u64::from(*range.start())..=u64::from(*range.end());
        let number = self.optional_whole(key, wide);
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    }

    /// A number within a range, or its default.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f32>,
        default: f32,
    ) -> f32 {
        let Some(value) = self.find(key) else { return default };
        let digits = match value.get_ref() {
            DeValue::Float(float) => Some(float.as_str()),
            DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str()),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let number = digits.and_then(|digits| digits.parse().ok());
        match number {
            Some(number) if range.contains(&number) => number,
            _ => {
                self.out_of_range(key, value, "number", &range);
                default
            }
        }
    }

    /// True or false, or its default.
    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.find(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong(key, value, "is neither true nor false");
            default
        })
    }

    /// A text that is not empty, if it is there.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.find(key)?;
        let text = value.get_ref().as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(key, value, "is no text: write it in quotes, and not empty");
        }
        text.map(str::to_owned)
    }

    /// A text that `parse` understands, if it is there; its error says what would be right.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        parse(text).map_err(|error| self.refuse(key, &format!("is refused: {error}"))).ok()
    }

    /// One of a few words, if it is there.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let chosen = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if chosen.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.refuse(key, &format!("is not known: give {}", words.join(" or ")));
        }
        chosen
    }

    /// A path; a relative one is meant from the folder of the file.
    pub(super) fn path_value(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.text(key)?;
        Some(self.findings.folder.join(text))
    }

    /// The paths in a list, if it is there; whether the files exist is seen when they are used.
    pub(super) fn files(&mut self, key: &'static str) -> Vec<PathBuf> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, value, "is no list: write [\"first\", \"second\"]");
            return Vec::new();
        };
        let mut files = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(name) => files.push(self.findings.folder.join(name)),
                None => self.wrong(key, item, "is no file name: write it in quotes"),
            }
        }
        files
    }

    /// A list of texts of which the first is not empty, if it is there.
    pub(super) fn words(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let items = value.get_ref().as_array().map(|items| items.iter());
        let words = items.map(|items| items.map(|item| item.get_ref().as_str()).collect());
        match words {
            Some(Some(words)) => {
                let words: Vec<&str> = words;
                if words.first().is_some_and(|first| !first.is_empty()) {
                    return words.into_iter().map(str::to_owned).collect();
                }
                self.wrong(key, value, "is empty: give at least one text in quotes");
            }
            Some(None) | None => {
                self.wrong(key, value, "is no list of texts: write [\"first\", \"second\"]");
            }
        }
        Vec::new()
    }

    /// The path of a file that exists, if it is there.
    pub(super) fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = self.path_value(key)?;
        let value = self.find(key)?;
        self.check_file(key, value, &path).then_some(path)
    }

    /// Whether this field is there.
    pub(super) fn is_there(&mut self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Adds the problem that this field must be there.
    pub(super) fn missing(&mut self, key: &'static str, remedy: &str) {
        let path = self.path(key);
        // Where the field is there but wrong, that has been said already.
        if self.find(key).is_none() {
            self.findings.at(self.place.clone(), format!("{path} is missing: {remedy}"));
        }
    }

    /// Adds a problem about the value of this field.
    pub(super) fn refuse(&mut self, key: &'static str, complaint: &str) {
        match self.find(key) {
            Some(value) => self.wrong(key, value, complaint),
            None => {
                let path = self.path(key);
                self.findings.at(self.place.clone(), format!("{path} {complaint}"));
            }
        }
    }

    /// Ends the reading: whatever was not asked for is unknown.
    pub(super) fn close(self) {
        for (key, value) in self.table.into_iter().flatten() {
            let given = key.get_ref().as_ref();
            if self.asked.contains(&given) {
                continue;
            }
            let path = if self.name.is_empty() {
                given.to_owned()
            } else {
                format!("{}.{given}", self.name)
            };
            let remedy = match nearest(given, &self.asked) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known here are {}", self.asked.join(", ")),
            };
            let sort = if value.get_ref().is_table() { "section" } else { "field" };
            self.findings.at(Some(key.span()), format!("{path} is an unknown {sort}: {remedy}"));
        }
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Value<'i>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table?.get(key)
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn wrong(&mut self, key: &str, value: &Value<'i>, complaint: &str) {
        let sentence = format!("{} = {} {complaint}", self.path(key), self.findings.source(value));
        self.findings.at(Some(value.span()), sentence);
    }

    fn out_of_range<T: Display>(
        &mut self,
        key: &str,
        value: &Value<'i>,
        kind: &str,
        range: &RangeInclusive<T>,
    ) {
        let (least, most) = (range.start(), range.end());
        self.wrong(key, value, &format!("is out of range: give a {kind} from {least} to {most}"));
    }

    fn check_file(&mut self, key: &str, value: &Value<'i>, path: &Path) -> bool {
        let complaint = match std::fs::metadata(path) {
            Ok(found) if found.is_file() => return true,
            Ok(_) => format!("is not a file: {} is something else", path.display()),
            Err(error) => format!(
                "cannot be read: {}: {error}; create it or correct the path",
                path.display()
            ),
        };
        self.wrong(key, value, &complaint);
        false
    }
}

/// A default of the core, as the reader wants it.
pub(super) fn in_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
