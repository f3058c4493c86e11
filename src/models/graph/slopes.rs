//! PRelu, `x` above zero and `a x` below with an `a` for each channel, as convolutions:
//!
//! `a x + Relu((1 - a) x)` where no `a` is above 1, else `a x + (1 - a) Relu(x)`.
//!
//! Both terms are depthwise convolutions of one pixel, which stay in blocks and into which the runtime fuses the
//! Relu and the sum. Exact but for the rounding of two more products.

use super::model::{Model, Node, Weights};
use super::shapes::shapes;

/// Replaces every PRelu whose slopes and picture are known; how many they were.
pub(super) fn replace_slopes(model: &mut Model) -> usize {
    let shapes = shapes(model);
    let mut replaced = 0;
    for node in std::mem::take(&mut model.nodes) {
        let channels = node.inputs.first().and_then(|name| shapes.get(name)).map(|s| s[1]);
        let slopes = channels.and_then(|channels| slopes_of(model, &node, channels));
        match slopes {
            Some(slopes) => {
                replaced += 1;
                let nodes = instead(model, &node, &slopes);
                model.nodes.extend(nodes);
            }
            None => model.nodes.push(node),
        }
    }
    replaced
}

/// One slope for each channel, if that is what the node has.
fn slopes_of(model: &Model, node: &Node, channels: usize) -> Option<Vec<f32>> {
    if node.operator != "PRelu" || node.outputs.len() != 1 {
        return None;
    }
    let (shape, slopes) = model.floats(node.inputs.get(1)?)?;
    let per_channel = matches!(shape, [c, 1, 1] | [1, c, 1, 1] if *c == channels);
    match slopes {
        [one] => Some(vec![*one; channels]),
        _ => per_channel.then(|| slopes.to_vec()),
    }
}

fn instead(model: &mut Model, node: &Node, slopes: &[f32]) -> Vec<Node> {
    let (picture, output) = (&node.inputs[0], &node.outputs[0]);
    let named = |part: &str| format!("{output}/{part}");
    let (sloped, bent, rest) = (named("sloped"), named("bent"), named("rest"));
    let mut scaled = |from: &str, factors: Vec<f32>, to: &str| {
        let channels = factors.len();
        let weights = model.add_weights(to, Weights::new(vec![channels, 1, 1, 1], factors));
        Node::new("Conv", &[from, &weights], to).with_number("group", channels)
    };
    let rises: Vec<f32> = slopes.iter().map(|a| 1.0 - a).collect();
    let first = if rises.iter().all(|rise| *rise >= 0.0) {
        [scaled(picture, rises, &rest), Node::new("Relu", &[&rest], &bent)]
    } else {
        [Node::new("Relu", &[picture], &rest), scaled(&rest, rises, &bent)]
    };
    let sloped_picture = scaled(picture, slopes.to_vec(), &sloped);
    let sum = Node::new("Add", &[&sloped, &bent], output);
    first.into_iter().chain([sloped_picture, sum]).collect()
}
