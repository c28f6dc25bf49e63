//! What was last seen here of many keys, in a few bytes each: where every call is a trip over a network, a
//! blind write that guesses right need not look first what it replaces. It is a guess, which the conditional
//! write confirms or refutes; nobody is ever answered from it alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::backend::{Expect, Version};
use crate::clock::Timestamp;
use crate::key::Key;
use crate::limits;
use crate::meta::Meta;

/// A state of an entry that is no log.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    version: Version,
    pub(super) rev: u64,
    pub(super) last_write: Timestamp,
}

/// What a blind write may assume.
#[derive(Clone, Debug)]
pub(super) enum Guess {
    /// The entry is as it was last seen.
    Same(Glance),
    /// Nothing is there.
    Absent,
}

impl Guess {
    pub(super) fn expect(&self) -> Expect {
        match self {
            Guess::Same(glance) => Expect::Version(glance.version.clone()),
            Guess::Absent => Expect::Absent,
        }
    }
}

#[derive(Default)]
pub(super) struct Seen(Mutex<Table>);

#[derive(Default)]
struct Table {
    glances: HashMap<Key, Glance>,
    /// How many of the last guesses that an unknown key is absent were wrong, less those that were right.
    wrong: u32,
    /// How many times none was made since then.
    passed: u32,
}

/// So many wrong guesses in a row, and unknown keys are taken to be there.
const TOO_WRONG: u32 = 4;
/// After so many unknown keys one guess is made all the same.
const TRY_AGAIN: u32 = 32;

impl Seen {
    /// What to assume of this key: `None` if it is better to look.
    pub(super) fn guess(&self, key: &Key) -> Option<Guess> {
        let mut table = self.table();
        if let Some(glance) = table.glances.get(key) {
            return Some(Guess::Same(glance.clone()));
        }
        if table.wrong >= TOO_WRONG {
            table.passed += 1;
            if table.passed < TRY_AGAIN {
                return None;
            }
            table.passed = 0;
        }
        Some(Guess::Absent)
    }

    /// What became of a guess.
    pub(super) fn judge(&self, key: &Key, guess: &Guess, right: bool) {
        let mut table = self.table();
        match (guess, right) {
            (Guess::Absent, true) => table.wrong = table.wrong.saturating_sub(1),
            (Guess::Absent, false) => table.wrong = (table.wrong + 1).min(TOO_WRONG),
            (Guess::Same(_), true) => {}
            (Guess::Same(_), false) => _ = table.glances.remove(key),
        }
    }

    /// Takes note of a state that was just written.
    pub(super) fn keep(&self, key: &Key, version: &Version, meta: &Meta) {
        let mut table = self.table();
        if table.glances.len() >= limits::SEEN_KEYS && !table.glances.contains_key(key) {
            table.glances.clear();
        }
        let glance = Glance { version: version.clone(), rev: meta.rev, last_write: meta.last_write };
        table.glances.insert(key.clone(), glance);
    }

    pub(super) fn forget(&self, key: &Key) {
        self.table().glances.remove(key);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({})", self.table().glances.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Kind;

    fn is_absent(guess: Option<Guess>) -> bool {
        matches!(guess, Some(Guess::Absent))
    }

    #[test]
    fn an_unknown_key_is_taken_to_be_absent_until_that_is_wrong_too_often() {
        let (seen, key) = (Seen::default(), Key::from("ada"));
        for _ in 0..TOO_WRONG {
            assert!(is_absent(seen.guess(&key)));
            seen.judge(&key, &Guess::Absent, false);
        }
        let guesses: Vec<bool> = (0..TRY_AGAIN).map(|_| is_absent(seen.guess(&key))).collect();
        assert_eq!(guesses.iter().filter(|made| **made).count(), 1, "now and then it is tried again");
        seen.judge(&key, &Guess::Absent, true);
        assert!(is_absent(seen.guess(&key)));
    }

    #[test]
    fn what_was_written_last_is_the_guess_until_it_is_refuted() {
        let (seen, key) = (Seen::default(), Key::from("ada"));
        let meta = Meta::new(key.clone(), Kind::Document, Timestamp::from_millis(5));
        seen.keep(&key, &Version::from(7), &meta);
        let guess = seen.guess(&key).unwrap();
        assert_eq!(guess.expect(), Expect::Version(Version::from(7)));
        seen.judge(&key, &guess, true);
        assert!(!is_absent(seen.guess(&key)));
        seen.judge(&key, &guess, false);
        assert!(is_absent(seen.guess(&key)));
    }

    #[test]
    fn no_more_keys_are_known_than_the_limit() {
        let seen = Seen::default();
        let meta = Meta::new(Key::null(), Kind::Document, Timestamp::from_millis(5));
        for n in 0..=limits::SEEN_KEYS as u64 {
            seen.keep(&Key::from(n), &Version::from(n), &meta);
            assert!(seen.table().glances.len() <= limits::SEEN_KEYS);
        }
        assert!(!is_absent(seen.guess(&Key::from(limits::SEEN_KEYS as u64))));
    }
}
