//! What kind of compartment lies behind a door, and what kind a document needs.

use serde::{Deserialize, Serialize};

/// How much goes in, from the smallest on. What each means in centimetres is the cabinet maker's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A card, a passport, a few sheets.
    #[default]
    Small,
    /// A folder.
    Medium,
    /// A parcel.
    Large,
    /// More than that.
    ExtraLarge,
}

impl Size {
    /// The name in the configuration, on the wire and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::ExtraLarge => "extra_large",
        }
    }

    /// Every size, smallest first.
    pub const ALL: [Self; 4] = [Self::Small, Self::Medium, Self::Large, Self::ExtraLarge];
}

/// What a compartment is by its making; the configuration says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fitting {
    /// How much goes in.
    pub size: Size,
    /// Whether it can be reached from a wheelchair.
    pub low: bool,
}

/// What a document needs; by default any compartment will do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// The least size.
    pub size: Size,
    /// Whether it has to be low.
    pub low: bool,
}

/// Why a compartment will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    TooSmall,
    NotLow,
}

impl Fitting {
    /// Whether it will do.
    pub(super) fn serve(self, needs: Needs) -> Result<(), Misfit> {
        if self.size < needs.size {
            return Err(Misfit::TooSmall);
        }
        if needs.low && !self.low {
            return Err(Misfit::NotLow);
        }
        Ok(())
    }

    /// What would be a waste to give to somebody who does not need it: the smaller, the better a choice. Among
    /// equals a low one is kept for those who cannot reach the others.
    pub(super) fn waste(self) -> (Size, bool) {
        (self.size, self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compartment_serves_what_is_not_larger_and_not_lower_than_it_is() {
        let fitting = Fitting { size: Size::Medium, low: false };
        let needs = |size, low| Needs { size, low };
        assert_eq!(fitting.serve(Needs::default()), Ok(()));
        assert_eq!(fitting.serve(needs(Size::Medium, false)), Ok(()));
        assert_eq!(fitting.serve(needs(Size::Large, false)), Err(Misfit::TooSmall));
        assert_eq!(fitting.serve(needs(Size::Small, true)), Err(Misfit::NotLow));
        assert_eq!(Fitting { low: true, ..fitting }.serve(needs(Size::Medium, true)), Ok(()));
    }
}
