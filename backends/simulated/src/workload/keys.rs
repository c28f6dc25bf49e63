//! [`Keys`]: which of so many keys an operation is about.

use std::sync::Arc;

use crate::draw::below;

/// A choice among keys that are numbered from 0.
#[derive(Clone, Debug)]
pub struct Keys(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Uniform(u64),
    Zipf(Arc<[u64]>),
    Hot { percent: u64, others: u64 },
}

impl Keys {
    /// Each of so many with the same chance.
    pub fn uniform(count: u64) -> Keys {
        Keys(Kind::Uniform(count.max(1)))
    }

    /// By Zipf's law with exponent 1: key `n` is asked for `n + 1` times less often than key 0, as the
    /// requests that caches see are roughly distributed (Breslau et al., Web Caching and Zipf-like
    /// Distributions, 1999). At most a million keys.
    pub fn zipf(count: u64) -> Keys {
        // Integers alone: the sums are the same everywhere.
        const WEIGHT: u64 = 1 << 32;
        let mut sum = 0;
        let sums = (1..=count.clamp(1, 1_000_000)).map(|rank| {
            sum += WEIGHT / rank;
            sum
        });
        Keys(Kind::Zipf(sums.collect()))
    }

    /// Key 0 so often, in percent, and otherwise each of so many others with the same chance.
    pub fn hot(percent: u64, others: u64) -> Keys {
        Keys(Kind::Hot { percent, others })
    }

    /// How many keys there are.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Kind::Uniform(count) => *count,
            Kind::Zipf(sums) => sums.len() as u64,
            Kind::Hot { others, .. } => others + 1,
        }
    }

    /// The key of this draw.
    pub fn pick(&self, draw: u64) -> u64 {
        match &self.0 {
            Kind::Uniform(count) => below(draw, *count),
            Kind::Zipf(sums) => {
                let at = below(draw, sums.last().copied().unwrap_or(0));
                sums.partition_point(|sum| *sum <= at) as u64
            }
            Kind::Hot { percent, others } => {
                // The draw decides both: the part of it that hits the hot key, and where in the rest it lies.
                let at = below(draw, 100 * (others + 1));
                let hot = percent.min(&100) * (others + 1);
                if at < hot || *others == 0 {
                    return 0;
                }
                1 + (at - hot) * others / (100 * (others + 1) - hot)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draws;

    fn counts(keys: &Keys, draws: u64) -> Vec<u64> {
        let source = Draws::new(5).domain("keys");
        let mut counts = vec![0; keys.count() as usize];
        (0..draws).for_each(|n| counts[keys.pick(source.at(n)) as usize] += 1);
        counts
    }

    #[test]
    fn uniform_keys_are_asked_for_equally_often() {
        let counts = counts(&Keys::uniform(10), 100_000);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_second_key_of_zipf_is_asked_for_half_as_often_as_the_first() {
        let counts = counts(&Keys::zipf(1000), 1_000_000);
        // The harmonic number of 1000 is 7.485.
        for (rank, expected) in [(0, 133_600), (1, 66_800), (9, 13_360), (99, 1_336)] {
            let allowed = expected / 8;
            assert!(counts[rank].abs_diff(expected) < allowed, "{rank}: {} of {expected}", counts[rank]);
        }
        assert!(counts.iter().all(|count| *count > 0));
    }

    #[test]
    fn a_hot_key_takes_its_share_and_the_others_the_rest() {
        let counts = counts(&Keys::hot(80, 4), 100_000);
        assert!(counts[0].abs_diff(80_000) < 800, "{counts:?}");
        assert!(counts[1..].iter().all(|count| count.abs_diff(5_000) < 400), "{counts:?}");
        assert_eq!([Keys::hot(0, 0), Keys::hot(500, 3)].map(|keys| keys.pick(u64::MAX)), [0, 0]);
    }
}
