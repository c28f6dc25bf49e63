//! A table in parts, each under a mutex of its own, so that different keys seldom meet at one. Which part a
//! key belongs to is the same in every run.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

use crate::key::Key;

/// How many parts there are.
pub(super) const SHARDS: usize = 16;

/// Another seed than those of the tables, which draw theirs.
const SEED: u64 = 0x6c61_7264_6572_2121;

/// The parts.
#[derive(Default)]
pub(super) struct Shards<T>([Mutex<T>; SHARDS]);

impl<T> Shards<T> {
    /// The part that this key belongs to.
    pub(super) fn of(&self, key: &Key) -> MutexGuard<'_, T> {
        let hash = FixedState::with_seed(SEED).hash_one(key);
        // The low bits choose the bucket within the table.
        lock(&self.0[(hash >> 32) as usize % SHARDS])
    }

    /// What each of them counts, together.
    pub(super) fn sum(&self, count: impl Fn(&T) -> usize) -> usize {
        self.0.iter().map(|shard| count(&lock(shard))).sum()
    }
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Shards<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shards({SHARDS})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_over_all_parts_evenly_and_always_alike() {
        let (once, again) = (Shards::<Vec<u64>>::default(), Shards::<Vec<u64>>::default());
        for n in 0..16_000u64 {
            let key = Key::from(format!("user/{n}"));
            once.of(&key).push(n);
            again.of(&key).push(n);
        }
        for (once, again) in once.0.iter().zip(&again.0) {
            assert_eq!(*lock(once), *lock(again));
            assert!((800..1200).contains(&lock(once).len()), "{}", lock(once).len());
        }
        assert_eq!(once.sum(Vec::len), 16_000);
    }
}
