//! sled 0.34: an insertion and a flush, with sled's own timer off. On Linux sled's flush waits for
//! `sync_file_range`, which neither empties the disk's cache nor writes the metadata of the file: a power
//! cut may take what it answered. To promise what the others promise, sled's file is synced after it.

use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, Mode};

use super::{CACHE, Shape, Store, Use, look};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

/// A store of sled; its file is synced after each flush if `SYNCED`.
#[derive(Debug)]
pub struct Sled<const SYNCED: bool> {
    db: Db,
    /// Its file once more, which can be synced.
    file: File,
}

impl<const SYNCED: bool> Sled<SYNCED> {
    fn flush(&self) -> Result<(), Failure> {
        self.db.flush()?;
        if SYNCED {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl<const SYNCED: bool> Store for Sled<SYNCED> {
    const NAME: &'static str = if SYNCED { "sled" } else { "sled, flush only" };
    const TASKS: bool = false;
    const TERMS: &'static str = if SYNCED { "content synced" } else { "content written out, not synced" };

    async fn open(dir: &Path, _shape: Shape, _used: Use) -> Result<Sled<SYNCED>, Failure> {
        let dir = dir.join("sled");
        let config = Config::new().path(&dir).cache_capacity(CACHE as u64);
        let db = config.mode(Mode::HighThroughput).flush_every_ms(None).open()?;
        Ok(Sled { db, file: File::open(dir.join("db"))? })
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        for (key, value) in numbers.map(|number| records.record(number)) {
            self.db.insert(key.bytes(), value.bytes.as_ref())?;
        }
        self.flush()
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        Ok(self.db.get(key.bytes())?.map(|value| look(&value)))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        self.db.insert(key.bytes(), value.bytes.as_ref())?;
        self.flush()
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let mut batch = Batch::default();
        for (key, value) in writes {
            batch.insert(key.bytes(), value.bytes.as_ref());
        }
        self.db.apply_batch(batch)?;
        self.flush()
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let mut count = 0;
        for key in self.db.iter().keys() {
            black_box(key?);
            count += 1;
        }
        Ok(count)
    }

    /// sled's own threads let go of its file a while after the store was dropped.
    async fn close(self) -> Result<(), Failure> {
        const AT_MOST: Duration = Duration::from_secs(20);
        const BETWEEN_TRIES: Duration = Duration::from_millis(1);
        drop(self.db);
        let start = Instant::now();
        while self.file.try_lock().is_err() {
            if start.elapsed() > AT_MOST {
                return Err("sled does not let go of its file".into());
            }
            sleep(BETWEEN_TRIES);
        }
        Ok(self.file.unlock()?)
    }
}
