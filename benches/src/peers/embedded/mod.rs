//! Embedded stores behind one set of calls: larder over its pack, its peers, and the least that any of
//! them could do. Every store is set as its authors would set it for this work, and a write that was
//! answered is on the medium: what each does for that stands in its module.

use std::ops::Range;
use std::path::Path;

use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

pub mod bare_log;
pub mod fjall;
pub mod larder;
pub mod lmdb;
pub mod redb;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;
pub mod sled;

/// So many bytes of cache for every store that has one of its own.
pub const CACHE: usize = 256 << 20;

/// How many records there are at first, and how large they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// So many records.
    pub records: u64,
    /// So many bytes in each value.
    pub len: usize,
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To be filled: durable when [`Store::load`] returns, not before.
    Loading,
    /// Every write is durable when it is answered.
    Serving,
}

/// A store of bytes under keys of 24 bytes. The calls of stores that block are futures that are done
/// when they are first polled; the driver gives each of their writers a thread.
pub trait Store: Sized + Send + Sync + 'static {
    /// Its name in the tables.
    const NAME: &'static str;
    /// Whether a task can wait for it without holding a thread.
    const TASKS: bool;

    /// What is on the medium when it has answered a write.
    const TERMS: &'static str = "content synced";

    /// Opens or makes the store in this directory, which is there.
    fn open(dir: &Path, shape: Shape, used: Use) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Writes these records in the way that is fastest; they are durable when it returns.
    fn load(
        &self,
        records: &Records,
        numbers: Range<u64>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Reads a value and looks at it ([`look`]); `None` if there is none.
    fn get(&self, key: RawKey) -> impl Future<Output = Result<Option<u64>, Failure>> + Send;

    /// Writes one record; it is durable when it returns.
    fn put(&self, key: RawKey, value: Value) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Writes several records at a time, in one transaction where the store has those; all are durable
    /// when it returns.
    fn put_together(&self, writes: Vec<(RawKey, Value)>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Lists all keys, looking at each; says how many.
    fn keys(&self) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// What [`look`] finds in this value.
    fn expected(&self, value: &Value) -> u64 {
        look(&value.bytes)
    }

    /// Waits until the store has nothing to do of its own accord.
    fn settle(&self) {}

    /// Finishes and lets go of the directory.
    fn close(self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// Looks at one byte in each line of the processor's cache, so that every store has to bring the
/// value, and none is charged for more.
#[inline]
pub fn look(bytes: &[u8]) -> u64 {
    const LINE: usize = 64;
    let sum: u64 = bytes.iter().step_by(LINE).map(|byte| u64::from(*byte)).sum();
    sum << 32 | bytes.len() as u64
}

/// So many records in one transaction of a bulk load.
pub fn transaction(len: usize) -> u64 {
    const MOST_RECORDS: usize = 100_000;
    const MOST_BYTES: usize = 128 << 20;
    MOST_RECORDS.min(MOST_BYTES / len) as u64
}

/// The range in pieces of so many.
pub fn pieces(range: Range<u64>, size: u64) -> impl Iterator<Item = Range<u64>> {
    range.clone().step_by(size as usize).map(move |from| from..(from + size).min(range.end))
}
