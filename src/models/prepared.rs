//! Which form of a model runs: as it was shipped, or prepared ([`graph`]).
//!
//! A prepared model is made in memory from the verified bytes each time it is loaded (a few milliseconds), never
//! read from a file: so what runs always goes back to a hash in the manifest. What is kept is the record that it
//! was checked here: which bytes gave which, by which program, how far the outputs lay apart, how long both took.
//! Without a fitting line in the record a model runs as shipped.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::fetch::place;
use super::graph::{self, REWRITING};
use super::verify::{Digest, ModelStore, StoreError};

/// The record's name in the model directory.
pub const RECORD: &str = "prepared.toml";

/// A prepared model is accepted when no output differs by more than this part of the outputs' scale.
pub const TOLERANCE: f32 = 1e-4;

/// How a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The bytes that the manifest names.
    Shipped,
    /// Rewritten to run faster and to say the same.
    Prepared,
}

impl Form {
    /// As the record spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Prepared => "prepared",
        }
    }
}

/// The line of one model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The model's name in the manifest.
    pub name: String,
    /// What the shipped bytes hash to.
    pub source: Digest,
    /// What the prepared bytes hash to.
    pub prepared: Digest,
    /// The greatest difference of any output, in parts of the outputs' greatest value.
    pub difference: f32,
    /// Over how many real inputs.
    pub inputs: usize,
    /// The form to run.
    #[serde(rename = "use")]
    pub form: Form,
    /// Median time of a run as shipped, in milliseconds, if it was measured on this machine.
    pub shipped_ms: Option<f64>,
    /// The same prepared.
    pub prepared_ms: Option<f64>,
}

/// All that was checked in this model directory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of the program that wrote it.
    pub tool: String,
    /// [`REWRITING`] of that program.
    pub rewriting: u32,
    /// The processor architecture it ran on.
    pub arch: String,
    /// One line for each model that was checked.
    #[serde(default, rename = "model")]
    pub models: Vec<Acceptance>,
}

/// The record cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the record of prepared models {path} cannot be {action}: {cause}; {remedy}")]
pub struct RecordError {
    path: PathBuf,
    action: &'static str,
    cause: String,
    remedy: &'static str,
}

const TUNE: &str = "run: locker-agent models tune";

/// A model's bytes, ready to be loaded.
#[derive(Debug)]
pub struct Loadable {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Which form they are.
    pub form: Form,
    /// Why a model that could be prepared is not, and what to do.
    pub instead: Option<String>,
}

impl Record {
    /// A record by this program on this machine.
    pub fn new(models: Vec<Acceptance>) -> Self {
        let (tool, arch) =
            (env!("CARGO_PKG_VERSION").to_owned(), std::env::consts::ARCH.to_owned());
        Self { tool, rewriting: REWRITING, arch, models }
    }

    /// The record of a model directory; `None` if there is none.
    pub fn read(dir: &Path) -> Result<Option<Self>, RecordError> {
        let path = dir.join(RECORD);
        let refuse =
            |cause: String| RecordError { path: path.clone(), action: "read", cause, remedy: TUNE };
        let text = match std::fs::read_to_string(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| refuse(e.to_string()))?,
        };
        toml::from_str(&text).map(Some).map_err(|e| refuse(e.message().to_owned()))
    }

    /// Writes it in one step.
    pub fn write(&self, dir: &Path) -> Result<(), RecordError> {
        place(&dir.join(RECORD), self.text().as_bytes()).map_err(|e| RecordError {
            path: dir.join(RECORD),
            action: "written",
            cause: e.to_string(),
            remedy: "the models run as shipped until it can be",
        })
    }

    /// This record with those lines of an earlier one that still hold and speak of other models.
    #[must_use]
    pub fn beside(mut self, earlier: Self) -> Self {
        if (earlier.rewriting, &earlier.arch) == (self.rewriting, &self.arch) {
            let known = |line: &Acceptance| self.models.iter().any(|own| own.name == line.name);
            let others: Vec<_> = earlier.models.into_iter().filter(|line| !known(line)).collect();
            self.models.extend(others);
        }
        self
    }

    /// The line that speaks of this model with these shipped bytes, as long as it holds: same rewriting, same
    /// architecture.
    pub fn line(&self, name: &str, source: Digest) -> Option<&Acceptance> {
        let holds = self.rewriting == REWRITING && self.arch == std::env::consts::ARCH;
        let mut lines = self.models.iter().filter(|_| holds);
        lines.find(|line| line.name == name && line.source == source)
    }

    /// As TOML. Names hold no quotes: the manifest is checked for that.
    fn text(&self) -> String {
        let mut text = format!(
            "# Written by locker-agent models fetch and tune: prepared models that were checked here.\n\
             tool = \"{}\"\nrewriting = {}\narch = \"{}\"\n",
            self.tool, self.rewriting, self.arch
        );
        for line in &self.models {
            text += &format!(
                "\n[[model]]\nname = \"{}\"\nsource = \"{}\"\nprepared = \"{}\"\ndifference = {:e}\n\
                 inputs = {}\nuse = \"{}\"\n",
                line.name,
                line.source,
                line.prepared,
                line.difference,
                line.inputs,
                line.form.name()
            );
            if let (Some(shipped), Some(prepared)) = (line.shipped_ms, line.prepared_ms) {
                text += &format!("shipped_ms = {shipped:.3}\nprepared_ms = {prepared:.3}\n");
            }
        }
        text
    }
}

impl ModelStore {
    /// The bytes of a model in the form that this machine's record chose, or always in one form if the store was
    /// told so ([`ModelStore::always`]).
    pub fn model(&self, name: &str) -> Result<Loadable, StoreError> {
        let shipped = self.bytes(name)?;
        let as_shipped = |bytes, instead| Loadable { bytes, form: Form::Shipped, instead };
        if self.only_form() == Some(Form::Shipped) {
            return Ok(as_shipped(shipped, None));
        }
        // Nothing to gain, or no graph: then the runtime will say what is wrong with it.
        let Ok(Some(prepared)) = graph::prepared(&shipped) else {
            return Ok(as_shipped(shipped, None));
        };
        let chosen = match self.only_form() {
            Some(form) => Ok(form),
            None => self.recorded_form(name, Digest::of(&shipped), Digest::of(&prepared)),
        };
        Ok(match chosen {
            Ok(Form::Prepared) => Loadable { bytes: prepared, form: Form::Prepared, instead: None },
            Ok(Form::Shipped) => as_shipped(shipped, None),
            Err(reason) => as_shipped(shipped, Some(reason)),
        })
    }

    /// The form that the record says, or why it cannot say.
    fn recorded_form(&self, name: &str, source: Digest, prepared: Digest) -> Result<Form, String> {
        let record = Record::read(self.dir()).map_err(|e| e.to_string())?;
        let line = record.as_ref().and_then(|record| record.line(name, source));
        match line {
            Some(line) if line.form == Form::Shipped => Ok(Form::Shipped),
            Some(line) if line.prepared == prepared => Ok(Form::Prepared),
            Some(_) => Err(format!(
                "{name} was checked in another form than this program would prepare; {TUNE}"
            )),
            None => Err(format!("{name} has not been checked in its faster form here; {TUNE}")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn line(form: Form) -> Acceptance {
        Acceptance {
            name: "fr_feature".to_owned(),
            source: Digest::of(b"shipped"),
            prepared: Digest::of(b"prepared"),
            difference: 1.25e-6,
            inputs: 2,
            form,
            shipped_ms: Some(4.5),
            prepared_ms: Some(3.0),
        }
    }

    #[test]
    fn a_record_reads_back_what_it_writes() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), None);
        let unmeasured = Acceptance { shipped_ms: None, prepared_ms: None, ..line(Form::Shipped) };
        let record = Record::new(vec![line(Form::Prepared), unmeasured]);
        record.write(dir.path()).unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), Some(record));
    }

    #[test]
    fn a_line_holds_for_its_own_bytes_rewriting_and_machine_only() {
        let record = Record::new(vec![line(Form::Prepared)]);
        let source = Digest::of(b"shipped");
        assert!(record.line("fr_feature", source).is_some());
        assert!(record.line("fr_detect", source).is_none());
        assert!(record.line("fr_feature", Digest::of(b"others")).is_none());
        let newer = Record { rewriting: REWRITING + 1, ..record.clone() };
        let elsewhere = Record { arch: "another".to_owned(), ..record };
        assert!(newer.line("fr_feature", source).is_none());
        assert!(elsewhere.line("fr_feature", source).is_none());
    }

    #[test]
    fn another_sets_lines_stay_beside_new_ones() {
        let other = Acceptance { name: "other".to_owned(), ..line(Form::Shipped) };
        let earlier = Record::new(vec![line(Form::Shipped), other.clone()]);
        let record = Record::new(vec![line(Form::Prepared)]).beside(earlier.clone());
        assert_eq!(record.models, [line(Form::Prepared), other]);
        let outdated = Record { rewriting: REWRITING + 1, ..earlier };
        assert_eq!(Record::new(Vec::new()).beside(outdated).models, []);
    }

    #[test]
    fn a_broken_record_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(RECORD), "tool = 7").unwrap();
        let said = Record::read(dir.path()).unwrap_err().to_string();
        assert!(said.contains(RECORD) && said.contains("models tune"), "{said}");
    }
}
