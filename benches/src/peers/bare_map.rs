//! The bare map that the memory backend is built on: as many shards, the same locks, the same hashers,
//! `Bytes` as values; no meta, no versions, no checks, no futures.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use foldhash::fast::{FixedState, RandomState};

const SHARDS: usize = 64;
const CHOICE: FixedState = FixedState::with_seed(0);

#[repr(align(128))]
struct Shard<K>(RwLock<HashMap<K, Bytes, RandomState>>);

/// A sharded hash map of bytes.
pub struct BareMap<K>(Box<[Shard<K>]>);

impl<K: Hash + Eq> BareMap<K> {
    /// An empty map.
    pub fn new() -> BareMap<K> {
        let hasher = RandomState::default();
        BareMap((0..SHARDS).map(|_| Shard(RwLock::new(HashMap::with_hasher(hasher.clone())))).collect())
    }

    /// What stands under the key.
    #[inline]
    pub fn get<Q: Hash + Eq + AsRef<[u8]> + ?Sized>(&self, key: &Q) -> Option<Bytes>
    where
        K: Borrow<Q>,
    {
        self.shard(key).0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Puts a value under the key.
    #[inline]
    pub fn insert(&self, key: K, value: Bytes)
    where
        K: AsRef<[u8]>,
    {
        let mut map = self.shard(&key).0.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = map.insert(key, value);
        drop(map);
        drop(replaced);
    }

    #[inline]
    fn shard(&self, key: &(impl AsRef<[u8]> + ?Sized)) -> &Shard<K> {
        &self.0[(CHOICE.hash_one(key.as_ref()) >> (u64::BITS - SHARDS.ilog2())) as usize]
    }
}

impl<K: Hash + Eq> Default for BareMap<K> {
    fn default() -> BareMap<K> {
        BareMap::new()
    }
}

impl<K> fmt::Debug for BareMap<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BareMap")
    }
}
