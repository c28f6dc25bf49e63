//! A tiny seeded generator (splitmix64), so that a failure can be run again.

use std::hash::BuildHasher;

/// The environment variable that the seed is taken from.
const VARIABLE: &str = "LARDER_SEED";

pub(crate) struct Random(u64);

impl Random {
    /// Seeded from `LARDER_SEED`, or anew; the seed is printed, and shown if the property fails.
    pub(crate) fn seeded() -> Random {
        let seed = match std::env::var(VARIABLE) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE}={text} is not a number")),
            // Random by way of the seeds that the standard library draws from the system.
            Err(_) => std::hash::RandomState::new().hash_one(0),
        };
        println!("run this again with {VARIABLE}={seed}");
        Random(seed)
    }

    pub(crate) fn from_seed(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 8);
        while out.len() < len {
            out.extend_from_slice(&self.next().to_le_bytes());
        }
        out.truncate(len);
        out
    }
}
