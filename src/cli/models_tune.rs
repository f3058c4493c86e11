//! Checks prepared models against shipped ones and keeps what was found.
#![expect(clippy::disallowed_methods, reason = "a command that measures how long models take")]

use std::time::Instant;

use super::models::say;
use crate::models::{Form, ModelStore, Record};
use crate::vision::trial::{Finding, examine};

/// Checks every model of the set, measures both forms if `runs` are given, and writes the record.
pub(super) fn tune(store: &ModelStore, runs: Option<usize>) -> anyhow::Result<()> {
    let started = Instant::now();
    let clock = || started.elapsed();
    let findings = examine(store, runs.map(|runs| (runs, &clock as &dyn Fn() -> _)))?;
    let mut accepted = Vec::new();
    for finding in findings {
        say(&sentence(&finding));
        if let Finding::Accepted(line) = finding {
            accepted.push(line);
        }
    }
    let mut record = Record::new(accepted);
    // An earlier record that cannot be read is replaced.
    if let Ok(Some(earlier)) = Record::read(store.dir()) {
        record = record.beside(earlier);
    }
    record.write(store.dir())?;
    Ok(())
}

/// The same without measuring, if a model has not been checked here yet. A failure is said and is no reason to
/// fail: models run as shipped.
pub(super) fn tune_what_is_new(store: &ModelStore) {
    let set = store.manifest().set();
    let names = [&set.detector, &set.embedder].into_iter().chain(&set.landmarks);
    let mut names = names.chain(&set.liveness);
    if names.all(|name| store.model(name).is_ok_and(|model| model.instead.is_none())) {
        return;
    }
    if let Err(fault) = tune(store, None) {
        say(&format!("models run as shipped: their faster form could not be checked: {fault:#}"));
    }
}

fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::NothingToGain { model } => {
            format!("{model:<14} runs as shipped: nothing to prepare")
        }
        Finding::Refused { model, reason } => format!("{model:<14} runs as shipped: {reason}"),
        Finding::Accepted(line) => {
            let apart = line.difference;
            let times = match (line.shipped_ms, line.prepared_ms) {
                (Some(shipped), Some(prepared)) => {
                    format!(", {shipped:.2} ms as shipped, {prepared:.2} ms prepared")
                }
                _ => String::new(),
            };
            let runs = match line.form {
                Form::Prepared => "prepared",
                Form::Shipped => "as shipped",
            };
            format!(
                "{:<14} runs {runs}: outputs within {apart:.0e} of their scale{times}",
                line.name
            )
        }
    }
}
