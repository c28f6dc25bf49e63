//! LMDB through heed: every write is a transaction, with LMDB's default flags: `fdatasync` of the pages
//! and a synced write of the meta page at each commit.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use heed::types::Bytes;
use heed::{Database, Env, EnvOpenOptions};

use super::{Shape, Store, Use, look, pieces, transaction};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

/// A map is address space, not memory.
const MAP: usize = 64 << 30;

/// A store of LMDB.
#[derive(Debug)]
pub struct Lmdb {
    env: Env,
    table: Database<Bytes, Bytes>,
}

impl Lmdb {
    fn write(&self, writes: impl Iterator<Item = (RawKey, Value)>) -> Result<(), Failure> {
        let mut transaction = self.env.write_txn()?;
        for (key, value) in writes {
            self.table.put(&mut transaction, key.bytes(), &value.bytes)?;
        }
        Ok(transaction.commit()?)
    }
}

impl Store for Lmdb {
    const NAME: &'static str = "LMDB (heed)";
    const TASKS: bool = false;

    async fn open(dir: &Path, _shape: Shape, _used: Use) -> Result<Lmdb, Failure> {
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP);
        #[expect(unsafe_code, reason = "LMDB maps its file; nobody else touches the files of a benchmark")]
        let env = unsafe { options.open(dir) }?;
        let mut transaction = env.write_txn()?;
        let table = env.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Lmdb { env, table })
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        pieces(numbers, transaction(records.value_len()))
            .try_for_each(|piece| self.write(piece.map(|number| records.record(number))))
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        let transaction = self.env.read_txn()?;
        Ok(self.table.get(&transaction, key.bytes())?.map(look))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        self.write([(key, value)].into_iter())
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        self.write(writes.into_iter())
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let transaction = self.env.read_txn()?;
        let mut count = 0;
        for entry in self.table.iter(&transaction)? {
            black_box(entry?.0);
            count += 1;
        }
        Ok(count)
    }

    async fn close(self) -> Result<(), Failure> {
        self.env.prepare_for_closing().wait();
        Ok(())
    }
}
