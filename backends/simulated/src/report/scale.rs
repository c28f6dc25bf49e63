//! Axes: logarithmic for latencies, linear for time and counts. Only sums, products and quotients of
//! floats are used, which are the same on every machine; logarithms of the standard library are not.

use std::f64::consts::LOG10_2;

use super::data::Nanos;
use super::words::{decimal, time};

/// The logarithm of `n` to the base 10, to about six digits; 0 for 0.
pub(super) fn log10(n: f64) -> f64 {
    if n < 1.0 {
        return if n > 0.0 { -log10(1.0 / n) } else { 0.0 };
    }
    let (mut rest, mut whole) = (n, 0.0);
    while rest >= 2.0 {
        rest /= 2.0;
        whole += 1.0;
    }
    // Bit by bit: squaring doubles the logarithm.
    let (mut fraction, mut bit) = (0.0, 0.5);
    for _ in 0..22 {
        rest *= rest;
        if rest >= 2.0 {
            rest /= 2.0;
            fraction += bit;
        }
        bit /= 2.0;
    }
    (whole + fraction) * LOG10_2
}

/// A logarithmic axis of latencies, from one round number to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogAxis {
    pub(super) low: Nanos,
    pub(super) high: Nanos,
}

impl LogAxis {
    /// An axis that holds both. Zero stands at its low end, which is at least one nanosecond.
    pub(super) fn around(low: Nanos, high: Nanos) -> LogAxis {
        let (low, high) = (round_down(low.max(1)), round_up(high.max(1)));
        if high / low >= 10 {
            LogAxis { low, high }
        } else {
            // Less than a decade shows no more than noise.
            LogAxis { low: round_down((low / 2).max(1)), high: round_up(high.saturating_mul(5)) }
        }
    }

    /// Where the latency stands, 0 at the low end and 1 at the high one.
    pub(super) fn at(self, ns: Nanos) -> f64 {
        let ns = ns.clamp(self.low, self.high) as f64;
        let (low, high) = (self.low as f64, self.high as f64);
        log10(ns / low) / log10(high / low)
    }

    /// The round numbers on the axis with their names: powers of ten, and twos and fives between them
    /// if there are few.
    pub(super) fn ticks(self) -> Vec<(Nanos, String)> {
        let few = self.high / self.low < 1000;
        let (mut power, mut found) = (1u64, Vec::new());
        loop {
            for step in [1, 2, 5] {
                let Some(tick) = power.checked_mul(step) else { break };
                if (self.low..=self.high).contains(&tick) && (few || step == 1) {
                    found.push((tick, tick_name(tick)));
                }
            }
            match power.checked_mul(10) {
                Some(next) if next <= self.high => power = next,
                _ => return found,
            }
        }
    }

    /// The upper ends (not in them) of bins of equal width, six to a decade or less if there are many
    /// decades; the last reaches beyond the axis.
    pub(super) fn bins(self) -> Vec<Nanos> {
        // Hundredths of 10^(n/6).
        const PARTS: [u64; 6] = [100, 147, 215, 316, 464, 681];
        let stride = match self.high / self.low {
            0..10_000_000 => 1,
            10_000_000..1_000_000_000_000 => 2,
            _ => 3,
        };
        let mut found = Vec::new();
        let mut power = 1u64;
        'decades: loop {
            for part in PARTS.into_iter().step_by(stride) {
                let edge = u64::try_from(u128::from(power) * u128::from(part) / 100).unwrap_or(u64::MAX);
                if edge > self.low && found.last() != Some(&edge) {
                    found.push(edge);
                }
                if edge > self.high {
                    break 'decades;
                }
            }
            match power.checked_mul(10) {
                Some(next) => power = next,
                None => break,
            }
        }
        found
    }
}

/// The name of a latency on an axis: `1000 s`, not `16 min 40 s`.
pub(super) fn tick_name(ns: Nanos) -> String {
    if ns < 100_000_000_000 { time(ns) } else { format!("{} s", ns / 1_000_000_000) }
}

/// The largest of 1, 2, 5, 10, 20, .. that is not above `n` (at least 1).
pub(super) fn round_down(n: u64) -> u64 {
    let mut power = 1u64;
    while power.checked_mul(10).is_some_and(|next| next <= n) {
        power *= 10;
    }
    [5, 2].into_iter().find_map(|step| power.checked_mul(step).filter(|at| *at <= n)).unwrap_or(power)
}

/// The smallest of 1, 2, 5, 10, 20, .. that is not below `n`.
pub(super) fn round_up(n: u64) -> u64 {
    let down = round_down(n.max(1));
    if down >= n {
        return down;
    }
    let leading = down.to_string().as_bytes()[0];
    // 1 goes to 2, 5 to 10, and 2 to 5.
    if leading == b'2' { (down / 2).saturating_mul(5) } else { down.saturating_mul(2) }
}

/// A linear axis of time.
#[derive(Clone, Debug)]
pub(super) struct TimeAxis {
    pub(super) from: Nanos,
    pub(super) to: Nanos,
    /// The moments that are named, and their names.
    pub(super) ticks: Vec<(Nanos, String)>,
    /// What the names are, such as `s` or `ms since 1.5 s`.
    pub(super) unit: String,
}

impl TimeAxis {
    /// An axis with about `wanted` ticks.
    pub(super) fn new(from: Nanos, to: Nanos, wanted: u64) -> TimeAxis {
        let from = from.min(Nanos::MAX - 1);
        let to = to.max(from + 1);
        let span = to - from;
        let (size, unit, digits): (Nanos, &str, u32) = match span {
            10_800_000_000_000.. => (3_600_000_000_000, "h", 0),
            180_000_000_000.. => (60_000_000_000, "min", 0),
            3_000_000_000.. => (1_000_000_000, "s", 9),
            3_000_000.. => (1_000_000, "ms", 6),
            3_000.. => (1_000, "µs", 3),
            _ => (1, "ns", 0),
        };
        let rough = (span / wanted.max(1)).max(1);
        let step = match unit {
            "h" | "min" => {
                let steps = [1, 2, 5, 10, 15, 20, 30, 60];
                let found = steps.into_iter().find(|step| step * size >= rough).map(|step| step * size);
                found.unwrap_or_else(|| round_up(rough / size).saturating_mul(size))
            }
            _ => round_up(rough),
        };
        // Far from zero the names would be long: they count from a round moment before the axis.
        let far = from / step > 2000;
        let origin = if far { from - from % step.saturating_mul(10) } else { 0 };
        let mut ticks = Vec::new();
        let mut at = from.div_ceil(step).saturating_mul(step);
        while at <= to && ticks.len() < 64 {
            let name = match digits {
                0 => ((at - origin) / size).to_string(),
                _ => decimal(at - origin, digits),
            };
            ticks.push((at, name));
            match at.checked_add(step) {
                Some(next) => at = next,
                None => break,
            }
        }
        let unit =
            if far { format!("{unit} since {}", super::words::moment(origin)) } else { unit.to_owned() };
        TimeAxis { from, to, ticks, unit }
    }

    /// Where the moment stands, 0 at the beginning and 1 at the end.
    pub(super) fn at(&self, ns: Nanos) -> f64 {
        (ns.clamp(self.from, self.to) - self.from) as f64 / (self.to - self.from) as f64
    }

    /// In which of `columns` equal parts the moment lies.
    pub(super) fn column(&self, ns: Nanos, columns: usize) -> usize {
        let past = u128::from(ns.clamp(self.from, self.to) - self.from);
        let column = past * columns as u128 / u128::from(self.to - self.from);
        (column as usize).min(columns.saturating_sub(1))
    }
}

/// Round numbers from zero to at least `high`, about `wanted` of them.
pub(super) fn counts(high: u64, wanted: u64) -> Vec<u64> {
    let step = round_up(high.div_ceil(wanted.max(1)).max(1));
    let mut ticks: Vec<u64> =
        (0..64).map(|n| step.saturating_mul(n)).take_while(|at| *at < high.max(1)).collect();
    ticks.push(ticks.last().map_or(step, |last| last.saturating_add(step)));
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right_to_five_digits() {
        for n in [1.0, 1.5, 2.0, 10.0, 12345.0, 1e18, 0.001, 0.5] {
            assert!((log10(n) - f64::log10(n)).abs() < 1e-5, "{n}");
        }
        assert_eq!(log10(0.0), 0.0);
    }

    #[test]
    fn round_numbers_are_ones_twos_and_fives() {
        assert_eq!([1, 3, 7, 10, 19, 49, 99, 100].map(round_down), [1, 2, 5, 10, 10, 20, 50, 100]);
        assert_eq!(
            [0, 1, 3, 7, 10, 19, 21, 49, 51, 99].map(round_up),
            [1, 1, 5, 10, 10, 20, 50, 50, 100, 100]
        );
        assert_eq!(round_down(u64::MAX), 10_000_000_000_000_000_000);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_latency_axis_holds_all_from_nothing_to_centuries() {
        for (low, high) in
            [(0, 0), (1, 1), (80_000, 80_000), (3, 3_000_000_000), (0, u64::MAX), (7, u64::MAX)]
        {
            let axis = LogAxis::around(low, high);
            assert!(axis.low <= low.max(1) && axis.high >= high && axis.high / axis.low >= 4, "{axis:?}");
            assert!((0.0..=1.0).contains(&axis.at(low)) && (0.0..=1.0).contains(&axis.at(high)));
            assert!(!axis.ticks().is_empty() && axis.ticks().len() <= 20, "{axis:?} {:?}", axis.ticks());
            let bins = axis.bins();
            assert!(bins.windows(2).all(|pair| pair[0] < pair[1]), "{bins:?}");
            assert!(bins.len() <= 60 && bins.last() >= Some(&high), "{bins:?}");
        }
    }

    #[test]
    fn a_time_axis_has_round_moments() {
        let names = |from, to| {
            let axis = TimeAxis::new(from, to, 8);
            (axis.ticks.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" "), axis.unit)
        };
        let s = 1_000_000_000;
        assert_eq!(names(0, 80_000), ("0 10 20 30 40 50 60 70 80".to_owned(), "µs".to_owned()));
        assert_eq!(names(0, 3600 * s), ("0 10 20 30 40 50 60".to_owned(), "min".to_owned()));
        assert_eq!(names(0, 3 * s), ("0 0.5 1 1.5 2 2.5 3".to_owned(), "s".to_owned()));
        let (said, unit) = names(3600 * s + 1, 3600 * s + 20_000_001);
        assert_eq!(unit, "ms since 3600 s");
        assert_eq!(said, "5 10 15 20");
        assert_eq!(names(0, 0), ("0 1".to_owned(), "ns".to_owned()));
        names(0, u64::MAX);
        names(u64::MAX, u64::MAX);
    }

    #[test]
    fn every_moment_has_a_column() {
        let axis = TimeAxis::new(10, 110, 5);
        assert_eq!([0, 10, 59, 60, 110, 500].map(|at| axis.column(at, 2)), [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn counts_reach_the_highest() {
        assert_eq!(counts(0, 4), [0, 1]);
        assert_eq!(counts(7, 4), [0, 2, 4, 6, 8]);
        assert_eq!(counts(64, 4), [0, 20, 40, 60, 80]);
    }
}
