//! The memory backend of larder: a sharded hash map. It answers at once, on the calling thread.
//!
//! Use it in tests, as a cache, or where the data may end with the process. Values are
//! [`bytes::Bytes`], so a read clones a reference, whatever the size. Nothing here is on a medium:
//! `sync` has nothing to do, and what is read need not be compared with its checksum.
//!
//! A binary that comes as a stream is collected before it is stored: it needs its size in memory,
//! as everything here does. [`Capabilities::streams`] says so.
//!
//! ```
//! use larder::{Backend, Bytes, Expect, Key, Kind, Meta, Part, Record, Timestamp};
//! use larder_memory::Memory;
//!
//! let memory = Memory::new();
//! let key = Key::from("ada");
//! let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(0));
//! memory.write(&key, Record::new(&meta, Bytes::from("some bytes"))?, Expect::Absent).wait()?;
//! assert_eq!(memory.read(&key, Part::Head).wait()?.unwrap().head.size(), Some(10));
//! # Ok::<(), larder::Error>(())
//! ```

#![forbid(unsafe_code)]

mod listing;
mod shards;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use larder::{
    Backend, Batch, ByteStream, Capabilities, Data, DataSum, Error, ErrorKind, Expect, Head, Key, Keys,
    Larder, Part, Record, Removed, Reply, Result, Scheme, Stored, Write, Written,
};

use crate::shards::{Shards, Value};

/// A store in memory. Clones share it; it ends with the last of them, or with `close`.
///
/// `S` hashes the keys within a shard. The default, foldhash, is the fastest and is seeded anew in
/// every process, which keeps accidents away but is no proof against an attacker who chooses keys
/// so that they collide. If keys come from people you do not trust, pay the few nanoseconds for
/// the standard library's hasher:
///
/// ```
/// let memory = larder_memory::Memory::with_hasher(std::hash::RandomState::new());
/// ```
pub struct Memory<S = foldhash::fast::RandomState> {
    shards: Arc<Shards<S>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::with_hasher(foldhash::fast::RandomState::default())
    }
}

impl<S: BuildHasher + Clone + Send + Sync + 'static> Memory<S> {
    /// An empty store that hashes keys this way.
    pub fn with_hasher(hasher: S) -> Memory<S> {
        Memory { shards: Arc::new(Shards::new(&hasher)) }
    }
}

impl<S: BuildHasher + Send + Sync + 'static> Backend for Memory<S> {
    #[inline]
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        Reply::ready(self.shards.read(key, |entry| {
            entry.value.fetch();
            let data = match part {
                Part::All => Data::Bytes(entry.value.data.clone()),
                Part::Head => Data::None,
                Part::Range(range) => {
                    // Both ends lie within the data, whose length is a usize.
                    let (start, end) = range.within(entry.value.data.len() as u64);
                    Data::Bytes(entry.value.data.slice(start as usize..end as usize))
                }
            };
            Stored { head: entry.value.head.clone(), data, version: entry.version.into(), verified: true }
        }))
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        match in_memory(record) {
            Ok(value) => Reply::ready(self.shards.write(key, value, &expect)),
            Err((head, stream)) => {
                let (shards, key) = (Arc::clone(&self.shards), key.clone());
                Reply::future(async move {
                    shards.check_open()?;
                    let value = collect(head, stream).await?;
                    shards.write(&key, value, &expect)
                })
            }
        }
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        Reply::ready(self.shards.remove(key, &expect))
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        listing::keys(Arc::clone(&self.shards), prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        let changes = writes.into_iter().map(|Write { key, record, expect }| {
            let value = match record.map(in_memory).transpose() {
                Ok(value) => value,
                Err(_) => return Err(Error::new(ErrorKind::Invalid, "a batch takes no streams").at_key(&key)),
            };
            Ok((key, value, expect))
        });
        Reply::ready(changes.collect::<Result<Vec<_>>>().and_then(|changes| self.shards.batch(changes)))
    }

    fn sync(&self) -> Reply<()> {
        Reply::ready(self.shards.check_open())
    }

    fn close(&self) -> Reply<()> {
        self.shards.close();
        Reply::ready(Ok(()))
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("memory");
        capabilities.batches = true;
        capabilities
    }
}

/// What is to be stored, or the stream that it must be collected from.
fn in_memory(record: Record) -> Result<Value, (Head, ByteStream)> {
    match record.into_parts() {
        (head, Data::Bytes(data)) => Ok(Value { head, data }),
        (head, Data::None) => Ok(Value { head: head.seal(&DataSum::new()), data: Bytes::new() }),
        (head, Data::Stream(stream)) => Err((head, stream)),
    }
}

/// The scheme `memory:`, for a [`Registry`](larder::Registry). Every opening is a store of its own.
pub fn scheme() -> Scheme {
    Scheme::new("memory", "gone with the process; for tests, and to try things out", |address| async move {
        if !address.body().is_empty() {
            let message = "memory: stands alone: there is nothing to name";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        Ok(Larder::new(Memory::new()))
    })
}

/// Collects a stream, and seals the head over what came.
async fn collect(head: Head, mut stream: ByteStream) -> Result<Value> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        all.extend_from_slice(&chunk);
    }
    all.shrink_to_fit();
    Ok(Value { head: head.seal(&DataSum::of(&all)), data: all.into() })
}

impl<S> Clone for Memory<S> {
    fn clone(&self) -> Memory<S> {
        Memory { shards: Arc::clone(&self.shards) }
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

impl<S> fmt::Debug for Memory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} keys)", self.shards.len())
    }
}
