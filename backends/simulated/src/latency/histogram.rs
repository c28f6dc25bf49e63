//! [`Histogram`]: how many times of each length, in buckets that are 1/128 of their value wide, as
//! Tene's HdrHistogram has them. Sparse and of integers alone: it merges, compares and is written out
//! exactly.

use std::collections::BTreeMap;

use larder::Result;
use serde::{Deserialize, Serialize};

use super::text::invalid;
use crate::time::Nanos;

/// Bits of a value that its bucket keeps, the leading one apart.
const KEPT: u32 = 7;

/// Counts of times in nanoseconds. A bucket is at most 0.8 % wide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u32, u64)>", into = "Vec<(u32, u64)>")]
pub struct Histogram {
    buckets: BTreeMap<u32, u64>,
    count: u64,
}

fn bucket_of(time: Nanos) -> u32 {
    let exponent = (u64::BITS - time.leading_zeros()).saturating_sub(KEPT + 1);
    (exponent << KEPT) + (time >> exponent) as u32
}

/// The shortest and the longest time of a bucket.
fn bounds(bucket: u32) -> (Nanos, Nanos) {
    let exponent = (bucket >> KEPT).saturating_sub(1);
    let kept = u64::from(bucket - (exponent << KEPT));
    (kept << exponent, (kept << exponent) + ((1 << exponent) - 1))
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Histogram {
        Histogram::default()
    }

    /// Counts one time.
    pub fn record(&mut self, time: Nanos) {
        *self.buckets.entry(bucket_of(time)).or_default() += 1;
        self.count += 1;
    }

    /// Takes in the counts of another.
    pub fn merge(&mut self, other: &Histogram) {
        for (bucket, count) in &other.buckets {
            let mine = self.buckets.entry(*bucket).or_default();
            *mine = mine.saturating_add(*count);
        }
        self.count = self.count.saturating_add(other.count);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The buckets that are not empty, from the shortest: shortest time, longest time, count.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, Nanos, u64)> + '_ {
        self.buckets.iter().map(|(bucket, count)| {
            let (from, to) = bounds(*bucket);
            (from, to, *count)
        })
    }

    /// The time that a share `q` (0 to 1) stays below, straight within a bucket; 0 of an empty one.
    pub fn quantile(&self, q: f64) -> Nanos {
        let rank = q.clamp(0.0, 1.0) * self.count as f64;
        let mut before = 0.0;
        for (from, to, count) in self.buckets() {
            let count = count as f64;
            if before + count >= rank {
                let part = ((rank - before) / count).clamp(0.0, 1.0);
                return from + ((to - from) as f64 * part) as Nanos;
            }
            before += count;
        }
        self.buckets.last_key_value().map_or(0, |(bucket, _)| bounds(*bucket).1)
    }

    /// The mean, in nanoseconds, taking every time to be in the middle of its bucket.
    pub fn mean(&self) -> Nanos {
        let sum: u128 =
            self.buckets().map(|(from, to, n)| u128::from(from / 2 + to / 2) * u128::from(n)).sum();
        (sum / u128::from(self.count.max(1))) as Nanos
    }
}

impl From<Histogram> for Vec<(u32, u64)> {
    fn from(histogram: Histogram) -> Vec<(u32, u64)> {
        histogram.buckets.into_iter().collect()
    }
}

impl TryFrom<Vec<(u32, u64)>> for Histogram {
    type Error = larder::Error;

    fn try_from(pairs: Vec<(u32, u64)>) -> Result<Histogram> {
        let highest = bucket_of(Nanos::MAX);
        let mut histogram = Histogram::new();
        for (bucket, count) in pairs {
            let sum = histogram.count.checked_add(count);
            let fresh = bucket <= highest && count > 0 && !histogram.buckets.contains_key(&bucket);
            let (Some(sum), true) = (sum, fresh) else {
                return Err(invalid(format!("bucket {bucket} of a histogram is damaged; record again")));
            };
            histogram.count = sum;
            histogram.buckets.insert(bucket, count);
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_gap_and_are_narrow() {
        let mut last = None;
        for bucket in 0..=bucket_of(Nanos::MAX) {
            let (from, to) = bounds(bucket);
            assert_eq!(last.map_or(0, |last: u64| last + 1), from, "bucket {bucket}");
            assert_eq!((bucket_of(from), bucket_of(to)), (bucket, bucket));
            assert!(to - from <= from / 128, "bucket {bucket} is {from} to {to}");
            last = Some(to);
        }
        assert_eq!(last, Some(Nanos::MAX));
    }

    #[test]
    fn quantiles_of_what_was_counted_come_back() {
        let mut histogram = Histogram::new();
        (1..=100_000u64).for_each(|time| histogram.record(time));
        for q in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let (expected, got) = (q * 100_000.0, histogram.quantile(q) as f64);
            assert!((got / expected - 1.0).abs() < 0.01, "{q}: {got}");
        }
        assert_eq!(histogram.count(), 100_000);
        assert!(histogram.mean().abs_diff(50_000) < 300, "{}", histogram.mean());
    }

    #[test]
    fn a_damaged_histogram_is_refused() {
        for pairs in [vec![(7, 0)], vec![(7, 1), (7, 1)], vec![(u32::MAX, 1)], vec![(1, u64::MAX), (2, 1)]] {
            assert!(Histogram::try_from(pairs).is_err());
        }
    }
}
