//! Counted errors as rates, with the interval in which the true rate lies.

use serde_json::{Value, json};

use super::rounded_wide;

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Proportion {
    pub(super) hits: usize,
    pub(super) of: usize,
}

/// How sure an interval is: 95 %, half of the rest on either side.
const TAIL: f64 = 0.025;

impl Proportion {
    /// The rate; `None` of nothing.
    pub(super) fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// The exact interval (Clopper and Pearson 1934), 95 %. Of nothing everything is possible.
    pub(super) fn interval(self) -> (f64, f64) {
        let (hits, misses) = (self.hits as f64, self.of.saturating_sub(self.hits) as f64);
        let low = if self.hits == 0 { 0.0 } else { quantile(TAIL, hits, misses + 1.0) };
        let high =
            if self.hits >= self.of { 1.0 } else { quantile(1.0 - TAIL, hits + 1.0, misses) };
        (low, high)
    }

    pub(super) fn json(self) -> Value {
        let (low, high) = self.interval();
        let places = 7;
        json!({
            "rate": self.rate().map(|rate| rounded_wide(rate, places)),
            "count": self.hits,
            "of": self.of,
            "interval_95": [rounded_wide(low, places), rounded_wide(high, places)],
        })
    }

    /// As people read it: `3.3 % (1 of 30, 0.1 to 17.2 %)`.
    pub(super) fn text(self) -> String {
        let (low, high) = self.interval();
        match self.rate() {
            None => "nothing to count".to_owned(),
            Some(rate) => format!(
                "{} % ({} of {}, {} to {} %)",
                percent(rate),
                self.hits,
                self.of,
                percent(low),
                percent(high)
            ),
        }
    }
}

/// As many decimals as a small rate needs.
fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    match percent {
        small if small > 0.0 && small < 0.01 => format!("{small:.4}"),
        small if small < 1.0 => format!("{small:.2}"),
        other => format!("{other:.1}"),
    }
}

/// Where the beta distribution's function reaches `p`: by halving, which cannot go astray.
fn quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if beta_function(middle, a, b) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8).
fn beta_function(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges quickly below the mean; above it the mirrored one does.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_function(1.0 - x, b, a);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    front.exp() * fraction(x, a, b) / a
}

/// The continued fraction by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..10_000_u32 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / kept(1.0 + term * d);
            c = kept(1.0 + term / c);
            value *= c * d;
        }
        if (value / before - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function, by Stirling's series from ten on.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < 10.0 {
        below += x.ln();
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * square)) / square) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: (f64, f64), expected: (f64, f64)) {
        let near = |a: f64, b: f64| (a - b).abs() < 5e-6;
        assert!(near(found.0, expected.0) && near(found.1, expected.1), "{found:?} {expected:?}");
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        // scipy.stats.binomtest(k, n).proportion_ci(method="exact")
        close(Proportion { hits: 1, of: 10 }.interval(), (0.002_528_6, 0.445_016_1));
        close(Proportion { hits: 5, of: 10 }.interval(), (0.187_086_0, 0.812_914_0));
        close(Proportion { hits: 7, of: 78_000 }.interval(), (0.000_036_1, 0.000_184_9));
    }

    #[test]
    fn none_of_thirty_shows_little_and_all_of_thirty_too() {
        let none = 1.0 - 0.025_f64.powf(1.0 / 30.0);
        close(Proportion { hits: 0, of: 30 }.interval(), (0.0, none));
        close(Proportion { hits: 30, of: 30 }.interval(), (1.0 - none, 1.0));
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        assert_eq!(Proportion::default().rate(), None);
        assert_eq!(Proportion::default().interval(), (0.0, 1.0));
        assert_eq!(Proportion::default().text(), "nothing to count");
    }

    #[test]
    fn the_text_has_the_digits_that_mean_something() {
        assert_eq!(Proportion { hits: 1, of: 10 }.text(), "10.0 % (1 of 10, 0.25 to 44.5 %)");
        assert!(Proportion { hits: 1, of: 78_000 }.text().starts_with("0.0013 %"));
    }
}
