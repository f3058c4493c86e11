//! The shapes of the pictures inside a graph, where they follow from the input's and from few operators. What
//! is not known here is not rewritten.

use std::collections::HashMap;

use super::model::{Model, Node};

/// Batch, channels, height, width.
pub(super) type Shape = [usize; 4];

/// The shape of every value that is known to be a picture.
pub(super) fn shapes(model: &Model) -> HashMap<String, Shape> {
    let mut known = HashMap::new();
    for (name, shape) in &model.inputs {
        if let Ok(shape) = Shape::try_from(shape.as_slice())
            && !shape.contains(&0)
        {
            known.insert(name.clone(), shape);
        }
    }
    for node in &model.nodes {
        if let (Some(shape), [output]) = (made(model, node, &known), node.outputs.as_slice()) {
            known.insert(output.clone(), shape);
        }
    }
    known
}

fn made(model: &Model, node: &Node, known: &HashMap<String, Shape>) -> Option<Shape> {
    let given = *known.get(node.inputs.first()?)?;
    match node.operator.as_str() {
        "Relu" | "PRelu" | "LeakyRelu" | "Sigmoid" | "BatchNormalization" => Some(given),
        "GlobalAveragePool" => Some([given[0], given[1], 1, 1]),
        "Add" | "Mul" => {
            let other = known.get(node.inputs.get(1)?)?;
            let fits = |(a, b): (&usize, &usize)| a == b || *a == 1 || *b == 1;
            let lawful = given.iter().zip(other).all(fits);
            lawful.then(|| std::array::from_fn(|side| given[side].max(other[side])))
        }
        "Conv" => convolved(model, node, given),
        _ => None,
    }
}

fn convolved(model: &Model, node: &Node, [batch, _, height, width]: Shape) -> Option<Shape> {
    let kernel = Shape::try_from(model.weights.get(node.inputs.get(1)?)?.shape.as_slice()).ok()?;
    if node.text("auto_pad").is_some_and(|way| way != "NOTSET") {
        return None;
    }
    let pads = node.numbers("pads").unwrap_or_else(|| vec![0; 4]);
    let strides = node.numbers("strides").unwrap_or_else(|| vec![1; 2]);
    let dilations = node.numbers("dilations").unwrap_or_else(|| vec![1; 2]);
    let side = |axis: usize, length: usize| {
        let padded = length + pads.get(axis)? + pads.get(axis + 2)?;
        let reach = dilations.get(axis)?.checked_mul(kernel[axis + 2].checked_sub(1)?)? + 1;
        Some(padded.checked_sub(reach)?.checked_div(*strides.get(axis)?)? + 1)
    };
    Some([batch, kernel[0], side(0, height)?, side(1, width)?])
}
