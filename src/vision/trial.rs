//! Holds prepared models against shipped ones: on real inputs, which the real pipeline made of photos.

use std::time::Duration;

use super::onnx::{Network, OnnxError, Runtime};
use super::picture::Picture;
use super::pipeline::{Pipeline, VisionError};
use crate::models::prepared::TOLERANCE;
use crate::models::{Acceptance, Digest, Form, ModelStore, StoreError, graph};

/// A living person and a photo of a photo, 640x480 (`tests/fixtures/faces`, Apache-2.0): enough to give every
/// model two real inputs.
const PHOTOS: [&[u8]; 2] = [
    include_bytes!("../../tests/fixtures/faces/live.jpg"),
    include_bytes!("../../tests/fixtures/faces/attack.jpg"),
];

/// Reads a clock that never goes back: the caller's.
pub type Clock<'a> = &'a dyn Fn() -> Duration;

/// What a trial found out about one model.
#[derive(Debug)]
pub enum Finding {
    /// There is nothing to rewrite in it.
    NothingToGain {
        /// Which model.
        model: String,
    },
    /// It says the same prepared.
    Accepted(Acceptance),
    /// It does not, or the runtime refuses it: it goes on running as shipped.
    Refused {
        /// Which model.
        model: String,
        /// Why.
        reason: String,
    },
}

/// Checks every model of the store's set; with a clock, measures both forms in turn, `runs` times, and chooses
/// the faster one.
pub fn examine(
    store: &ModelStore,
    measure: Option<(usize, Clock<'_>)>,
) -> Result<Vec<Finding>, VisionError> {
    let mut pipeline = Pipeline::load(&store.clone().always(Form::Shipped), 1)?;
    let runtime = Runtime::load(pipeline.library())?;
    let mut pairs = Vec::new();
    let mut findings = Vec::new();
    for network in pipeline.networks() {
        match twin(store, &runtime, network)? {
            Ok(twin) => pairs.push(twin),
            Err(finding) => findings.push(finding),
        }
    }
    for photo in PHOTOS {
        look(&mut pipeline, photo)?;
        for network in pipeline.networks() {
            if let Some(pair) = pairs.iter_mut().find(|pair| pair.prepared.name() == network.name())
            {
                pair.compare(network)?;
            }
        }
    }
    for network in pipeline.networks() {
        if let Some(pair) = pairs.iter_mut().find(|pair| pair.prepared.name() == network.name())
            && let Some((runs, clock)) = measure
        {
            pair.race(network, runs, clock)?;
        }
    }
    findings.extend(pairs.into_iter().map(Pair::finding));
    Ok(findings)
}

/// A prepared model and what is known of it so far.
struct Pair {
    prepared: Network,
    source: Digest,
    digest: Digest,
    difference: f32,
    inputs: usize,
    /// Median times of both forms, in milliseconds: shipped, prepared.
    times: Option<(f64, f64)>,
}

fn twin(
    store: &ModelStore,
    runtime: &Runtime,
    shipped: &Network,
) -> Result<Result<Pair, Finding>, StoreError> {
    let model = shipped.name().to_owned();
    let bytes = store.bytes(&model)?;
    let prepared = match graph::prepared(&bytes) {
        Ok(Some(prepared)) => prepared,
        Ok(None) => return Ok(Err(Finding::NothingToGain { model })),
        Err(fault) => return Ok(Err(Finding::Refused { model, reason: fault.to_string() })),
    };
    Ok(match shipped.twin(runtime, &prepared, 1) {
        Ok(network) => Ok(Pair {
            prepared: network,
            source: Digest::of(&bytes),
            digest: Digest::of(&prepared),
            difference: 0.0,
            inputs: 0,
            times: None,
        }),
        Err(fault) => Err(Finding::Refused { model, reason: fault.to_string() }),
    })
}

/// All stages, so that every model is left with an input and its outputs.
fn look(pipeline: &mut Pipeline, photo: &[u8]) -> Result<(), VisionError> {
    let picture = Picture::decoded(photo)?;
    let pixels = picture.pixels();
    let face = pipeline.detect(pixels)?.first().cloned();
    let Some(face) = face else { return Ok(()) };
    let points = pipeline.points(pixels, &face)?;
    pipeline.liveness(pixels, face.bounds)?;
    if pipeline.align(pixels, &points) {
        pipeline.embed()?;
    }
    Ok(())
}

impl Pair {
    /// Runs the prepared model on the shipped one's input.
    fn compare(&mut self, shipped: &mut Network) -> Result<(), OnnxError> {
        shipped.run()?;
        self.prepared.input().copy_from_slice(shipped.input());
        // A prepared model that fails has its reason in the log; it is refused like one that differs.
        if let Err(fault) = self.prepared.run() {
            tracing::warn!("prepared: {fault}");
            self.difference = f32::INFINITY;
        }
        for output in 0..shipped.outputs() {
            let apart = difference(shipped.output(output), self.prepared.output(output));
            self.difference = self.difference.max(apart);
        }
        self.inputs += 1;
        Ok(())
    }

    /// Runs both in turn on the last input.
    fn race(
        &mut self,
        shipped: &mut Network,
        runs: usize,
        clock: Clock<'_>,
    ) -> Result<(), OnnxError> {
        let timed = |network: &mut Network| {
            let began = clock();
            network.run().map(|()| (clock() - began).as_secs_f64() * 1000.0)
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            before.push(timed(shipped)?);
            after.push(timed(&mut self.prepared)?);
        }
        self.times = Some((median(&mut before), median(&mut after)));
        Ok(())
    }

    fn finding(self) -> Finding {
        let model = self.prepared.name().to_owned();
        if self.inputs == 0 || self.difference > TOLERANCE {
            let reason = format!(
                "over {} inputs its outputs differ by up to {:.1e} of their scale; at most {TOLERANCE:.0e} is accepted",
                self.inputs, self.difference
            );
            return Finding::Refused { model, reason };
        }
        let slower = self.times.is_some_and(|(shipped, prepared)| prepared >= shipped);
        Finding::Accepted(Acceptance {
            name: model,
            source: self.source,
            prepared: self.digest,
            difference: self.difference,
            inputs: self.inputs,
            form: if slower { Form::Shipped } else { Form::Prepared },
            shipped_ms: self.times.map(|times| times.0),
            prepared_ms: self.times.map(|times| times.1),
        })
    }
}

/// The greatest difference, in parts of the first's greatest value. Not a number, or another length, is infinitely
/// far.
fn difference(expected: &[f32], found: &[f32]) -> f32 {
    if expected.len() != found.len() || expected.is_empty() {
        return f32::INFINITY;
    }
    let scale = expected.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
    let pairs = expected.iter().zip(found);
    pairs.fold(0.0, |most: f32, (a, b)| {
        let apart = (a - b).abs() / scale;
        if apart.is_nan() { f32::INFINITY } else { most.max(apart) }
    })
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_difference_is_measured_by_the_scale_of_the_output() {
        assert!((difference(&[0.0, -200.0], &[0.02, -200.0]) - 1e-4).abs() < 1e-9);
        assert!(difference(&[1.0], &[1.0]).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_compared_is_infinitely_far() {
        for found in [&[f32::NAN, 1.0][..], &[1.0], &[f32::INFINITY, 1.0]] {
            assert!(difference(&[1.0, 1.0], found).is_infinite(), "{found:?}");
        }
        assert!(difference(&[], &[]).is_infinite());
    }
}
