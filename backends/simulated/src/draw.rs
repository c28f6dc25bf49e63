//! Chance, by key: a draw is a function of the seed and of what it is for, not of how many draws came
//! before. Leaving one operation out of a run therefore changes the fate of no other.
//!
//! The function is SplitMix64's (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
//! 2014). No floating point: a draw is the same on every machine.

/// The version of the function. A seed means something only together with it.
pub const VERSION: &str = "sim_v1";

/// A source of draws, for one seed and one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draws(u64);

impl Draws {
    /// The draws of a seed.
    pub const fn new(seed: u64) -> Draws {
        Draws(mix(seed ^ 0x6c61_7264_6572_7631))
    }

    /// The draws for a purpose, such as `"latency"`.
    #[must_use]
    pub const fn domain(self, purpose: &str) -> Draws {
        // FNV-1a of the name.
        let (bytes, mut hash, mut at) = (purpose.as_bytes(), 0xcbf2_9ce4_8422_2325u64, 0);
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            at += 1;
        }
        self.of(hash)
    }

    /// The draws of one thing among many: a client, an operation, a period.
    #[must_use]
    pub const fn of(self, id: u64) -> Draws {
        Draws(mix(self.0.rotate_left(23) ^ mix(id.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The draw with this number.
    pub const fn at(self, counter: u64) -> u64 {
        mix(self.0.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// The finaliser of SplitMix64.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A draw as a number below `bound` (0 if that is 0).
pub const fn below(draw: u64, bound: u64) -> u64 {
    ((draw as u128 * bound as u128) >> 64) as u64
}

/// A probability, as an integer ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: u64,
    denominator: u64,
}

impl Ratio {
    /// Never.
    pub const ZERO: Ratio = Ratio { numerator: 0, denominator: 1 };
    /// Always.
    pub const ONE: Ratio = Ratio { numerator: 1, denominator: 1 };

    /// `numerator` times in `denominator`; always if the numerator is the larger, never of nothing.
    pub const fn new(numerator: u64, denominator: u64) -> Ratio {
        if denominator == 0 { Ratio::ZERO } else { Ratio { numerator, denominator } }
    }

    /// So many percent.
    pub const fn percent(percent: u64) -> Ratio {
        Ratio::new(percent, 100)
    }

    /// So many in a million.
    pub const fn millionths(millionths: u64) -> Ratio {
        Ratio::new(millionths, 1_000_000)
    }

    /// Whether it happens, by this draw.
    pub const fn happens(self, draw: u64) -> bool {
        below(draw, self.denominator) < self.numerator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_nothing_but_its_key() {
        let draws = Draws::new(7).domain("latency").of(3);
        assert_eq!(draws.at(1), draws.at(1));
        assert_ne!(draws.at(1), draws.at(2));
        assert_ne!(draws.at(1), Draws::new(8).domain("latency").of(3).at(1));
        assert_ne!(draws.at(1), Draws::new(7).domain("faults").of(3).at(1));
        assert_ne!(draws.at(1), Draws::new(7).domain("latency").of(4).at(1));
    }

    #[test]
    fn the_first_version_draws_these_numbers() {
        let draws = Draws::new(0).domain("pin");
        assert_eq!([draws.at(0), draws.at(1), draws.of(1).at(0)], PINNED);
    }

    /// Changing these changes what every seed in anybody's notes means: raise [`VERSION`] then.
    const PINNED: [u64; 3] =
        [6_650_242_762_989_506_474, 1_605_934_311_474_045_346, 17_488_210_722_110_557_751];

    #[test]
    fn draws_are_spread_evenly() {
        let draws = Draws::new(1).domain("spread");
        let mut buckets = [0u32; 16];
        (0..160_000).for_each(|n| buckets[below(draws.at(n), 16) as usize] += 1);
        assert!(buckets.iter().all(|count| (9_500..10_500).contains(count)), "{buckets:?}");
        let mut buckets = [0u32; 16];
        (0..160_000).for_each(|n| buckets[below(draws.of(n).at(0), 16) as usize] += 1);
        assert!(buckets.iter().all(|count| (9_500..10_500).contains(count)), "{buckets:?}");
    }

    #[test]
    fn a_ratio_happens_that_often() {
        let draws = Draws::new(2);
        let count = (0..100_000).filter(|n| Ratio::percent(5).happens(draws.at(*n))).count();
        assert!((4_700..5_300).contains(&count), "{count}");
        assert!((0..1000).all(|n| Ratio::ONE.happens(draws.at(n)) && !Ratio::ZERO.happens(draws.at(n))));
    }
}
