//! [`Index`]: from the hash of a key to where its last frame stands.
//!
//! 256 shards, chosen by the first 8 bits of a hash of 56, each a table behind a lock of its own; a key
//! takes 16 bytes of a table that is at most 9 tenths full. Keys are not kept, but for those that came or
//! went since the last checkpoint; hashes of different keys may be equal, so whoever asks gets every
//! location of a hash and compares the key in the frame. The index is derived data: it can always be made
//! again from the log.
//!
//! A checkpoint is a file with the slots and the keys of all shards. After opening, a shard's slots are
//! read when they are first needed. Listings read the keys there, and add what came since.

mod checkpoint;
mod failure;
mod file;
mod format;
mod listing;
mod location;
mod packed;
mod recent;
mod shard;
mod table;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use larder::Result;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::shard::Shard;

pub(crate) use self::checkpoint::Checkpoint;
pub(crate) use self::file::{numbers, remove_older, salts};
pub(crate) use self::format::name as file_name;
pub(crate) use self::listing::Cursor;
pub(crate) use self::location::{Found, Location};

/// How many shards there are.
pub(crate) const SHARDS: usize = 256;

/// The bits of a hash that are not the number of the shard.
const TAG_BITS: u32 = 48;

/// From hashes of keys to locations. Shared by readers; changed by one writer at a time.
#[derive(Debug)]
pub(crate) struct Index {
    salt: u64,
    /// As many as [`SHARDS`].
    shards: Vec<RwLock<Shard>>,
    /// How many keys there are.
    keys: AtomicU64,
    /// Held by whoever changes anything but what is loaded. Taken before the locks of shards.
    writing: Mutex<()>,
    #[cfg(test)]
    hasher: fn(&[u8], u64) -> u64,
}

/// A change of one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// The key's hash, as [`Index::hash`] tells it.
    pub(crate) hash: u64,
    /// The key's encoding.
    pub(crate) key: &'a [u8],
    /// Where its frame stands; `None` if the key is absent.
    pub(crate) old: Option<Location>,
    /// Where its frame will stand; `None` if the key will be absent.
    pub(crate) new: Option<Location>,
}

impl Index {
    /// An empty index for a store with this salt.
    pub(crate) fn new(salt: u64) -> Index {
        Index::of(salt, None)
    }

    fn with(salt: u64, shards: Vec<Shard>, keys: u64) -> Index {
        Index {
            salt,
            shards: shards.into_iter().map(RwLock::new).collect(),
            keys: AtomicU64::new(keys),
            writing: Mutex::new(()),
            #[cfg(test)]
            hasher: xxh3_64_with_seed,
        }
    }

    /// The hash of a key's encoding: the first 56 bits of its XXH3 with the salt as seed. The same on
    /// every machine and in every version, for it is at rest in checkpoints.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        #[cfg(test)]
        return (self.hasher)(key, self.salt) >> 8;
        #[cfg(not(test))]
        return xxh3_64_with_seed(key, self.salt) >> 8;
    }

    /// Every location with this hash. Does not wait for the medium.
    #[inline]
    pub(crate) fn find(&self, hash: u64) -> Found {
        read(&self.shards[shard_of(hash)]).find(hash)
    }

    /// Every location with this hash, read from the checkpoint if need be; never
    /// [`Found::NotLoaded`].
    ///
    /// # Errors
    /// `Corrupt` if that part of the checkpoint is damaged, and those of the disk.
    pub(crate) fn find_waiting(&self, hash: u64) -> Result<Found> {
        match self.find(hash) {
            Found::NotLoaded => {
                self.load(shard_of(hash))?;
                Ok(self.find(hash))
            }
            found => Ok(found),
        }
    }

    /// Makes these changes, in this order, all or none; nobody sees only some of them. Shards that are not
    /// loaded are loaded first.
    ///
    /// # Errors
    /// `Corrupt` if an old location is not there, or if a part of the checkpoint that is needed is
    /// damaged; those of the disk. Then nothing is changed.
    pub(crate) fn apply(&self, changes: &[Change<'_>]) -> Result<()> {
        let mut concerned: Vec<usize> = changes.iter().map(|change| shard_of(change.hash)).collect();
        concerned.sort_unstable();
        concerned.dedup();
        let _writing = lock(&self.writing);
        for shard in &concerned {
            self.load(*shard)?;
        }
        let mut place = [0; SHARDS];
        let mut shards = Vec::with_capacity(concerned.len());
        for shard in concerned {
            place[shard] = shards.len();
            shards.push(write(&self.shards[shard]));
        }
        let mut make = |change: &Change<'_>| shards[place[shard_of(change.hash)]].change(change);
        for (done, change) in changes.iter().enumerate() {
            if let Err(error) = make(change) {
                for change in changes[..done].iter().rev() {
                    // What was just made can be undone.
                    make(&Change { old: change.new, new: change.old, ..*change })?;
                }
                return Err(error);
            }
        }
        let came = changes.iter().filter(|change| change.old.is_none() && change.new.is_some()).count();
        let went = changes.iter().filter(|change| change.old.is_some() && change.new.is_none()).count();
        self.keys.fetch_add((came as u64).wrapping_sub(went as u64), Ordering::Relaxed);
        Ok(())
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    /// The bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        let shards = self.shards.iter().map(|shard| read(shard).memory());
        size_of::<Index>() + shards.sum::<usize>()
    }

    /// Reads the slots of a shard, unless they are there.
    pub(crate) fn load(&self, number: usize) -> Result<()> {
        let Some(checkpoint) = read(&self.shards[number]).not_loaded() else { return Ok(()) };
        // Nobody is kept waiting meanwhile. What is not loaded does not change, so this stays true.
        let table = checkpoint.load(number)?;
        if read(&self.shards[number]).table.is_none() {
            let mut shard = write(&self.shards[number]);
            if shard.table.is_none() {
                shard.table = Some(table);
            }
        }
        Ok(())
    }
}

/// The shard of a hash.
#[inline]
fn shard_of(hash: u64) -> usize {
    usize::from((hash >> TAG_BITS) as u8)
}

/// The rest of a hash.
#[inline]
fn tag_of(hash: u64) -> u64 {
    hash & ((1 << TAG_BITS) - 1)
}

// A lock is poisoned by a panic while it was held; nothing here panics halfway through a change.

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
