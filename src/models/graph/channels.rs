//! Fills the last block of channels: a picture of 103 channels becomes one of 112, the added ones zero.
//!
//! The runtime leaves a convolution in the ordinary layout if its channels are no multiple of four, and splits
//! one below 16. The added channels are made by zero weights and meet zero weights, so no value changes.

use super::model::{Model, Node, Weights};

/// The largest block in use (AVX-512); blocks of 8 divide it.
const BLOCK: usize = 16;

/// A run of operations from a convolution that makes channels to the one that uses them up; indices of nodes.
struct Run {
    from: usize,
    between: Vec<usize>,
    to: usize,
    channels: usize,
}

/// Fills up every picture that only one run of operations knows; how many they were.
pub(super) fn fill_blocks(model: &mut Model) -> usize {
    let runs: Vec<Run> =
        (0..model.nodes.len()).filter_map(|start| run_from(model, start)).collect();
    for run in &runs {
        let full = run.channels.next_multiple_of(BLOCK);
        widen_inputs(model, run.from, &[1, 2], 0, full);
        for index in &run.between {
            widen_inputs(model, *index, &[1, 2], 0, full);
            if model.nodes[*index].operator == "Conv" {
                let node = model.nodes[*index].clone();
                model.nodes[*index] = node.with_number("group", full);
            }
        }
        widen_inputs(model, run.to, &[1], 1, full);
    }
    runs.len()
}

fn run_from(model: &Model, from: usize) -> Option<Run> {
    let channels = dense(model, &model.nodes[from])?;
    if channels.is_multiple_of(BLOCK) {
        return None;
    }
    let (mut between, mut value) = (Vec::new(), model.nodes[from].outputs.first()?);
    loop {
        let index = only_reader(model, value)?;
        let node = &model.nodes[index];
        if node.inputs.first() != Some(value) {
            return None;
        }
        if node.operator == "Conv" && dense(model, node).is_some() {
            return Some(Run { from, between, to: index, channels });
        }
        if !keeps_channels(model, node, channels) {
            return None;
        }
        between.push(index);
        value = node.outputs.first()?;
    }
}

/// The channels that an ordinary convolution makes.
fn dense(model: &Model, node: &Node) -> Option<usize> {
    let ordinary = node.operator == "Conv" && node.number("group").unwrap_or(1) == 1;
    let ([channels, _, _, _], _) = model.floats(node.inputs.get(1)?)? else { return None };
    (ordinary && all_floats(model, node)).then_some(*channels)
}

/// Whether each channel goes its own way through the node, and a channel of zeros stays one.
fn keeps_channels(model: &Model, node: &Node, channels: usize) -> bool {
    let first_side = |input: usize| {
        let weights = node.inputs.get(input).and_then(|name| model.floats(name));
        weights.and_then(|(shape, _)| shape.first().copied())
    };
    match node.operator.as_str() {
        "Relu" => true,
        "PRelu" => first_side(1) == Some(channels) && all_floats(model, node),
        "Conv" => {
            node.number("group") == Some(channels as u64)
                && first_side(1) == Some(channels)
                && all_floats(model, node)
        }
        _ => false,
    }
}

fn all_floats(model: &Model, node: &Node) -> bool {
    node.inputs.iter().skip(1).all(|name| model.floats(name).is_some())
}

fn only_reader(model: &Model, value: &str) -> Option<usize> {
    if model.outputs.contains(value) {
        return None;
    }
    let reads = |node: &Node| node.inputs.iter().filter(|name| *name == value).count();
    let mut readers = model.nodes.iter().enumerate().filter(|(_, node)| reads(node) > 0);
    let (index, node) = readers.next()?;
    (readers.next().is_none() && reads(node) == 1).then_some(index)
}

/// Gives the node copies of its weights with zeros added along one axis.
fn widen_inputs(model: &mut Model, node: usize, inputs: &[usize], axis: usize, full: usize) {
    for input in inputs {
        let Some(name) = model.nodes[node].inputs.get(*input).cloned() else { continue };
        let Some((shape, values)) = model.floats(&name) else { continue };
        let weights = widened(shape, values, axis, full);
        model.nodes[node].inputs[*input] = model.add_weights(&name, weights);
    }
}

fn widened(shape: &[usize], values: &[f32], axis: usize, full: usize) -> Weights {
    let inner: usize = shape[axis + 1..].iter().product();
    let (old, new) = (shape[axis] * inner, full * inner);
    let outer: usize = shape[..axis].iter().product();
    let mut filled = vec![0.0; outer * new];
    for (to, from) in filled.chunks_exact_mut(new).zip(values.chunks_exact(old)) {
        to[..old].copy_from_slice(from);
    }
    let mut shape = shape.to_vec();
    shape[axis] = full;
    Weights::new(shape, filled)
}
