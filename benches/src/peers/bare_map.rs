//! The bare map that the memory backend is built on: as many shards, the same locks, the same hashers,
//! `Bytes` as values; no meta, no versions, no checks, no futures.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use foldhash::fast::{FixedState, RandomState};

const SHARDS: usize = 64;
const CHOICE: FixedState = FixedState::with_seed(0);

#[repr(align(128))]
struct Shard(RwLock<HashMap<String, Bytes, RandomState>>);

/// A sharded hash map of bytes under text keys.
pub struct BareMap(Box<[Shard]>);

impl BareMap {
    /// An empty map.
    pub fn new() -> BareMap {
        let hasher = RandomState::default();
        BareMap((0..SHARDS).map(|_| Shard(RwLock::new(HashMap::with_hasher(hasher)))).collect())
    }

    /// What stands under the key.
    #[inline]
    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.shard(key).0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Puts a value under the key.
    #[inline]
    pub fn insert(&self, key: &str, value: Bytes) {
        let replaced =
            self.shard(key).0.write().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value);
        drop(replaced);
    }

    #[inline]
    fn shard(&self, key: &str) -> &Shard {
        &self.0[(CHOICE.hash_one(key.as_bytes()) >> (u64::BITS - SHARDS.ilog2())) as usize]
    }
}

impl Default for BareMap {
    fn default() -> BareMap {
        BareMap::new()
    }
}

impl fmt::Debug for BareMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BareMap")
    }
}
