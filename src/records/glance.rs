//! What was last seen here of many keys, in a few bytes each: where every call is a trip over a network, a
//! blind write that guesses right need not look first what it replaces. It is a guess, which the conditional
//! write confirms or refutes; nobody is ever answered from it alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use foldhash::fast::RandomState;

use super::shards::{SHARDS, Shards};
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
pub(super) struct Seen {
    tables: Shards<Table>,
    /// How many of the last guesses that an unknown key is absent were wrong, less those that were right.
    wrong: AtomicU32,
    /// How many times none was made since then.
    passed: AtomicU32,
}

/// Two generations: what is kept goes into the younger one, and when that is full the older one goes. So of
/// the keys that were written last at least half the limit are known, however many others come.
#[derive(Default)]
struct Table {
    younger: HashMap<Key, Glance, RandomState>,
    /// Of no key of the younger one.
    older: HashMap<Key, Glance, RandomState>,
}

/// The most that one generation of a table holds.
const GENERATION: usize = limits::SEEN_KEYS / SHARDS / 2;

/// So many wrong guesses in a row, and unknown keys are taken to be there.
const TOO_WRONG: u32 = 4;
/// After so many unknown keys one guess is made all the same.
const TRY_AGAIN: u32 = 32;

impl Seen {
    /// What to assume of this key: `None` if it is better to look.
    pub(super) fn guess(&self, key: &Key) -> Option<Guess> {
        if let Some(glance) = self.tables.of(key).get(key) {
            return Some(Guess::Same(glance.clone()));
        }
        if self.wrong.load(Relaxed) >= TOO_WRONG {
            if self.passed.fetch_add(1, Relaxed) + 1 < TRY_AGAIN {
                return None;
            }
            self.passed.store(0, Relaxed);
        }
        Some(Guess::Absent)
    }

    /// What became of a guess.
    pub(super) fn judge(&self, key: &Key, guess: &Guess, right: bool) {
        match (guess, right) {
            // Two who judge at once may count as one: it is a guess what to guess.
            (Guess::Absent, true) if self.wrong.load(Relaxed) == 0 => {}
            (Guess::Absent, true) => self.wrong.store(self.wrong.load(Relaxed).saturating_sub(1), Relaxed),
            (Guess::Absent, false) => {
                self.wrong.store((self.wrong.load(Relaxed) + 1).min(TOO_WRONG), Relaxed)
            }
            (Guess::Same(_), true) => {}
            (Guess::Same(_), false) => self.tables.of(key).remove(key),
        }
    }

    /// Takes note of a state that was just written.
    pub(super) fn keep(&self, key: &Key, version: &Version, meta: &Meta) {
        let glance = Glance { version: version.clone(), rev: meta.rev, last_write: meta.last_write };
        self.tables.of(key).insert(key, glance);
    }

    pub(super) fn forget(&self, key: &Key) {
        self.tables.of(key).remove(key);
    }

    fn len(&self) -> usize {
        self.tables.sum(|table| table.younger.len() + table.older.len())
    }
}

impl Table {
    fn get(&self, key: &Key) -> Option<&Glance> {
        self.younger.get(key).or_else(|| self.older.get(key))
    }

    fn insert(&mut self, key: &Key, glance: Glance) {
        if let Some(known) = self.younger.get_mut(key) {
            *known = glance;
            return;
        }
        if self.younger.len() >= GENERATION {
            // With the room that it has.
            std::mem::swap(&mut self.older, &mut self.younger);
            self.younger.clear();
        }
        self.older.remove(key);
        self.younger.insert(key.clone(), glance);
    }

    fn remove(&mut self, key: &Key) {
        self.younger.remove(key);
        self.older.remove(key);
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({})", self.len())
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

    /// Keeps the keys of these numbers in one table.
    fn keep(table: &mut Table, numbers: std::ops::Range<usize>) {
        for n in numbers {
            let (version, last_write) = (Version::from(n as u64), Timestamp::from_millis(5));
            table.insert(&Key::from(n as u64), Glance { version, rev: 1, last_write });
            assert!(table.younger.len() + table.older.len() <= 2 * GENERATION);
        }
    }

    fn knows(table: &Table, number: usize) -> bool {
        table.get(&Key::from(number as u64)).is_some()
    }

    #[test]
    fn those_written_last_are_always_known() {
        let (mut table, many) = (Table::default(), 6 * GENERATION + 7);
        for end in 1..=many {
            keep(&mut table, end - 1..end);
            assert!(knows(&table, end.saturating_sub(GENERATION)), "the one {GENERATION} writes ago");
        }
        assert!(!knows(&table, 0));
    }

    #[test]
    fn no_more_keys_are_known_than_the_limit_and_nearly_as_many() {
        let seen = Seen::default();
        let meta = Meta::new(Key::null(), Kind::Document, Timestamp::from_millis(5));
        for n in 0..3 * limits::SEEN_KEYS as u64 {
            seen.keep(&Key::from(n), &Version::from(n), &meta);
        }
        assert!((limits::SEEN_KEYS / 2..=limits::SEEN_KEYS).contains(&seen.len()), "{}", seen.len());
    }

    #[test]
    fn a_key_that_is_written_again_and_again_stays_known_among_many_others() {
        let mut table = Table::default();
        keep(&mut table, 0..1);
        for round in 1..10 {
            keep(&mut table, round * GENERATION..(round + 1) * GENERATION - 1);
            assert!(knows(&table, 0), "round {round}");
            keep(&mut table, 0..1);
        }
    }

    #[test]
    fn what_is_forgotten_is_not_known_from_an_older_generation() {
        let mut table = Table::default();
        keep(&mut table, 0..GENERATION);
        // Now they all stand in the older generation; the first is written again.
        keep(&mut table, GENERATION..GENERATION + 1);
        keep(&mut table, 0..1);
        for n in [0, 1] {
            assert!(knows(&table, n));
            table.remove(&Key::from(n as u64));
            assert!(!knows(&table, n));
        }
        assert!(knows(&table, 2));
    }
}
