//! Whether it is worth while to guess: not after several guesses that were wrong. One who has stopped tries
//! again now and then.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How the last guesses came out. Two who judge at once may count as one: it is a guess whether to guess.
#[derive(Debug, Default)]
pub(super) struct Odds {
    /// How many were wrong, less those that were right.
    wrong: AtomicU32,
    /// How many times none was made since then.
    passed: AtomicU32,
}

/// So many wrong guesses in a row, and no more are made.
const TOO_WRONG: u32 = 4;
/// After so many that were not made, one is made all the same.
const TRY_AGAIN: u32 = 32;

impl Odds {
    /// Whether to guess this time.
    pub(super) fn are_good(&self) -> bool {
        if self.wrong.load(Relaxed) < TOO_WRONG {
            return true;
        }
        if self.passed.fetch_add(1, Relaxed) + 1 < TRY_AGAIN {
            return false;
        }
        self.passed.store(0, Relaxed);
        true
    }

    /// What became of a guess.
    pub(super) fn judge(&self, right: bool) {
        let wrong = self.wrong.load(Relaxed);
        match right {
            // Most of the time: then nothing is written, which other threads would have to fetch.
            true if wrong == 0 => {}
            true => self.wrong.store(wrong - 1, Relaxed),
            false => self.wrong.store((wrong + 1).min(TOO_WRONG), Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_too_many_wrong_guesses_they_are_seldom_made_until_one_is_right() {
        let odds = Odds::default();
        for _ in 0..TOO_WRONG {
            assert!(odds.are_good());
            odds.judge(false);
        }
        for _ in 0..3 {
            assert_eq!((0..TRY_AGAIN).filter(|_| odds.are_good()).count(), 1);
        }
        odds.judge(true);
        assert!((0..TRY_AGAIN).all(|_| odds.are_good()));
    }
}
