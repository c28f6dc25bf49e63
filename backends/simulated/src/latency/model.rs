//! [`Latency`]: how long one thing takes, as a distribution. It is built from the quantiles that
//! people know, and keeps both the table it samples from and what it was built from, as text for a
//! profile.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder::Result;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::factor::Factor;
use super::histogram::Histogram;
use super::normal::normal_quantile;
use super::table::{self, PIECES, Table};
use super::text::{Decimal, Span, invalid, nanos};
use crate::time::Nanos;

/// Where the ends of an unbounded distribution are cut off: nothing is rarer.
const SMALLEST: f64 = 1.0 / (1u64 << 15) as f64;
const LARGEST: f64 = 1.0 - 1.0 / (1u64 << 27) as f64;

/// A distribution of times, in nanoseconds.
///
/// It samples from a table of 513 quantiles, closer together in the tails, with integers alone: one
/// draw makes one sample, on every platform the same. Tables are built with floating point, of which
/// only operations are used that IEEE 754 fixes or libm's Rust code computes, so they too have the
/// same bits everywhere. Unbounded distributions end where one time in 134 million would be longer.
/// Between entries the table is within 0.2 % of a smooth model up to the quantile 0.999999; a model
/// that jumps does so within one piece, a sixteenth of the distance to the end.
///
/// In a profile it is written as what it was built from, for example
/// `{"lognormal": {"p50": "25ms", "p99": "71ms"}}`.
///
/// ```
/// use std::time::Duration;
/// use larder_simulated::latency::Latency;
///
/// let get = Latency::lognormal(Duration::from_millis(25), Duration::from_millis(71))?
///     .with_pareto_tail(0.99, 1.5, Duration::from_secs(30))?;
/// assert_eq!(get.quantile(0.5), 25_000_000);
/// assert_eq!(get.sample(u64::MAX / 2), get.sample(u64::MAX / 2));
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone)]
pub struct Latency {
    table: Table,
    spec: Arc<Spec>,
}

/// What a latency is built from, as it stands in a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Spec {
    Constant(Span),
    Uniform { from: Span, to: Span },
    Exponential { mean: Span },
    Lognormal { p50: Span, p99: Span },
    Quantiles(Vec<(Decimal, Span)>),
    ParetoTail { body: Latency, from: Decimal, alpha: Decimal, cap: Span },
    Mixture(Vec<(Decimal, Latency)>),
    Table(Vec<Nanos>),
    Plus { base: Span, latency: Latency },
    Scaled { percent: Factor, latency: Latency },
}

impl Latency {
    /// No time at all.
    pub fn zero() -> Latency {
        Latency::constant(Duration::ZERO)
    }

    /// Always the same time (a year at most).
    pub fn constant(time: Duration) -> Latency {
        let time = Span::of(time);
        Latency { table: Table::constant(time.0), spec: Arc::new(Spec::Constant(time)) }
    }

    /// Any time between the two, all equally likely.
    ///
    /// # Errors
    /// `Invalid` if `to` is shorter than `from`.
    pub fn uniform(from: Duration, to: Duration) -> Result<Latency> {
        Latency::build(Spec::Uniform { from: Span::of(from), to: Span::of(to) })
    }

    /// Exponentially distributed: memoryless, as the service times of the textbook's M/M/1 queue.
    pub fn exponential(mean: Duration) -> Latency {
        let mean = Span::of(mean);
        let table = Table::build(|q| -(mean.0 as f64) * libm::log(1.0 - q.min(LARGEST)));
        Latency { table, spec: Arc::new(Spec::Exponential { mean }) }
    }

    /// Lognormally distributed, by its median and its 99th percentile.
    ///
    /// # Errors
    /// `Invalid` if `p99` is shorter than `p50`, or `p50` is zero and `p99` is not.
    pub fn lognormal(p50: Duration, p99: Duration) -> Result<Latency> {
        Latency::build(Spec::Lognormal { p50: Span::of(p50), p99: Span::of(p99) })
    }

    /// By quantiles that are known, such as `[(0.5, 25 ms), (0.99, 92 ms), (0.999, 370 ms)]`. Between
    /// them, and past the outermost, the logarithm of the time is straight over the normal quantile:
    /// two points make a lognormal distribution. A point at 0 or 1 gives the shortest or longest time.
    ///
    /// # Errors
    /// `Invalid` if there is no point, a quantile is not between 0 and 1, or the points do not rise.
    pub fn quantiles(points: &[(f64, Duration)]) -> Result<Latency> {
        let share = |(q, time): &(f64, Duration)| Ok((decimal("a quantile", *q)?, Span::of(*time)));
        Latency::build(Spec::Quantiles(points.iter().map(share).collect::<Result<_>>()?))
    }

    /// This distribution up to the quantile `from`; past it, times are so much longer that the share
    /// of those above `x` falls as `x^-alpha`, to `cap` at the most. The smaller `alpha`, the heavier
    /// the tail; 1 to 3 is usual.
    ///
    /// # Errors
    /// `Invalid` if `from` is not between 0 and 1, `alpha` is not above 0, or `cap` is below the time
    /// at which the tail begins.
    pub fn with_pareto_tail(&self, from: f64, alpha: f64, cap: Duration) -> Result<Latency> {
        Latency::build(Spec::ParetoTail {
            body: self.clone(),
            from: decimal("the quantile where the tail begins", from)?,
            alpha: decimal("alpha", alpha)?,
            cap: Span::of(cap),
        })
    }

    /// One of these, chosen by weight at every sample.
    ///
    /// # Errors
    /// `Invalid` if there are none, a weight is negative, or all weights are zero.
    pub fn mixture(parts: &[(f64, Latency)]) -> Result<Latency> {
        let part = |(weight, latency): &(f64, Latency)| Ok((decimal("a weight", *weight)?, latency.clone()));
        Latency::build(Spec::Mixture(parts.iter().map(part).collect::<Result<_>>()?))
    }

    /// As these samples are distributed: their quantiles, straight between one and the next.
    ///
    /// # Errors
    /// `Invalid` if there are none.
    pub fn empirical(samples: &[Duration]) -> Result<Latency> {
        let mut sorted: Vec<Nanos> = samples.iter().map(|time| nanos(*time)).collect();
        sorted.sort_unstable();
        let Some(last) = sorted.len().checked_sub(1) else {
            return Err(invalid("an empirical latency needs samples; record some first"));
        };
        Ok(Latency::from_table(Table::build(|q| {
            let place = q * last as f64;
            let (at, part) = (place as usize, place - (place as usize) as f64);
            let (low, high) = (sorted[at.min(last)] as f64, sorted[(at + 1).min(last)] as f64);
            low + (high - low) * part
        })))
    }

    /// As the times in this histogram are distributed.
    ///
    /// # Errors
    /// `Invalid` if it is empty.
    pub fn from_histogram(histogram: &Histogram) -> Result<Latency> {
        if histogram.count() == 0 {
            return Err(invalid("the histogram is empty; record some operations first"));
        }
        Ok(Latency::from_table(Table::build(|q| histogram.quantile(q) as f64)))
    }

    /// Longer by this much, always.
    #[must_use]
    pub fn plus(&self, base: Duration) -> Latency {
        let base = Span::of(base);
        let table = self.table.map(|time| time + base.0);
        Latency { table, spec: Arc::new(Spec::Plus { base, latency: self.clone() }) }
    }

    /// So many times as long.
    #[must_use]
    pub fn scaled(&self, factor: Factor) -> Latency {
        let table = self.table.map(|time| factor.of(time));
        Latency { table, spec: Arc::new(Spec::Scaled { percent: factor, latency: self.clone() }) }
    }

    /// The sum of two independent times, as one distribution.
    #[must_use]
    pub fn then(&self, next: &Latency) -> Latency {
        match (&*self.spec, &*next.spec) {
            (Spec::Constant(time), _) => next.plus(Duration::from_nanos(time.0)),
            (_, Spec::Constant(time)) => self.plus(Duration::from_nanos(time.0)),
            _ => Latency::from_table(table::sum(&self.table, &next.table)),
        }
    }

    /// The time for a draw, in nanoseconds: its quantile at `draw / 2^64`. Integers only.
    #[inline]
    pub fn sample(&self, draw: u64) -> Nanos {
        self.table.sample(draw)
    }

    /// The time that a share `q` of all samples stays below, in nanoseconds. 0 and 1 give the shortest
    /// and the longest; what is not between them counts as the nearer one.
    pub fn quantile(&self, q: f64) -> Nanos {
        self.table.quantile(q)
    }

    /// The share of samples that take `time` nanoseconds or less, 0 to 1.
    pub fn share_within(&self, time: Nanos) -> f64 {
        self.table.at_most(time)
    }

    /// The mean, in nanoseconds.
    pub fn mean(&self) -> Nanos {
        self.table.mean() as Nanos
    }

    /// Whether every sample is zero.
    pub fn is_zero(&self) -> bool {
        self.table.values()[PIECES] == 0
    }

    /// Shorter by this much, but never less than nothing.
    pub(super) fn less(&self, time: Nanos) -> Latency {
        Latency::from_table(self.table.map(|value| value.saturating_sub(time)))
    }

    fn from_table(table: Table) -> Latency {
        let spec = Arc::new(Spec::Table(table.values().to_vec()));
        Latency { table, spec }
    }

    fn build(spec: Spec) -> Result<Latency> {
        let table = match &spec {
            Spec::Constant(time) => return Ok(Latency::constant(Duration::from_nanos(time.0))),
            Spec::Exponential { mean } => {
                return Ok(Latency::exponential(Duration::from_nanos(mean.0)));
            }
            Spec::Plus { base, latency } => return Ok(latency.plus(Duration::from_nanos(base.0))),
            Spec::Scaled { percent, latency } => return Ok(latency.scaled(*percent)),
            Spec::Uniform { from, to } => uniform(*from, *to)?,
            Spec::Lognormal { p50, p99 } => lognormal(*p50, *p99)?,
            Spec::Quantiles(points) => by_points(points)?,
            Spec::ParetoTail { body, from, alpha, cap } => {
                pareto_tail(&body.table, from.value(), alpha.value(), *cap)?
            }
            Spec::Mixture(parts) => weighted(parts)?,
            Spec::Table(values) => from_values(values)?,
        };
        Ok(Latency { table, spec: Arc::new(spec) })
    }
}

fn decimal(what: &str, value: f64) -> Result<Decimal> {
    Decimal::of(value)
        .ok_or_else(|| invalid(format!("{what} is {value}; give a number that is not negative and not huge")))
}

fn uniform(from: Span, to: Span) -> Result<Table> {
    if to < from {
        let (from, to) = (from.text(), to.text());
        return Err(invalid(format!("uniform from {from} to {to} ends before it begins; swap the two")));
    }
    let (from, to) = (from.0 as f64, to.0 as f64);
    Ok(Table::build(|q| from + (to - from) * q))
}

fn lognormal(p50: Span, p99: Span) -> Result<Table> {
    if p99 < p50 || (p50.0 == 0 && p99.0 > 0) {
        return Err(invalid(format!(
            "lognormal with p50 {} and p99 {}: p50 must be above zero and p99 no shorter",
            p50.text(),
            p99.text()
        )));
    }
    if p50 == p99 {
        return Ok(Table::constant(p50.0));
    }
    let sigma = libm::log(p99.0 as f64 / p50.0 as f64) / normal_quantile(0.99);
    let median = p50.0 as f64;
    Ok(Table::build(|q| median * libm::exp(sigma * normal_quantile(q.clamp(SMALLEST, LARGEST)))))
}

fn by_points(points: &[(Decimal, Span)]) -> Result<Table> {
    let rising = points.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1);
    let within = points.iter().all(|(q, _)| q.value() <= 1.0);
    if points.is_empty() || !rising || !within {
        return Err(invalid(
            "quantiles must be at least one, lie between 0 and 1, and rise together with their times; \
             sort them, and take out those that contradict another",
        ));
    }
    let place = |(q, time): &(Decimal, Span)| {
        (normal_quantile(q.value().clamp(SMALLEST, LARGEST)), libm::log(time.0.max(1) as f64))
    };
    let places: Vec<(f64, f64)> = points.iter().map(place).collect();
    if places.len() == 1 {
        return Ok(Table::constant(points[0].1.0));
    }
    Ok(Table::build(|q| {
        let z = normal_quantile(q.clamp(SMALLEST, LARGEST));
        let after = places.partition_point(|(known, _)| *known < z).clamp(1, places.len() - 1);
        let ((z0, y0), (z1, y1)) = (places[after - 1], places[after]);
        libm::exp(y0 + (y1 - y0) * ((z - z0) / (z1 - z0)))
    }))
}

fn pareto_tail(body: &Table, from: f64, alpha: f64, cap: Span) -> Result<Table> {
    if from <= 0.0 || from >= 1.0 || alpha <= 0.0 {
        return Err(invalid(format!(
            "a Pareto tail from the quantile {from} with alpha {alpha}: the quantile must lie between 0 \
             and 1, and alpha above 0; 0.99 and 1.5 are usual"
        )));
    }
    let start = body.quantile(from);
    if cap.0 < start {
        return Err(invalid(format!(
            "the Pareto tail is capped at {} but begins at {}; raise the cap or let the tail begin lower",
            cap.text(),
            Span(start).text()
        )));
    }
    let longest = cap.0 as f64;
    Ok(Table::build(|q| {
        if q <= from {
            return body.quantile(q) as f64;
        }
        let ratio = (1.0 - from) / (1.0 - q).max(1.0 - LARGEST);
        (start as f64 * libm::exp(libm::log(ratio) / alpha)).min(longest)
    }))
}

fn weighted(parts: &[(Decimal, Latency)]) -> Result<Table> {
    let total: f64 = parts.iter().map(|(weight, _)| weight.value()).sum();
    if total <= 0.0 {
        return Err(invalid("a mixture needs parts whose weights are not all zero; give one a weight"));
    }
    let share = |(weight, latency): &(Decimal, Latency)| (weight.value() / total, latency.table.clone());
    Ok(table::mixture(&parts.iter().filter(|part| part.0.value() > 0.0).map(share).collect::<Vec<_>>()))
}

fn from_values(values: &[Nanos]) -> Result<Table> {
    Table::of(values)
        .ok_or_else(|| invalid("a table is 513 times in nanoseconds that never fall, none above a year"))
}

impl PartialEq for Latency {
    /// Whether they sample the same times.
    fn eq(&self, other: &Latency) -> bool {
        self.table == other.table
    }
}

impl Eq for Latency {}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |q| Duration::from_nanos(self.quantile(q));
        write!(f, "Latency(p50 {:?}, p99 {:?}, p99.9 {:?})", at(0.5), at(0.99), at(0.999))
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.spec.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Latency, D::Error> {
        Latency::build(Spec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
