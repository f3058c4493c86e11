//! One line of JSON each way.

use serde::{Deserialize, Serialize};

use crate::contract::state::CompartmentState;
use crate::core::command::Answer;
use crate::core::ids::CompartmentId;

/// A longer line is no request, in bytes.
pub(super) const LONGEST_LINE: usize = 4096;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How do all doors stand?
    Look,
    /// Open this one.
    Open(Doorway),
}

/// A door that somebody wants open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doorway {
    /// Which.
    pub compartment: CompartmentId,
    /// Why, one line of at most 200 characters.
    pub reason: String,
    /// Whether it may be opened although a document lies behind it.
    #[serde(default)]
    pub even_loaded: bool,
    /// Who called `sudo`. Believed only of root, who may become anybody anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Every door.
    Doors(Vec<CompartmentState>),
    /// How the opening ended.
    Ended(Answer),
    /// The request is not understood or not allowed; a sentence.
    Refused(String),
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_lines_are_what_other_programs_would_write_by_hand() {
        let open: Request =
            serde_json::from_str(r#"{"open":{"compartment":3,"reason":"hinge"}}"#).unwrap();
        let Request::Open(doorway) = &open else { panic!("{open:?}") };
        assert!(!doorway.even_loaded && doorway.sudo_user.is_none());
        assert_eq!(serde_json::to_string(&Request::Look).unwrap(), r#""look""#);
    }

    #[test]
    fn a_field_too_many_and_a_door_that_cannot_be_are_refused() {
        for wrong in [
            r#"{"open":{"compartment":3,"reason":"hinge","force":true}}"#,
            r#"{"open":{"compartment":0,"reason":"hinge"}}"#,
            r#"{"open":{"compartment":"3","reason":"hinge"}}"#,
            r#"{"shut":3}"#,
        ] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
