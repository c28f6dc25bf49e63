//! RocksDB: writes with `sync`, a Bloom filter of 10 bits a key, two background threads, no compression,
//! since nothing would shrink, and values of 4 KiB and more in blob files. A bulk load goes past the log
//! and ends with a flush.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::rocksdb::{BlockBasedOptions, Cache, DB, DBCompressionType, Options, WriteBatch, WriteOptions};

use super::{CACHE, Shape, Store, Use, look, pieces};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

const LARGE: usize = 4096;
const BATCH: u64 = 1000;

/// A store of RocksDB.
#[derive(Debug)]
pub struct Rocks(DB);

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

impl Store for Rocks {
    const NAME: &'static str = "RocksDB";
    const TASKS: bool = false;

    async fn open(dir: &Path, shape: Shape, _used: Use) -> Result<Rocks, Failure> {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(CACHE)?);
        blocks.set_bloom_filter(10.0, false);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&blocks);
        options.set_compression_type(DBCompressionType::None);
        options.increase_parallelism(2);
        options.set_enable_blob_files(shape.len >= LARGE);
        options.set_enable_blob_gc(true);
        Ok(Rocks(DB::open(&options, dir.join("rocksdb"))?))
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        for piece in pieces(numbers, BATCH.min(super::transaction(records.value_len()))) {
            let mut batch = WriteBatch::default();
            for (key, value) in piece.map(|number| records.record(number)) {
                batch.put(key.bytes(), &value.bytes);
            }
            self.0.write_opt(batch, &options)?;
        }
        Ok(self.0.flush()?)
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        Ok(self.0.get_pinned(key.bytes())?.map(|value| look(&value)))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        Ok(self.0.put_opt(key.bytes(), &value.bytes, &synced())?)
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let mut batch = WriteBatch::default();
        for (key, value) in writes {
            batch.put(key.bytes(), &value.bytes);
        }
        Ok(self.0.write_opt(batch, &synced())?)
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let mut cursor = self.0.raw_iterator();
        let mut count = 0;
        cursor.seek_to_first();
        while let Some(key) = cursor.key() {
            black_box(key);
            count += 1;
            cursor.next();
        }
        cursor.status()?;
        Ok(count)
    }

    fn settle(&self) {
        const AT_MOST: Duration = Duration::from_secs(60);
        const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
        const BUSY: [&str; 4] = [
            "rocksdb.num-running-compactions",
            "rocksdb.num-running-flushes",
            "rocksdb.compaction-pending",
            "rocksdb.mem-table-flush-pending",
        ];
        let start = Instant::now();
        let count = |name: &str| self.0.property_int_value(name).ok().flatten().unwrap_or(0);
        while BUSY.into_iter().any(|name| count(name) > 0) && start.elapsed() < AT_MOST {
            sleep(BETWEEN_LOOKS);
        }
    }
}
