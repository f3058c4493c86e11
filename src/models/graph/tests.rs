#![expect(clippy::unwrap_used, reason = "tests")]

use super::model::{Model, Node, Weights};
use super::shapes::shapes;
use super::wire::{Field, Value, fields, message};
use super::*;

fn bytes(number: u64, content: &[u8]) -> Field {
    Field { number, value: Value::Bytes(content.into()) }
}

fn number(number: u64, value: u64) -> Field {
    Field { number, value: Value::Varint(value) }
}

/// `ValueInfoProto` of a float picture.
fn value_info(name: &str, shape: [u64; 4]) -> Vec<u8> {
    let sides = shape.map(|side| bytes(1, &message(&[number(1, side)])));
    let tensor = message(&[number(1, 1), bytes(2, &message(&sides))]);
    message(&[bytes(1, name.as_bytes()), bytes(2, &message(&[bytes(1, &tensor)]))])
}

/// A model whose input is a 1 x 3 x 8 x 8 picture.
struct Draft {
    opset: u64,
    nodes: Vec<Node>,
    weights: Vec<(&'static str, Vec<usize>, f32)>,
}

impl Draft {
    /// 3 channels to 5, a PRelu of these slopes, 5 channels on their own, a Relu, 5 channels to 16.
    fn of_five_channels(slope: f32) -> Self {
        let nodes = vec![
            Node::new("Conv", &["in", "w1", "b1"], "a"),
            Node::new("PRelu", &["a", "slopes"], "b"),
            Node::new("Conv", &["b", "w2"], "c").with_number("group", 5),
            Node::new("Relu", &["c"], "d"),
            Node::new("Conv", &["d", "w3"], "out"),
        ];
        let weights = vec![
            ("w1", vec![5, 3, 1, 1], 1.0),
            ("b1", vec![5], 1.0),
            ("slopes", vec![5, 1, 1], slope),
            ("w2", vec![5, 1, 1, 1], 1.0),
            ("w3", vec![16, 5, 1, 1], 1.0),
        ];
        Self { opset: 9, nodes, weights }
    }

    fn written(&self) -> Vec<u8> {
        let graph = [
            bytes(11, &value_info("in", [1, 3, 8, 8])),
            bytes(12, &value_info("out", [1, 16, 8, 8])),
            bytes(2, b"a draft"),
        ];
        let frame = [
            number(1, 7),
            bytes(8, &message(&[number(2, self.opset)])),
            bytes(7, &message(&graph)),
            bytes(14, b"\x0a\x03who\x12\x02me"),
        ];
        let mut model = Model::read(&message(&frame)).unwrap();
        for (name, shape, value) in &self.weights {
            let values = vec![*value; shape.iter().product()];
            model.put_weights(name, Weights::new(shape.clone(), values));
        }
        model.nodes.clone_from(&self.nodes);
        model.written()
    }

    fn prepared(&self) -> Option<Model> {
        prepared(&self.written()).unwrap().map(|bytes| Model::read(&bytes).unwrap())
    }
}

fn operators(model: &Model) -> Vec<&str> {
    model.nodes.iter().map(|node| node.operator.as_str()).collect()
}

#[test]
fn a_run_of_five_channels_is_filled_up_to_sixteen_with_zeros() {
    let model = Draft::of_five_channels(0.25).prepared().unwrap();
    let first = &model.nodes[0];
    let (shape, values) = model.floats(&first.inputs[1]).unwrap();
    assert_eq!(shape, [16, 3, 1, 1]);
    assert_eq!(values.iter().sum::<f32>().to_bits(), 15.0_f32.to_bits(), "the added ones are zero");
    assert_eq!(model.floats(&first.inputs[2]).unwrap().0, [16]);
    let last = model.nodes.last().unwrap();
    assert_eq!(model.floats(&last.inputs[1]).unwrap().0, [16, 16, 1, 1]);
    assert_eq!(shapes(&model)["out"], [1, 16, 8, 8]);
    assert!(model.floats("w1").is_none(), "weights that nothing reads are left out");
}

#[test]
fn slopes_up_to_one_take_the_short_form_and_others_the_long_one() {
    let short = Draft::of_five_channels(0.25).prepared().unwrap();
    let tail = ["Conv", "Relu", "Conv"];
    let all = |form: [&'static str; 4]| ["Conv"].into_iter().chain(form).chain(tail).collect();
    let expected: Vec<&str> = all(["Conv", "Relu", "Conv", "Add"]);
    assert_eq!(operators(&short), expected);
    let long = Draft::of_five_channels(1.5).prepared().unwrap();
    let expected: Vec<&str> = all(["Relu", "Conv", "Conv", "Add"]);
    assert_eq!(operators(&long), expected);
}

#[test]
fn a_picture_that_somebody_else_reads_too_is_not_filled_up() {
    let mut draft = Draft::of_five_channels(0.25);
    draft.nodes[3] = Node::new("Add", &["c", "a"], "d");
    let model = draft.prepared().unwrap();
    assert_eq!(model.floats(&model.nodes[0].inputs[1]).unwrap().0, [5, 3, 1, 1]);
}

#[test]
fn a_factor_for_each_channel_is_spread_over_the_picture() {
    let draft = |opset| Draft {
        opset,
        nodes: vec![
            Node::new("Conv", &["in", "w"], "a"),
            Node::new("GlobalAveragePool", &["a"], "b"),
            Node::new("Mul", &["b", "a"], "out"),
        ],
        weights: vec![("w", vec![16, 3, 1, 1], 1.0)],
    };
    for (opset, operator) in [(9, "Upsample"), (11, "Resize"), (17, "Resize")] {
        let model = draft(opset).prepared().unwrap();
        assert_eq!(operators(&model), ["Conv", "GlobalAveragePool", operator, "Mul"]);
        let scales = model.floats(model.nodes[2].inputs.last().unwrap()).unwrap();
        assert_eq!(scales, (&[4][..], &[1.0, 1.0, 8.0, 8.0][..]));
    }
    assert!(draft(8).prepared().is_none(), "older operators take no factors as input");
}

#[test]
fn what_is_not_understood_survives_and_the_same_bytes_give_the_same_bytes() {
    let given = Draft::of_five_channels(0.25).written();
    let first = prepared(&given).unwrap().unwrap();
    assert_eq!(Some(&first), prepared(&given).unwrap().as_ref());
    let kept = fields(&first).unwrap();
    assert!(kept.contains(&bytes(14, b"\x0a\x03who\x12\x02me")), "the model's metadata is kept");
}

#[test]
fn a_graph_inside_a_node_or_an_old_file_is_left_alone() {
    let given = Draft::of_five_channels(0.25).written();
    let mut old = fields(&given).unwrap();
    old.retain(|field| field.number != 1);
    assert_eq!(prepared(&message(&old)), Ok(None));
    let mut nested = Draft::of_five_channels(0.25);
    nested.nodes[3] = Node::new("If", &["c"], "d").with_graph("then_branch");
    assert!(nested.prepared().is_none());
}

#[test]
fn bytes_that_are_no_model_are_refused_with_a_sentence() {
    let said = prepared(b"not a model").unwrap_err().to_string();
    assert!(said.contains("no ONNX file"), "{said}");
    assert_eq!(prepared(b""), Ok(None));
}
