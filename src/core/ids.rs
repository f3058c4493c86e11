//! Small types for the things that have names: one type an idea, parsed once at the border.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a lawful identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} '{text}' is not usable: give 1 to 64 characters out of A-Z a-z 0-9 . _ : @ -")]
pub struct BadId {
    kind: &'static str,
    text: String,
}

const LONGEST_ID: usize = 64;

fn lawful(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:@-".contains(&b);
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(allowed)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text: 1 to 64 characters, none of which means anything to MQTT or a shell.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                if lawful(&text) {
                    return Ok(Self(text));
                }
                let text = text.chars().take(LONGEST_ID).collect();
                Err(BadId { kind: $kind, text })
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// One cabinet's name at the hall; part of every MQTT topic.
    DeviceId, "device"
);
text_id!(
    /// A document (or bundle) on its way from the hall to a recipient.
    DepositId, "deposit"
);
text_id!(
    /// A citizen, by the hall's pseudonym: never a name or an ID number.
    RecipientId, "recipient"
);
text_id!(
    /// A command of the hall; the same id is the same command, however often it arrives.
    CommandId, "command id"
);
text_id!(
    /// A member of staff.
    OperatorId, "operator"
);
text_id!(
    /// Where the recipient's consent to face recognition is on record.
    ConsentRef, "consent reference"
);
text_id!(
    /// An embedding model; templates of different models are never compared.
    ModelId, "model"
);

/// The number painted on a door: 1 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct CompartmentId(u16);

/// No number that a door can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("compartment {0} is out of range: doors are numbered 1 to 999")]
pub struct BadCompartment(String);

impl CompartmentId {
    /// Checks that the number lies between 1 and 999.
    pub fn new(number: u16) -> Result<Self, BadCompartment> {
        if (1..=999).contains(&number) {
            Ok(Self(number))
        } else {
            Err(BadCompartment(number.to_string()))
        }
    }

    /// The number on the door.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl std::str::FromStr for CompartmentId {
    type Err = BadCompartment;
    fn from_str(text: &str) -> Result<Self, BadCompartment> {
        let number = text.parse().ok().and_then(|number| Self::new(number).ok());
        number.ok_or_else(|| BadCompartment(format!("'{text}'")))
    }
}

impl TryFrom<u16> for CompartmentId {
    type Error = BadCompartment;
    fn try_from(number: u16) -> Result<Self, BadCompartment> {
        Self::new(number)
    }
}

impl From<CompartmentId> for u16 {
    fn from(id: CompartmentId) -> u16 {
        id.0
    }
}

impl fmt::Display for CompartmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One authorised opening, with all its pulses; counts up over the life of a journal.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct UnlockId(pub u64);

impl fmt::Display for UnlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's place in the journal: the first is 1, without gaps; 0 means "before the first".
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventSeq(pub u64);

impl fmt::Display for EventSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_would_change_a_topic_or_a_path() {
        for bad in ["", "a/b", "a+", "#", "a b", "é", &"x".repeat(65)] {
            assert!(DeviceId::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(DeviceId::new("luohu-1.floor_2").is_ok());
    }

    #[test]
    fn compartments_are_numbered_from_one() {
        assert!(CompartmentId::new(0).is_err());
        assert!(CompartmentId::new(1000).is_err());
        assert!(CompartmentId::new(999).is_ok());
    }
}
