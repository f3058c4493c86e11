//! Why a message of the hall could not be taken on.

use serde::{Deserialize, Serialize};

use crate::core::ids::CommandId;

/// A payload that is no command: what is wrong, where, and what to send instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {remedy}")]
pub struct Malformed {
    /// For counting.
    pub kind: RefusedKind,
    /// The field, as a path from the top of the message; `payload` for the whole.
    pub field: String,
    /// What is wrong and what to send instead.
    pub remedy: String,
    /// The command's id, if that much could be read: then it can be answered.
    pub id: Option<CommandId>,
}

/// Kinds of refused messages, counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedKind {
    /// Larger than the contract allows.
    TooLarge,
    /// Not JSON, or a field occurs twice.
    NotJson,
    /// Of a version that is not spoken here.
    Version,
    /// Meant for another cabinet.
    Misdirected,
    /// A field is missing, unknown or holds what it must not.
    Field,
    /// A receipt that is unreadable or of another journal, or that claims events that never were.
    Receipt,
    /// On a topic that was never asked for.
    Topic,
}

impl RefusedKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::Version => "version",
            Self::Misdirected => "misdirected",
            Self::Field => "field",
            Self::Receipt => "receipt",
            Self::Topic => "topic",
        }
    }
}
