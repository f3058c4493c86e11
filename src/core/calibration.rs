//! Which similarity keeps to which false match rate, as it was measured for an embedder.

/// Pairs of false match rate and similarity, the highest rate first. Empty: nothing was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    points: Vec<RatePoint>,
}

/// At this similarity so many of two different people's pairs pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatePoint {
    /// The false match rate, above 0 and below 1.
    pub rate: f32,
    /// The cosine similarity.
    pub similarity: f32,
}

/// Why a table is no calibration: a sentence for whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationFault {
    /// One point shows no slope.
    #[error("has fewer than two points: give at least two, as [false match rate, similarity]")]
    TooFew,
    /// A rate or similarity that is none.
    #[error("point {0} is out of range: a rate lies between 0 and 1, a similarity from -1 to 1")]
    OutOfRange(usize),
    /// The similarity does not rise as the rate falls.
    #[error(
        "point {0} is out of order: each further point has a lower rate and a higher similarity"
    )]
    OutOfOrder(usize),
}

impl Calibration {
    /// Checks the points of a table; the faults count them from 1.
    pub fn new(points: Vec<RatePoint>) -> Result<Self, CalibrationFault> {
        if points.len() < 2 {
            return Err(CalibrationFault::TooFew);
        }
        let possible = |point: &RatePoint| {
            point.rate > 0.0 && point.rate < 1.0 && (-1.0..=1.0).contains(&point.similarity)
        };
        if let Some(index) = points.iter().position(|point| !possible(point)) {
            return Err(CalibrationFault::OutOfRange(index + 1));
        }
        let rises = |pair: &[RatePoint]| {
            pair[1].rate < pair[0].rate && pair[1].similarity > pair[0].similarity
        };
        match points.windows(2).position(|pair| !rises(pair)) {
            Some(index) => Err(CalibrationFault::OutOfOrder(index + 2)),
            None => Ok(Self { points }),
        }
    }

    /// The points, the highest rate first.
    pub fn points(&self) -> &[RatePoint] {
        &self.points
    }

    /// The similarity at which a stranger compared with so many people is taken for one of them no more often than
    /// `target`; `None` when nothing was measured.
    ///
    /// A search is `people` comparisons, and so `people` chances: the rate of one must not be above
    /// `target / people`. (1 - (1 - rate)^people is at most people * rate.)
    pub fn similarity_among(&self, people: usize, target: f32) -> Option<f32> {
        self.similarity_at(target / people.max(1) as f32)
    }

    /// Between two points the logarithm of the rate is taken as a straight line. Beyond the last one the line of the
    /// last two goes on: rates fall ever faster in the tail of such scores, so that the line asks for more than the
    /// truth, never less. Nothing is given below the first point.
    fn similarity_at(&self, rate: f32) -> Option<f32> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        if rate.is_nan() || rate <= 0.0 {
            return Some(1.0);
        }
        if rate >= first.rate {
            return Some(first.similarity);
        }
        let reached = self.points.iter().position(|point| point.rate <= rate);
        let upper = reached.unwrap_or(self.points.len() - 1);
        let (a, b) = (self.points[upper - 1], self.points[upper]);
        let part = (a.rate.ln() - rate.ln()) / (a.rate.ln() - b.rate.ln());
        let similarity = a.similarity + part * (b.similarity - a.similarity);
        Some(similarity.clamp(first.similarity, last.similarity.max(HIGHEST)))
    }
}

/// More is never asked for: two pictures of one person seldom resemble each other so much.
const HIGHEST: f32 = 0.95;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn table(points: &[(f32, f32)]) -> Result<Calibration, CalibrationFault> {
        let point =
            |(rate, similarity): &(f32, f32)| RatePoint { rate: *rate, similarity: *similarity };
        Calibration::new(points.iter().map(point).collect())
    }

    fn usual() -> Calibration {
        table(&[(1e-2, 0.3), (1e-3, 0.4), (1e-4, 0.45)]).unwrap()
    }

    fn among(people: usize, target: f32) -> f32 {
        usual().similarity_among(people, target).unwrap()
    }

    #[test]
    fn a_measured_rate_gives_its_similarity_and_one_between_two_lies_between() {
        assert!((among(1, 1e-3) - 0.4).abs() < 1e-5);
        assert!((among(10, 1e-2) - 0.4).abs() < 1e-5, "ten people are ten chances");
        assert!((among(1, 3.162_277_7e-4) - 0.425).abs() < 1e-4, "half way in the logarithm");
        assert!((among(1, 0.5) - 0.3).abs() < 1e-5);
    }

    #[test]
    fn beyond_what_was_measured_the_last_slope_goes_on() {
        assert!((among(10, 1e-4) - 0.5).abs() < 1e-4);
        assert!((among(100, 1e-4) - 0.55).abs() < 1e-4);
        assert!(among(1_000_000_000, 1e-9) <= 0.95);
    }

    #[test]
    fn no_rate_at_all_asks_for_the_same_picture() {
        assert!((among(1, 0.0) - 1.0).abs() < 1e-6);
        assert!((among(1, f32::NAN) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn without_a_measurement_nothing_is_said() {
        assert_eq!(Calibration::default().similarity_among(10, 1e-4), None);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        use CalibrationFault::*;
        assert_eq!(table(&[(1e-2, 0.3)]), Err(TooFew));
        for bad in [(0.0, 0.4), (1.0, 0.4), (f32::NAN, 0.4), (1e-3, 1.1), (1e-3, f32::NAN)] {
            assert_eq!(table(&[(1e-2, 0.3), bad]), Err(OutOfRange(2)), "{bad:?}");
        }
        assert_eq!(table(&[(1e-2, 0.3), (1e-3, 0.3)]), Err(OutOfOrder(2)));
        assert_eq!(table(&[(1e-2, 0.3), (1e-3, 0.4), (1e-3, 0.5)]), Err(OutOfOrder(3)));
    }

    proptest! {
        #[test]
        fn more_people_or_a_stricter_target_never_ask_for_less(
            people in 1_usize..100_000, more in 0_usize..100_000,
            target in 1e-9_f32..0.5, stricter in 0.001_f32..1.0,
        ) {
            prop_assert!(among(people + more, target) >= among(people, target));
            prop_assert!(among(people, target * stricter) >= among(people, target));
        }
    }
}
