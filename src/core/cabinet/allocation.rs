//! Which compartment a document gets: the smallest that will do, low ones kept for those who need them.

use super::Cabinet;
use super::orders::Plan;
use crate::core::command::{Lifecycle, Rejection};
use crate::core::compartment::Compartment;
use crate::core::fitting::{Fitting, Misfit, Needs};
use crate::core::ids::{CompartmentId, DepositId};
use crate::core::time::Monotonic;

impl Cabinet {
    pub(super) fn plan_reserve(
        &self,
        now: Monotonic,
        deposit: &DepositId,
        wanted: Option<CompartmentId>,
        needs: Needs,
    ) -> Result<Plan, Rejection> {
        if self.holding(deposit).is_some() {
            return Err(Rejection::DepositExists);
        }
        let place = match wanted {
            Some(wanted) => self.this_one(now, wanted, needs),
            None => self.best_fit(now, needs),
        };
        place.map(Plan::At)
    }

    /// The smallest free one that will do; among equals one that is not low unless that was asked for, then the lowest
    /// number.
    fn best_fit(&self, now: Monotonic, needs: Needs) -> Result<CompartmentId, Rejection> {
        let mut free = self.fitted.iter().filter(|(id, _)| self.is_free(now, **id)).peekable();
        free.peek().ok_or(Rejection::NoneFree)?;
        let fits = free.filter(|(_, fitting)| fitting.serve(needs).is_ok());
        let best = fits.min_by_key(|(id, fitting)| (fitting.waste(), **id));
        best.map(|(id, _)| *id).ok_or(Rejection::NoneFits)
    }

    fn is_free(&self, now: Monotonic, id: CompartmentId) -> bool {
        let empty =
            |c: &Compartment| c.lifecycle() == Lifecycle::Vacant && c.occupied != Some(true);
        self.fitted(id).is_some_and(empty) && !self.is_held(now, id)
    }

    /// The compartment that the hall named, if it will do and is free.
    fn this_one(
        &self,
        now: Monotonic,
        wanted: CompartmentId,
        needs: Needs,
    ) -> Result<CompartmentId, Rejection> {
        let compartment = self.find(wanted)?;
        self.fitting(wanted).serve(needs).map_err(|misfit| match misfit {
            Misfit::TooSmall => Rejection::TooSmall,
            Misfit::NotLow => Rejection::NotLow,
        })?;
        match compartment.lifecycle() {
            Lifecycle::Vacant if self.is_held(now, wanted) => Err(Rejection::Busy),
            Lifecycle::Vacant if compartment.occupied == Some(true) => Err(Rejection::Occupied),
            Lifecycle::Vacant => Ok(wanted),
            Lifecycle::OutOfService | Lifecycle::Fault => Err(Rejection::OutOfService),
            Lifecycle::Reserved
            | Lifecycle::Loading
            | Lifecycle::Loaded
            | Lifecycle::Collecting
            | Lifecycle::Expired
            | Lifecycle::Recalling
            | Lifecycle::Inspecting
            | Lifecycle::Reopened => Err(Rejection::WrongState { state: compartment.lifecycle() }),
        }
    }

    /// What a compartment is by its making; the default for one that only the journal knows.
    pub fn fitting(&self, id: CompartmentId) -> Fitting {
        self.fitted.get(&id).copied().unwrap_or_default()
    }
}
