//! fjall: a write is persisted with `fdatasync` of the journal. Values of 4 KiB and more are kept apart
//! from the keys, as its documentation says for large values. Nothing is compressed: nothing would shrink.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use super::{CACHE, Shape, Store, Use, look};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

const LARGE: usize = 4096;

/// A store of fjall.
pub struct Fjall {
    database: Database,
    records: Keyspace,
}

impl Store for Fjall {
    const NAME: &'static str = "fjall";
    const TASKS: bool = false;

    async fn open(dir: &Path, shape: Shape, _used: Use) -> Result<Fjall, Failure> {
        let database = Database::builder(dir.join("fjall")).cache_size(CACHE as u64).open()?;
        let separate = (shape.len >= LARGE).then(KvSeparationOptions::default);
        let options = || KeyspaceCreateOptions::default().with_kv_separation(separate);
        let records = database.keyspace("records", options)?;
        Ok(Fjall { database, records })
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        for (key, value) in numbers.map(|number| records.record(number)) {
            self.records.insert(key.bytes(), value.bytes.as_ref())?;
        }
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        Ok(self.records.get(key.bytes())?.map(|value| look(&value)))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        self.records.insert(key.bytes(), value.bytes.as_ref())?;
        Ok(self.database.persist(PersistMode::SyncData)?)
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in writes {
            batch.insert(&self.records, key.bytes(), value.bytes.as_ref());
        }
        Ok(batch.commit()?)
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let mut count = 0;
        for entry in self.records.iter() {
            black_box(entry.key()?);
            count += 1;
        }
        Ok(count)
    }

    fn settle(&self) {
        const AT_MOST: Duration = Duration::from_secs(60);
        const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
        let start = Instant::now();
        let is_busy = || self.database.outstanding_flushes() > 0 || self.database.active_compactions() > 0;
        while is_busy() && start.elapsed() < AT_MOST {
            sleep(BETWEEN_LOOKS);
        }
    }
}

impl std::fmt::Debug for Fjall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fjall")
    }
}
