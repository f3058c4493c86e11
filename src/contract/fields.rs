//! Reads an object field by field, so that each complaint can name its field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is wrong with which field.
pub(super) type FieldFault = (String, String);

/// The fields of one object that have not been read yet.
pub(super) struct Fields {
    path: &'static str,
    left: Map<String, Value>,
}

impl Fields {
    /// The fields of an object; `path` is what stands before their names in complaints, with its dot.
    pub(super) fn of(path: &'static str, value: Value) -> Result<Self, FieldFault> {
        match value {
            Value::Object(left) => Ok(Self { path, left }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                let name = if path.is_empty() { "payload" } else { path.trim_end_matches('.') };
                Err((name.to_owned(), "must be a JSON object".to_owned()))
            }
        }
    }

    /// A field that must be there.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, FieldFault> {
        let fault = (self.named(name), "is missing: every such message needs it".to_owned());
        self.take_if_there(name)?.ok_or(fault)
    }

    /// A field that may be left out or null.
    pub(super) fn take_if_there<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, FieldFault> {
        match self.left.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|problem| (self.named(name), problem.to_string())),
        }
    }

    /// Complains about a field that was never asked for.
    pub(super) fn nothing_left(&self) -> Result<(), FieldFault> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                let remedy = "is not part of version 1: leave it out, or put it into 'ext'";
                Err((self.named(&name), remedy.to_owned()))
            }
        }
    }

    /// A field's name with its path.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}
