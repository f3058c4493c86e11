//! What a set of genuine and impostor scores says, in the words of ISO/IEC 19795 and NIST FRTE.

/// The quantiles that are reported, by name.
pub(super) const QUANTILES: [(&str, f64); 9] = [
    ("min", 0.0),
    ("p01", 0.01),
    ("p05", 0.05),
    ("p25", 0.25),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p95", 0.95),
    ("p99", 0.99),
    ("max", 1.0),
];

/// Similarities of pairs of one person and of pairs of two.
#[derive(Debug, Default, Clone)]
pub(super) struct Scores {
    genuine: Vec<f32>,
    /// Highest first.
    impostor: Vec<f32>,
}

/// How many genuine pairs are accepted where so many impostors are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OperatingPoint {
    /// Part of the genuine pairs that is accepted.
    pub(super) tar: f64,
    /// The lowest threshold that keeps to the false accept rate: what reaches it is accepted.
    pub(super) threshold: f32,
}

impl Scores {
    pub(super) fn new(mut genuine: Vec<f32>, mut impostor: Vec<f32>) -> Self {
        genuine.sort_by(|a, b| b.total_cmp(a));
        impostor.sort_by(|a, b| b.total_cmp(a));
        Self { genuine, impostor }
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.genuine.len(), self.impostor.len())
    }

    /// The smallest false accept rate above none that so many impostor pairs can show: one of them.
    pub(super) fn resolution(&self) -> Option<f64> {
        (!self.impostor.is_empty()).then(|| 1.0 / self.impostor.len() as f64)
    }

    /// Whether there are pairs of both kinds, and enough impostors that one of them is at most the part `far`.
    /// (No false accept at all, a rate of zero, can be counted in any set.)
    pub(super) fn measures(&self, far: f64) -> bool {
        let fine = self.resolution().is_some_and(|one| far <= 0.0 || one <= far + 1e-12);
        fine && !self.genuine.is_empty()
    }

    /// The operating point at which at most `far` of the impostors are accepted; `None` without pairs of both
    /// kinds. A set too small to show that rate ([`Scores::measures`]) gives the point of no false accept.
    pub(super) fn at_far(&self, far: f64) -> Option<OperatingPoint> {
        if self.genuine.is_empty() {
            return None;
        }
        let allowed = (far * self.impostor.len() as f64 + 1e-9) as usize;
        let first_refused = self.impostor.get(allowed)?;
        let threshold = first_refused.next_up();
        let accepted = self.genuine.partition_point(|score| *score >= threshold);
        Some(OperatingPoint { tar: accepted as f64 / self.genuine.len() as f64, threshold })
    }

    /// How many genuine and how many impostor pairs reach a threshold.
    pub(super) fn reaching(&self, threshold: f32) -> (usize, usize) {
        let reach = |scores: &[f32]| scores.partition_point(|score| *score >= threshold);
        (reach(&self.genuine), reach(&self.impostor))
    }

    /// The greatest part of all pairs that one threshold decides rightly, and that threshold.
    pub(super) fn best_accuracy(&self) -> Option<(f64, f32)> {
        let total = self.genuine.len() + self.impostor.len();
        let mut best: Option<(usize, f32)> = None;
        for threshold in self.genuine.iter().copied().chain([1.0_f32.next_up()]) {
            let accepted = self.genuine.partition_point(|score| *score >= threshold);
            let false_accepts = self.impostor.partition_point(|score| *score >= threshold);
            let right = accepted + self.impostor.len() - false_accepts;
            if best.is_none_or(|(most, _)| right > most) {
                best = Some((right, threshold));
            }
        }
        best.filter(|_| total > 0).map(|(right, at)| (right as f64 / total as f64, at))
    }

    /// The genuine and the impostor scores at each of [`QUANTILES`]; `None` where there are no pairs.
    pub(super) fn quantiles(&self) -> [Option<[f32; QUANTILES.len()]>; 2] {
        [quantiles(&self.genuine), quantiles(&self.impostor)]
    }
}

fn quantiles(descending: &[f32]) -> Option<[f32; QUANTILES.len()]> {
    let last = descending.len().checked_sub(1)?;
    Some(QUANTILES.map(|(_, part)| descending[last - (part * last as f64).round() as usize]))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn tar(scores: &Scores, far: f64) -> f64 {
        scores.at_far(far).unwrap().tar
    }

    #[test]
    fn the_false_accept_rate_is_never_above_the_one_asked_for() {
        let impostor: Vec<f32> = (0..1000).map(|i| i as f32 / 1000.0).collect();
        let scores = Scores::new(vec![0.5, 0.9, 0.995, 0.9985], impostor.clone());
        for far in [0.0, 1e-3, 1e-2, 0.1] {
            let at = scores.at_far(far).unwrap();
            let accepted = impostor.iter().filter(|s| **s >= at.threshold).count();
            assert!(accepted as f64 <= far * 1000.0 + 1e-9, "{far}: {accepted}");
        }
        assert!((tar(&scores, 0.0) - 0.0).abs() < 1e-9);
        assert!((tar(&scores, 1e-3) - 0.25).abs() < 1e-9);
        assert!((tar(&scores, 1e-2) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn equal_scores_are_accepted_or_refused_together() {
        let scores = Scores::new(vec![0.5, 0.7], vec![0.5, 0.5, 0.1, 0.1]);
        assert!((tar(&scores, 0.25) - 0.5).abs() < 1e-9);
        assert!((tar(&scores, 0.5) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn scores_that_are_apart_are_decided_without_error() {
        let scores = Scores::new(vec![0.8, 0.6], vec![0.3, 0.1, 0.0]);
        let (accuracy, threshold) = scores.best_accuracy().unwrap();
        assert!((accuracy - 1.0).abs() < 1e-9 && (threshold - 0.6).abs() < 1e-6);
        assert!((tar(&scores, 0.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn refusing_everybody_may_be_the_most_accurate() {
        let scores = Scores::new(vec![0.1], vec![0.9, 0.8, 0.7]);
        let (accuracy, threshold) = scores.best_accuracy().unwrap();
        assert!((accuracy - 0.75).abs() < 1e-9 && threshold > 0.9);
    }

    #[test]
    fn without_pairs_of_both_kinds_there_is_no_rate() {
        assert_eq!(Scores::new(vec![0.5], Vec::new()).at_far(0.1), None);
        assert_eq!(Scores::new(Vec::new(), vec![0.5]).at_far(0.1), None);
        assert_eq!(Scores::default().best_accuracy(), None);
        assert_eq!(Scores::default().quantiles(), [None, None]);
    }

    #[test]
    fn a_rate_finer_than_one_impostor_is_that_of_no_false_accept_and_not_measured() {
        let scores = |impostors: usize| Scores::new(vec![0.9], vec![0.1; impostors]);
        for (impostors, far) in [(1, 1e-4), (9_999, 1e-4)] {
            assert!(!scores(impostors).measures(far));
            assert_eq!(scores(impostors).at_far(far), scores(impostors).at_far(0.0));
        }
        for (impostors, far) in [(10_000, 1e-4), (100, 1e-2), (1, 0.0)] {
            assert!(scores(impostors).measures(far));
        }
        assert_eq!(scores(4).resolution(), Some(0.25));
        assert_eq!(scores(0).resolution(), None);
    }

    #[test]
    fn quantiles_go_from_the_lowest_to_the_highest() {
        let [genuine, _] =
            Scores::new((0..=100).map(|i| i as f32).collect(), Vec::new()).quantiles();
        assert_eq!(genuine.unwrap().map(|score| score as u32), [0, 1, 5, 25, 50, 75, 95, 99, 100]);
    }
}
