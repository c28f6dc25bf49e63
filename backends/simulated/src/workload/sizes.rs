//! [`Sizes`]: how large a value is.

use crate::draw::below;

/// A distribution of sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    least: u64,
    most: u64,
}

impl Sizes {
    /// Always this size.
    pub const fn exactly(bytes: u64) -> Sizes {
        Sizes { least: bytes, most: bytes }
    }

    /// From `least` to `most` bytes, every doubling with the same chance: small ones are frequent, and
    /// large ones are most of the bytes.
    pub const fn between(least: u64, most: u64) -> Sizes {
        let least = if least == 0 { 1 } else { least };
        Sizes { least, most: if most < least { least } else { most } }
    }

    /// The size of this draw.
    pub const fn pick(self, draw: u64) -> u64 {
        if self.least == self.most {
            return self.least;
        }
        let doublings = (self.most / self.least).ilog2() as u64 + 1;
        // The upper half of the draw picks the doubling, the lower half (first) the place in it.
        let from = self.least << below(draw & !0xffff_ffff, doublings);
        let to = if from > self.most / 2 { self.most } else { from * 2 - 1 };
        from + below(draw.rotate_left(32), to - from + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draws;

    #[test]
    fn every_doubling_has_the_same_chance() {
        let (sizes, draws) = (Sizes::between(1024, 16 * 1024), Draws::new(3).domain("sizes"));
        let mut counts = [0; 5];
        for n in 0..50_000 {
            let size = sizes.pick(draws.at(n));
            assert!((1024..=16 * 1024).contains(&size), "{size}");
            counts[(size / 1024).ilog2() as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_ends_are_reached_and_not_passed() {
        assert_eq!([0, u64::MAX].map(|draw| Sizes::exactly(7).pick(draw)), [7, 7]);
        assert_eq!([0, u64::MAX].map(|draw| Sizes::between(0, 100).pick(draw)), [1, 100]);
        assert_eq!([0, u64::MAX].map(|draw| Sizes::between(9, 2).pick(draw)), [9, 9]);
        assert_eq!(Sizes::between(1, u64::MAX).pick(u64::MAX), u64::MAX);
    }
}
