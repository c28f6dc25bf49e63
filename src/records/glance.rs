//! What was last seen here of many keys, in a few bytes each: where every call is a trip over a network, a
//! blind write that guesses right need not look first what it replaces. It is a guess, which the conditional
//! write confirms or refutes; nobody is ever answered from it alone.

use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::generations::{Generations, Limits};
use super::odds::Odds;
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
    /// By the hash of the key, which makes them small. Where two keys have the same, the later is known, and what is
    /// guessed of the other is refuted.
    tables: Shards<Generations<u64, Glance>>,
    hasher: RandomState,
    /// Of the guesses that an unknown key is absent.
    absent: Odds,
}

const GENERATION: Limits = Limits { entries: limits::SEEN_KEYS / SHARDS / 2, weight: 0 };

/// Their number is all that counts.
fn nothing(_: &Glance) -> usize {
    0
}

impl Seen {
    /// What to assume of this key: `None` if it is better to look.
    pub(super) fn guess(&self, key: &Key) -> Option<Guess> {
        if let Some(glance) = self.tables.of(key).get(&self.hash(key)) {
            return Some(Guess::Same(glance.clone()));
        }
        self.absent.are_good().then_some(Guess::Absent)
    }

    /// What became of a guess.
    pub(super) fn judge(&self, key: &Key, guess: &Guess, right: bool) {
        match guess {
            Guess::Absent => self.absent.judge(right),
            Guess::Same(_) if right => {}
            Guess::Same(_) => self.forget(key),
        }
    }

    /// Takes note of a state that was just written.
    pub(super) fn keep(&self, key: &Key, version: &Version, meta: &Meta) {
        let glance = Glance { version: version.clone(), rev: meta.rev, last_write: meta.last_write };
        let hash = self.hash(key);
        self.tables.of(key).insert(hash, glance, &GENERATION, nothing);
    }

    pub(super) fn forget(&self, key: &Key) {
        self.tables.of(key).remove(&self.hash(key), nothing);
    }

    fn hash(&self, key: &Key) -> u64 {
        self.hasher.hash_one(key)
    }

    fn len(&self) -> usize {
        self.tables.sum(Generations::len)
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
        let guess = || is_absent(seen.guess(&key));
        while guess() {
            seen.judge(&key, &Guess::Absent, false);
        }
        assert!((0..1000).any(|_| guess()), "now and then it is tried again");
        assert!(!(0..1000).all(|_| guess()));
        seen.judge(&key, &Guess::Absent, true);
        assert!((0..1000).all(|_| guess()));
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
    fn no_more_keys_are_known_than_the_limit_and_nearly_as_many() {
        let seen = Seen::default();
        let meta = Meta::new(Key::null(), Kind::Document, Timestamp::from_millis(5));
        for n in 0..3 * limits::SEEN_KEYS as u64 {
            seen.keep(&Key::from(n), &Version::from(n), &meta);
        }
        assert!((limits::SEEN_KEYS / 2..=limits::SEEN_KEYS).contains(&seen.len()), "{}", seen.len());
    }
}
