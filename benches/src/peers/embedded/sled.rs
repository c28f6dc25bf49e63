//! sled 0.34: an insertion and a flush, which waits for a sync that covers it; sled's own timer is off.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use ::sled::{Batch, Config, Db, Mode};

use super::{CACHE, Shape, Store, Use, look};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

/// A store of sled.
#[derive(Debug)]
pub struct Sled(Db);

impl Store for Sled {
    const NAME: &'static str = "sled";
    const TASKS: bool = false;

    async fn open(dir: &Path, _shape: Shape, _used: Use) -> Result<Sled, Failure> {
        let config = Config::new().path(dir.join("sled")).cache_capacity(CACHE as u64);
        Ok(Sled(config.mode(Mode::HighThroughput).flush_every_ms(None).open()?))
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        for (key, value) in numbers.map(|number| records.record(number)) {
            self.0.insert(key.bytes(), value.bytes.as_ref())?;
        }
        self.0.flush()?;
        Ok(())
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        Ok(self.0.get(key.bytes())?.map(|value| look(&value)))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        self.0.insert(key.bytes(), value.bytes.as_ref())?;
        self.0.flush()?;
        Ok(())
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let mut batch = Batch::default();
        for (key, value) in writes {
            batch.insert(key.bytes(), value.bytes.as_ref());
        }
        self.0.apply_batch(batch)?;
        self.0.flush()?;
        Ok(())
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let mut count = 0;
        for key in self.0.iter().keys() {
            black_box(key?);
            count += 1;
        }
        Ok(count)
    }
}
