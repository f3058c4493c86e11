//! A picture times one factor for each channel (squeeze and excitation): the runtime multiplies pictures of one
//! size in blocks, but not a picture and a single pixel. Spreading the pixel over the picture's size first, by
//! the nearest neighbour, changes no value.

use super::model::{Model, Node, Weights};
use super::shapes::{Shape, shapes};

/// The first version whose Upsample takes its factors as an input.
const OLDEST: u64 = 9;

/// Spreads the factors of every such product; how many they were.
pub(super) fn spread_scales(model: &mut Model) -> usize {
    if model.opset < OLDEST {
        return 0;
    }
    let shapes = shapes(model);
    let mut spread = 0;
    for mut node in std::mem::take(&mut model.nodes) {
        if let Some((factor, size)) = single_pixel(&node, &shapes)
            && let Some(output) = node.outputs.first()
        {
            let name = format!("{output}/spread");
            let nearest = nearest(model, &node.inputs[factor], size, &name);
            model.nodes.push(nearest);
            node.inputs[factor] = name;
            spread += 1;
        }
        model.nodes.push(node);
    }
    spread
}

/// Which input of a product is a single pixel, and the height and width of the other.
fn single_pixel(
    node: &Node,
    shapes: &std::collections::HashMap<String, Shape>,
) -> Option<(usize, (usize, usize))> {
    let [first, second] = node.inputs.as_slice() else { return None };
    let (first, second) = (shapes.get(first)?, shapes.get(second)?);
    let fits = |picture: &Shape, pixel: &Shape| {
        picture[..2] == pixel[..2] && pixel[2..] == [1, 1] && picture[2..] != [1, 1]
    };
    let size = |picture: &Shape| (picture[2], picture[3]);
    match node.operator.as_str() {
        "Mul" if fits(first, second) => Some((1, size(first))),
        "Mul" if fits(second, first) => Some((0, size(second))),
        _ => None,
    }
}

fn nearest(model: &mut Model, pixel: &str, size: (usize, usize), to: &str) -> Node {
    let scales = vec![1.0, 1.0, size.0 as f32, size.1 as f32];
    let scales = model.add_weights(to, Weights::new(vec![4], scales));
    match model.opset {
        OLDEST => Node::new("Upsample", &[pixel, &scales], to),
        10 => Node::new("Resize", &[pixel, &scales], to),
        _ => Node::new("Resize", &[pixel, "", &scales], to)
            .with_text("coordinate_transformation_mode", "asymmetric")
            .with_text("nearest_mode", "floor"),
    }
    .with_text("mode", "nearest")
}
