//! redb: every write is a transaction that is committed with one `fdatasync`, redb's default. With quick
//! repair commits would be slower, and reopening after a kill faster.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use ::redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{CACHE, Shape, Store, Use, look, pieces, transaction};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// A store of redb.
#[derive(Debug)]
pub struct Redb(Database);

impl Redb {
    fn write<'a>(&self, writes: impl Iterator<Item = &'a (RawKey, Value)>) -> Result<(), Failure> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in writes {
                table.insert(key.bytes().as_slice(), value.bytes.as_ref())?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Store for Redb {
    const NAME: &'static str = "redb";
    const TASKS: bool = false;

    async fn open(dir: &Path, _shape: Shape, _used: Use) -> Result<Redb, Failure> {
        let file = dir.join("redb");
        let is_new = !file.exists();
        let store = Redb(Database::builder().set_cache_size(CACHE).create(file)?);
        if is_new {
            store.write(std::iter::empty())?;
        }
        Ok(store)
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        for piece in pieces(numbers, transaction(records.value_len())) {
            let transaction = self.0.begin_write()?;
            {
                let mut table = transaction.open_table(TABLE)?;
                for (key, value) in piece.map(|number| records.record(number)) {
                    table.insert(key.bytes().as_slice(), value.bytes.as_ref())?;
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key.bytes().as_slice())?.map(|value| look(value.value())))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        self.write([(key, value)].iter())
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        self.write(writes.iter())
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let mut count = 0;
        for entry in table.iter()? {
            black_box(entry?.0.value());
            count += 1;
        }
        Ok(count)
    }
}
