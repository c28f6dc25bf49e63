//! The map: so many shards, each a hash map behind a lock of its own. All comparing and changing
//! happens here, under those locks; values that were replaced are freed after they are let go.

use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::BuildHasher;
use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use foldhash::fast::FixedState;
use larder::{Batch, Error, ErrorKind, Expect, Head, Key, Removed, Result, Version, Written};

/// How many shards there are. A listing holds the keys of one of them at a time.
const SHARDS: usize = 64;

const _: () = assert!(SHARDS.is_power_of_two());

/// Chooses the shard, and always the same one: so a listing has the same order in every run. Keys
/// chosen so that they all fall into one shard cost contention, never more than that.
const CHOICE: FixedState = FixedState::with_seed(0);

/// What a caller stores.
pub(crate) struct Value {
    pub(crate) head: Head,
    pub(crate) data: Bytes,
}

impl Value {
    /// Begins to load the head, so that it comes from memory while the count of the data does. The counts
    /// alone would be waited for one after the other: atomic increments are not reordered, loads are.
    #[inline]
    pub(crate) fn fetch(&self) {
        hint::black_box(self.head.kind());
    }
}

/// What is stored under a key.
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// Unique among all states of all keys of this store.
    pub(crate) version: u64,
}

type Map<S> = HashMap<Key, Entry, S>;

/// One shard, on cache lines of its own.
#[repr(align(128))]
struct Shard<S>(RwLock<Map<S>>);

pub(crate) struct Shards<S> {
    shards: Box<[Shard<S>]>,
    versions: AtomicU64,
    /// Set before the shards are emptied and read under their locks: whoever comes to a shard after
    /// it was emptied sees it.
    closed: AtomicBool,
}

impl<S: BuildHasher + Clone> Shards<S> {
    pub(crate) fn new(hasher: &S) -> Shards<S> {
        let shard = || Shard(RwLock::new(HashMap::with_hasher(hasher.clone())));
        Shards {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            versions: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }
}

impl<S> Shards<S> {
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(Error::closed().in_backend("memory")) } else { Ok(()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    #[inline]
    fn read_lock(&self, shard: usize) -> Result<RwLockReadGuard<'_, Map<S>>> {
        // A poisoned lock guards a map that is whole: nothing here panics between two changes.
        let map = self.shards[shard].0.read().unwrap_or_else(PoisonError::into_inner);
        self.check_open().map(|()| map)
    }

    fn write_lock(&self, shard: usize) -> Result<RwLockWriteGuard<'_, Map<S>>> {
        let map = self.shards[shard].0.write().unwrap_or_else(PoisonError::into_inner);
        self.check_open().map(|()| map)
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }
}

impl<S: BuildHasher> Shards<S> {
    #[inline]
    pub(crate) fn read<T>(&self, key: &Key, read: impl FnOnce(&Entry) -> T) -> Result<Option<T>> {
        Ok(self.read_lock(shard_of(key))?.get(key).map(read))
    }

    pub(crate) fn write(&self, key: &Key, value: Value, expect: &Expect) -> Result<Written> {
        let mut map = self.write_lock(shard_of(key))?;
        let version = self.next_version();
        let new = Entry { value, version };
        let replaced = match map.entry(key.clone()) {
            hash_map::Entry::Occupied(mut there) if is_met(expect, Some(there.get())) => {
                Some(there.insert(new))
            }
            hash_map::Entry::Vacant(place) if is_met(expect, None) => {
                place.insert(new);
                None
            }
            _ => return Ok(Written::Unmet),
        };
        drop(map);
        drop(replaced);
        Ok(Written::Done(version.into()))
    }

    pub(crate) fn remove(&self, key: &Key, expect: &Expect) -> Result<Removed> {
        let mut map = self.write_lock(shard_of(key))?;
        if !is_met(expect, map.get(key)) {
            return Ok(Removed::Unmet);
        }
        let removed = map.remove(key);
        drop(map);
        Ok(if removed.is_some() { Removed::Done } else { Removed::Absent })
    }

    /// Makes all of these changes (`None` removes) or none.
    pub(crate) fn batch(&self, changes: Vec<(Key, Option<Value>, Expect)>) -> Result<Batch> {
        let mut keys: Vec<&Key> = changes.iter().map(|(key, ..)| key).collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::new(ErrorKind::Invalid, "a batch names each key once").at_key(pair[0]));
        }
        // Locked in ascending order by everyone, so that nobody waits in a circle.
        let mut concerned: Vec<usize> = keys.into_iter().map(shard_of).collect();
        concerned.sort_unstable();
        concerned.dedup();
        let mut maps = concerned.iter().map(|shard| self.write_lock(*shard)).collect::<Result<Vec<_>>>()?;
        self.check_open()?;

        // Every key of `changes` has its shard in `concerned`: the search always finds it.
        let place = |key: &Key| concerned.binary_search(&shard_of(key)).unwrap_or_default();
        if !changes.iter().all(|(key, _, expect)| is_met(expect, maps[place(key)].get(key))) {
            return Ok(Batch::Unmet);
        }
        let replaced: Vec<Option<Entry>> = changes
            .into_iter()
            .map(|(key, value, _)| {
                let map = &mut maps[place(&key)];
                match value {
                    Some(value) => map.insert(key, Entry { value, version: self.next_version() }),
                    None => map.remove(&key),
                }
            })
            .collect();
        drop(maps);
        Ok(Batch::Done(replaced.iter().map(Option::is_some).collect()))
    }

    /// Frees everything. What began before is finished; what comes later is told so.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for shard in &self.shards {
            let mut map = shard.0.write().unwrap_or_else(PoisonError::into_inner);
            map.clear();
            map.shrink_to_fit();
        }
    }

    /// The keys of one shard that pass, sorted; `None` past the last shard.
    #[expect(clippy::disallowed_methods, reason = "sorted before anybody sees them")]
    pub(crate) fn sorted_keys(&self, shard: usize, pass: impl Fn(&Key) -> bool) -> Result<Option<Vec<Key>>> {
        if shard >= SHARDS {
            return Ok(None);
        }
        let mut keys: Vec<Key> =
            self.read_lock(shard)?.keys().filter(|key| pass(key)).map(Key::clone).collect();
        keys.sort_unstable();
        Ok(Some(keys))
    }
}

#[inline]
fn shard_of(key: &Key) -> usize {
    // The low bits choose within the shard's map if its hasher is foldhash too: take high ones.
    (CHOICE.hash_one(key) >> (u64::BITS - SHARDS.ilog2())) as usize
}

fn is_met(expect: &Expect, there: Option<&Entry>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => there.is_none(),
        Expect::Version(version) => there.is_some_and(|entry| Version::from(entry.version) == *version),
    }
}
