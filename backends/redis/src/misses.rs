//! Whether reads find what they look for. A range of what is absent is as empty as one of an empty value, so a read
//! that may find nothing asks for both in one trip. Where reads have found something for long that is left out: then a
//! read of what is absent takes a second trip, and one of what is there costs the server a command less.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// So many reads in a row must have found something.
const FOUND: u32 = 64;

/// How the last reads came out. Two who judge at once may count as one.
#[derive(Debug)]
pub(crate) struct Misses {
    /// How many more reads must find something.
    wary: AtomicU32,
}

impl Default for Misses {
    fn default() -> Misses {
        Misses { wary: AtomicU32::new(FOUND) }
    }
}

impl Misses {
    /// Whether a read may find nothing.
    pub(crate) fn are_likely(&self) -> bool {
        self.wary.load(Relaxed) > 0
    }

    /// What became of a read.
    pub(crate) fn judge(&self, found: bool) {
        let wary = self.wary.load(Relaxed);
        match found {
            // Most of the time: then nothing is written, which other threads would have to fetch.
            true if wary == 0 => {}
            true => self.wary.store(wary - 1, Relaxed),
            false => self.wary.store(FOUND, Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_miss_is_enough_to_expect_more_for_a_while() {
        let misses = Misses::default();
        for _ in 0..2 {
            for _ in 0..FOUND {
                assert!(misses.are_likely());
                misses.judge(true);
            }
            assert!(!misses.are_likely());
            misses.judge(false);
        }
        misses.judge(true);
        misses.judge(false);
        assert!((1..=FOUND).all(|_| misses.are_likely()));
    }
}
