//! Tells the story as a person would like to read it.

use std::io::Write as _;
use std::time::Duration;

use crate::app::Clock;

/// Prints a line for everything that was observed, with how long it took.
pub(super) struct Teller {
    clock: Clock,
    since: Duration,
    stages: Vec<(&'static str, Duration)>,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { clock: Clock::start(), since: Duration::ZERO, stages: Vec::new() }
    }

    /// A line without a time: what is going to happen.
    pub(super) fn say(&mut self, text: &str) {
        line(text);
        self.mark();
    }

    /// Starts the watch for the next observation.
    pub(super) fn mark(&mut self) {
        self.since = self.clock.now().mono.0;
    }

    /// Something was observed, so long after the last mark.
    pub(super) fn saw(&mut self, text: &str) {
        let took = self.lap();
        line(&format!("  {:>7}  {text}", show(took)));
    }

    /// The same, and the time goes into the table at the end.
    pub(super) fn saw_stage(&mut self, stage: &'static str, text: &str) {
        let took = self.lap();
        self.stages.push((stage, took));
        line(&format!("  {:>7}  {text}", show(took)));
    }

    /// The table of stages.
    pub(super) fn table(&self) {
        line("");
        line("How long it took:");
        for (stage, took) in &self.stages {
            line(&format!("  {stage:<52} {:>8}", show(*took)));
        }
        line(&format!("  {:<52} {:>8}", "the whole story", show(self.clock.now().mono.0)));
    }

    fn lap(&mut self) -> Duration {
        let now = self.clock.now().mono.0;
        let took = now.saturating_sub(self.since);
        self.since = now;
        took
    }
}

/// One line to whoever watches; that nobody watches is no reason to stop.
pub(super) fn line(text: &str) {
    _ = writeln!(std::io::stdout(), "{text}");
}

fn show(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{} ms", span.as_millis())
    } else {
        format!("{:.2} s", span.as_secs_f64())
    }
}
