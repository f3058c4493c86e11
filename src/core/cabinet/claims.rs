//! Claims: who says whose document they want, and whom a face may match because of it.

use std::collections::BTreeSet;

use super::Cabinet;
use crate::core::ids::RecipientId;
use crate::core::input::Proof;
use crate::core::policy::Factors;
use crate::core::recognition::Recognition;
use crate::core::time::{Monotonic, Now};

/// A claim that holds. Volatile: a restart forgets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    recipients: BTreeSet<RecipientId>,
    proof: Proof,
    until: Monotonic,
}

impl Claim {
    /// When it ends.
    pub(super) fn until(&self) -> Monotonic {
        self.until
    }
}

impl Cabinet {
    /// Takes a claim. What was seen before it does not count for it.
    pub(super) fn claimed(&mut self, now: Now, recipients: BTreeSet<RecipientId>, proof: Proof) {
        let until = now.mono.plus(self.policy.faces.claim_for);
        self.claim = (!recipients.is_empty()).then_some(Claim { recipients, proof, until });
        self.recognition = Recognition::default();
    }

    /// Whether a face may be taken for this person now, by the site's factors and the claim.
    pub(super) fn may_match(&self, recipient: &RecipientId) -> bool {
        let claim = self.claim.as_ref();
        let meant = claim.map(|claim| claim.recipients.contains(recipient));
        let proven = claim.map(|claim| claim.proof) == Some(Proof::Code);
        match self.policy.faces.factors {
            Factors::Face => meant.unwrap_or(true),
            Factors::FaceAndCode => proven && meant == Some(true),
            Factors::Code => false,
        }
    }
}
