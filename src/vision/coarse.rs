//! Templates in bytes: a quarter of the memory to read, and how far a product may be wrong.
//!
//! A vector t is stored as whole numbers w and a step s with t = s w + e; of each vector the error e is known, so
//! the product of two vectors is known to lie within a bound. What the bound cannot decide is compared exactly.

use zeroize::Zeroize;

use super::products::{MOST, whole_products};

/// Templates compared at a time: what fits the processor's nearest memory.
const BLOCK: usize = 64;

/// What rounding of the exact comparison may add to a bound.
const ROUNDING: f32 = 1e-5;

/// Vectors of one length, in bytes.
pub(super) struct CoarseVectors {
    length: usize,
    bytes: Vec<i8>,
    steps: Vec<f32>,
    /// The greatest length of any vector, and of any vector's error.
    longest: f32,
    worst: f32,
}

impl CoarseVectors {
    /// None yet.
    pub(super) fn new(length: usize) -> Self {
        Self { length, bytes: Vec::new(), steps: Vec::new(), longest: 0.0, worst: 0.0 }
    }

    /// Adds a vector.
    pub(super) fn push(&mut self, vector: &[f32]) {
        let step = step(vector, 127.0);
        let whole = vector.iter().map(|value| nearest(value / step) as i8);
        let start = self.bytes.len();
        self.bytes.extend(whole);
        self.steps.push(step);
        let stored = self.bytes[start..].iter().map(|whole| f32::from(*whole) * step);
        let error = norm(vector.iter().zip(stored).map(|(value, stored)| value - stored));
        self.worst = self.worst.max(error);
        self.longest = self.longest.max(norm(vector.iter().copied()));
    }

    /// Makes room for that many vectors in all.
    pub(super) fn reserve(&mut self, vectors: usize) {
        self.bytes.reserve_exact(vectors * self.length);
        self.steps.reserve_exact(vectors);
    }

    /// Calls `each` with the number of every vector and about what its product with the probe is.
    pub(super) fn scan(&self, probe: &CoarseProbe, mut each: impl FnMut(usize, f32)) {
        let mut sums = [0; BLOCK];
        let blocks = self.bytes.chunks(BLOCK * self.length.max(1));
        for (block, (bytes, steps)) in blocks.zip(self.steps.chunks(BLOCK)).enumerate() {
            whole_products(bytes, &probe.whole, &mut sums);
            for (place, (sum, step)) in sums.iter().zip(steps).enumerate() {
                each(block * BLOCK + place, *sum as f32 * (step * probe.step));
            }
        }
    }

    /// No product that [`CoarseVectors::scan`] gives for this probe is further from the exact one.
    pub(super) fn bound(&self, probe: &CoarseProbe) -> f32 {
        self.longest * probe.error + self.worst * (probe.length + probe.error) + ROUNDING
    }

    /// Overwrites and forgets all.
    pub(super) fn clear(&mut self) {
        self.bytes.zeroize();
        self.steps.zeroize();
        (self.longest, self.worst) = (0.0, 0.0);
    }
}

/// What is searched for, in whole numbers.
pub(super) struct CoarseProbe {
    whole: Vec<i16>,
    step: f32,
    length: f32,
    error: f32,
}

impl CoarseProbe {
    /// The probe of this vector.
    pub(super) fn new(vector: &[f32]) -> Self {
        let step = step(vector, f32::from(MOST));
        let whole: Vec<i16> = vector.iter().map(|value| nearest(value / step) as i16).collect();
        let stored = whole.iter().map(|whole| f32::from(*whole) * step);
        let error = norm(vector.iter().zip(stored).map(|(value, stored)| value - stored));
        Self { whole, step, length: norm(vector.iter().copied()), error }
    }
}

/// The nearest whole number; `round` is a function call on older processors. What rounding does to a value is part
/// of the error that is measured.
fn nearest(value: f32) -> i32 {
    (value + 0.5_f32.copysign(value)) as i32
}

/// What one of `parts` of the greatest value is; never zero.
fn step(vector: &[f32], parts: f32) -> f32 {
    let greatest = vector.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    (greatest / parts).max(f32::MIN_POSITIVE)
}

fn norm(values: impl Iterator<Item = f32>) -> f32 {
    values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt() as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::products::float_products;
    use super::*;

    proptest! {
        #[test]
        fn no_product_is_further_off_than_the_bound(
            vectors in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 24), 1..90),
            probe in prop::collection::vec(-1.0_f32..1.0, 24),
        ) {
            let mut coarse = CoarseVectors::new(24);
            vectors.iter().for_each(|vector| coarse.push(vector));
            let mut found = Vec::new();
            let whole = CoarseProbe::new(&probe);
            let bound = coarse.bound(&whole);
            coarse.scan(&whole, |index, product| found.push((index, product)));
            prop_assert_eq!(found.len(), vectors.len());
            for ((index, product), vector) in found.into_iter().zip(&vectors) {
                let mut exact = [0.0];
                float_products(vector, &probe, &mut exact);
                prop_assert!(
                    (exact[0] - product).abs() <= bound,
                    "{}: {} is not {} within {}", index, product, exact[0], bound
                );
            }
        }
    }

    #[test]
    fn a_vector_of_zeros_has_no_product() {
        let mut coarse = CoarseVectors::new(2);
        coarse.push(&[0.0, 0.0]);
        coarse.scan(&CoarseProbe::new(&[0.0, 0.0]), |_, product| assert!(product.abs() < 1e-6));
    }
}
