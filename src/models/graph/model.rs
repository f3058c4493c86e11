//! An ONNX file as far as the rewrites need to understand it: nodes, weights, the input's shape. Field numbers
//! are those of `onnx.proto` (IR version 13); every other field is kept as it came.

use std::collections::{HashMap, HashSet};

use super::wire::{Field, Value, WireError, fields, message, packed};

/// `ModelProto.graph`, `.ir_version` and `.opset_import`.
const MODEL: Numbers<3> = Numbers([7, 1, 8]);
/// `GraphProto.node`, `.initializer`, `.input`, `.output`, `.value_info`.
const GRAPH: Numbers<5> = Numbers([1, 5, 11, 12, 13]);
/// Single-precision floats, in `TensorProto.data_type`.
const FLOAT: u64 = 1;

struct Numbers<const N: usize>([u64; N]);

/// A model whose graph can be changed.
#[derive(Debug, Clone)]
pub(super) struct Model {
    rest: Vec<Field>,
    graph_rest: Vec<Field>,
    /// The nodes, each after those it depends on.
    pub(super) nodes: Vec<Node>,
    /// The weights by name.
    pub(super) weights: HashMap<String, Weights>,
    /// Names in the order of the file, so that the same file is always written the same way.
    weight_order: Vec<String>,
    /// Names and shapes of the inputs; a size of 0 is left open.
    pub(super) inputs: Vec<(String, Vec<usize>)>,
    /// Names of the outputs.
    pub(super) outputs: HashSet<String>,
    /// The version of the standard operators.
    pub(super) opset: u64,
    ir_version: u64,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// What it reads.
    pub(super) inputs: Vec<String>,
    /// What it makes.
    pub(super) outputs: Vec<String>,
    /// Which operator; empty for one that is not standard.
    pub(super) operator: String,
    /// Its attributes, as they came.
    attributes: Vec<Vec<Field>>,
    rest: Vec<Field>,
}

/// Floats with a shape, or something else that is kept as it came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// The shape.
    pub(super) shape: Vec<usize>,
    /// The values, row by row; `None` if they are no plain floats.
    pub(super) values: Option<Vec<f32>>,
    as_read: Option<Vec<u8>>,
}

impl Weights {
    /// New weights.
    pub(super) fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values: Some(values), as_read: None }
    }
}

impl Model {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let Numbers([graph, ir_version, opset_import]) = MODEL;
        let (mut model, mut graphs, mut found_ir, mut opset) = (Vec::new(), Vec::new(), 0, 0);
        for field in fields(bytes)? {
            match &field.value {
                Value::Bytes(content) if field.number == graph => {
                    graphs.extend(fields(content)?);
                    continue;
                }
                Value::Varint(version) if field.number == ir_version => found_ir = *version,
                Value::Bytes(content) if field.number == opset_import => {
                    let import = fields(content)?;
                    if text(&import, 1).is_none_or(|domain| domain.is_empty()) {
                        opset = number(&import, 2).unwrap_or(0);
                    }
                }
                Value::Varint(_) | Value::Fixed64(_) | Value::Bytes(_) | Value::Fixed32(_) => {}
            }
            model.push(field);
        }
        let mut read = Self {
            rest: model,
            graph_rest: Vec::new(),
            nodes: Vec::new(),
            weights: HashMap::new(),
            weight_order: Vec::new(),
            inputs: Vec::new(),
            outputs: HashSet::new(),
            opset,
            ir_version: found_ir,
        };
        for field in graphs {
            read.take(field)?;
        }
        Ok(read)
    }

    fn take(&mut self, field: Field) -> Result<(), WireError> {
        let Numbers([node, initializer, input, output, _]) = GRAPH;
        if let Value::Bytes(content) = &field.value {
            if field.number == node {
                self.nodes.push(Node::read(content)?);
                return Ok(());
            }
            if field.number == initializer {
                let (name, weights) = Weights::read(content)?;
                self.put_weights(&name, weights);
                return Ok(());
            }
            if field.number == input {
                self.inputs.push(declared(content)?);
            }
            if field.number == output {
                self.outputs.insert(declared(content)?.0);
            }
        }
        self.graph_rest.push(field);
        Ok(())
    }

    /// Whether a node may be added and weights exchanged with no more knowledge than is here: no graphs inside
    /// nodes, which may read any name, and weights that are no inputs at the same time.
    pub(super) fn is_plain(&self) -> bool {
        let nested = |node: &Node| {
            node.attributes.iter().flatten().any(|field| matches!(field.number, 6 | 11))
        };
        self.ir_version >= 4
            && !self.nodes.iter().any(nested)
            && !self.inputs.iter().any(|(name, _)| self.weights.contains_key(name))
    }

    /// Adds weights under a name that nothing else has, and gives the name.
    pub(super) fn add_weights(&mut self, wish: &str, weights: Weights) -> String {
        let mut name = format!("{wish}/prepared");
        while self.weights.contains_key(&name) {
            name.push('_');
        }
        self.put_weights(&name, weights);
        name
    }

    pub(super) fn put_weights(&mut self, name: &str, weights: Weights) {
        self.weight_order.push(name.to_owned());
        self.weights.insert(name.to_owned(), weights);
    }

    /// The plain floats of that name.
    pub(super) fn floats(&self, name: &str) -> Option<(&[usize], &[f32])> {
        let weights = self.weights.get(name)?;
        Some((&weights.shape, weights.values.as_deref()?))
    }

    /// How often each value is read: by nodes, and once more if it leaves the graph.
    pub(super) fn readers(&self) -> HashMap<&str, usize> {
        let mut readers = HashMap::new();
        let read = self.nodes.iter().flat_map(|node| &node.inputs).chain(&self.outputs);
        for name in read {
            *readers.entry(name.as_str()).or_insert(0) += 1;
        }
        readers
    }

    /// The file. Shapes noted for inner values are left out: they are hints, and may no longer hold.
    pub(super) fn written(&self) -> Vec<u8> {
        let Numbers([node, initializer, _, _, value_info]) = GRAPH;
        let readers = self.readers();
        let bytes = |number, content| Field { number, value: Value::Bytes(content) };
        let mut graph: Vec<Field> =
            self.nodes.iter().map(|one| bytes(node, one.written())).collect();
        let used = self.weight_order.iter().filter(|name| readers.contains_key(name.as_str()));
        graph.extend(used.map(|name| bytes(initializer, self.weights[name].written(name))));
        graph.extend(self.graph_rest.iter().filter(|field| field.number != value_info).cloned());
        let mut model = self.rest.clone();
        model.push(bytes(MODEL.0[0], message(&graph)));
        message(&model)
    }
}

impl Node {
    /// A standard operation that makes one value.
    pub(super) fn new(operator: &str, inputs: &[&str], output: &str) -> Self {
        Self {
            inputs: inputs.iter().map(|name| (*name).to_owned()).collect(),
            outputs: vec![output.to_owned()],
            operator: operator.to_owned(),
            attributes: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// The same with a whole-number attribute.
    #[must_use]
    pub(super) fn with_number(mut self, name: &str, number: usize) -> Self {
        // i = 3, type = 20: INT.
        self.attribute(name, Field { number: 3, value: Value::Varint(number as u64) }, 2);
        self
    }

    /// The same with an attribute of text.
    #[must_use]
    pub(super) fn with_text(mut self, name: &str, text: &str) -> Self {
        // s = 4, STRING.
        self.attribute(name, Field { number: 4, value: Value::Bytes(text.into()) }, 3);
        self
    }

    fn attribute(&mut self, name: &str, value: Field, kind: u64) {
        self.attributes.retain(|attribute| text(attribute, 1).as_deref() != Some(name));
        let named = Field { number: 1, value: Value::Bytes(name.into()) };
        let kind = Field { number: 20, value: Value::Varint(kind) };
        self.attributes.push(vec![named, value, kind]);
    }

    /// The same with an empty graph as an attribute.
    #[cfg(test)]
    pub(super) fn with_graph(mut self, name: &str) -> Self {
        self.attribute(name, Field { number: 6, value: Value::Bytes(Vec::new()) }, 5);
        self
    }

    /// A whole-number attribute.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.found(name).and_then(|attribute| number(attribute, 3))
    }

    /// An attribute of text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.found(name).and_then(|attribute| text(attribute, 4))
    }

    /// An attribute of whole numbers; `None` if it is absent.
    pub(super) fn numbers(&self, name: &str) -> Option<Vec<usize>> {
        let mut all = Vec::new();
        for field in self.found(name)?.iter().filter(|field| field.number == 8) {
            match &field.value {
                Value::Varint(one) => all.push(*one),
                Value::Bytes(some) => all.extend(packed(some).ok()?),
                Value::Fixed32(_) | Value::Fixed64(_) => return None,
            }
        }
        all.into_iter().map(|number| usize::try_from(number).ok()).collect()
    }

    fn found(&self, name: &str) -> Option<&[Field]> {
        let mut attributes = self.attributes.iter();
        attributes.find(|one| text(one, 1).as_deref() == Some(name)).map(Vec::as_slice)
    }

    fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let mut node = Self::new("", &[], "");
        node.outputs.clear();
        let mut operator = String::new();
        let mut standard = true;
        for field in fields(bytes)? {
            let Value::Bytes(content) = &field.value else {
                node.rest.push(field);
                continue;
            };
            let said = || String::from_utf8_lossy(content).into_owned();
            match field.number {
                1 => node.inputs.push(said()),
                2 => node.outputs.push(said()),
                4 => operator = said(),
                5 => node.attributes.push(fields(content)?),
                7 => {
                    standard &= content.is_empty() || content == b"ai.onnx";
                    node.rest.push(field);
                }
                _ => node.rest.push(field),
            }
        }
        if standard {
            node.operator = operator;
        } else {
            node.rest.push(Field { number: 4, value: Value::Bytes(operator.into()) });
        }
        Ok(node)
    }

    fn written(&self) -> Vec<u8> {
        let bytes = |number, content: &[u8]| Field { number, value: Value::Bytes(content.into()) };
        let mut fields: Vec<Field> =
            self.inputs.iter().map(|name| bytes(1, name.as_bytes())).collect();
        fields.extend(self.outputs.iter().map(|name| bytes(2, name.as_bytes())));
        if !self.operator.is_empty() {
            fields.push(bytes(4, self.operator.as_bytes()));
        }
        fields.extend(self.attributes.iter().map(|attribute| bytes(5, &message(attribute))));
        fields.extend(self.rest.iter().cloned());
        message(&fields)
    }
}

impl Weights {
    fn read(bytes: &[u8]) -> Result<(String, Self), WireError> {
        let (mut shape, mut kind, mut name) = (Vec::new(), 0, String::new());
        let (mut values, mut outside) = (Vec::new(), false);
        for field in fields(bytes)? {
            match (field.number, field.value) {
                (1, Value::Varint(side)) => shape.push(side),
                (1, Value::Bytes(sides)) => shape.extend(packed(&sides)?),
                (2, Value::Varint(found)) => kind = found,
                (8, Value::Bytes(found)) => name = String::from_utf8_lossy(&found).into_owned(),
                (4 | 9, Value::Bytes(raw)) => {
                    let (floats, _) = raw.as_chunks::<4>();
                    values.extend(floats.iter().map(|four| f32::from_le_bytes(*four)));
                }
                (4, Value::Fixed32(four)) => values.push(f32::from_le_bytes(four)),
                // Segments, external data, where the data is.
                (3 | 13 | 14, _) => outside = true,
                _ => {}
            }
        }
        let shape: Option<Vec<usize>> =
            shape.into_iter().map(|s| usize::try_from(s).ok()).collect();
        let shape = shape.unwrap_or_default();
        let count = shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
        let plain = kind == FLOAT && !outside && count == Some(values.len());
        Ok((name, Self { shape, values: plain.then_some(values), as_read: Some(bytes.to_vec()) }))
    }

    fn written(&self, name: &str) -> Vec<u8> {
        let (Some(values), None) = (&self.values, &self.as_read) else {
            return self.as_read.clone().unwrap_or_default();
        };
        let mut fields: Vec<Field> = self
            .shape
            .iter()
            .map(|side| Field { number: 1, value: Value::Varint(*side as u64) })
            .collect();
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        fields.push(Field { number: 2, value: Value::Varint(FLOAT) });
        fields.push(Field { number: 8, value: Value::Bytes(name.into()) });
        fields.push(Field { number: 9, value: Value::Bytes(raw) });
        message(&fields)
    }
}

/// Name and shape of a `ValueInfoProto`.
fn declared(bytes: &[u8]) -> Result<(String, Vec<usize>), WireError> {
    let info = fields(bytes)?;
    let name = text(&info, 1).unwrap_or_default();
    // type -> tensor_type -> shape -> dim -> dim_value
    let (tensor, mut shape) = (inner(&inner(&info, 2)?, 1)?, Vec::new());
    for dimension in inner(&tensor, 2)?.iter().filter(|field| field.number == 1) {
        if let Value::Bytes(content) = &dimension.value {
            let side = number(&fields(content)?, 1).unwrap_or(0);
            shape.push(usize::try_from(side).unwrap_or(0));
        }
    }
    Ok((name, shape))
}

fn inner(of: &[Field], number: u64) -> Result<Vec<Field>, WireError> {
    let found = of.iter().find(|field| field.number == number).map(|field| &field.value);
    if let Some(Value::Bytes(content)) = found { fields(content) } else { Ok(Vec::new()) }
}

fn text(of: &[Field], number: u64) -> Option<String> {
    of.iter().find(|field| field.number == number).and_then(|field| match &field.value {
        Value::Bytes(content) => Some(String::from_utf8_lossy(content).into_owned()),
        Value::Varint(_) | Value::Fixed32(_) | Value::Fixed64(_) => None,
    })
}

fn number(of: &[Field], number: u64) -> Option<u64> {
    of.iter().find(|field| field.number == number).and_then(|field| match field.value {
        Value::Varint(found) => Some(found),
        Value::Bytes(_) | Value::Fixed32(_) | Value::Fixed64(_) => None,
    })
}
