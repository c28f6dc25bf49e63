//! Several entries, all or nothing.

use std::collections::HashSet;

use bytes::Bytes;

use super::append_log::LogId;
use super::{Records, broken_promise, check_key};
use crate::backend::{Backend, Batch, Expect, Write};
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::hooks::Operation;
use crate::key::Key;
use crate::meta::{Kind, MetaUpdate};
use crate::path::Path;
use crate::record::Record;

impl<B: Backend> Records<B> {
    /// Sets whole entries; `bytes` are those of a value.
    pub(super) async fn set_together<V: Send + Sync>(
        &self,
        kind: Kind,
        entries: Vec<(Key, V, MetaUpdate)>,
        bytes: impl Fn(&V) -> &Bytes + Send + Sync,
        tell: impl Fn(V) -> (Operation, Option<Document>) + Send,
    ) -> Result<()> {
        self.check_batch(entries.iter().map(|(key, ..)| key))?;
        let mut writes = Vec::with_capacity(entries.len());
        let mut logs = Vec::new();
        let mut revs = Vec::with_capacity(entries.len());
        for (key, value, update) in &entries {
            let before = self.replaced(key).await?;
            logs.extend(self.log_of(before.as_ref()).await?);
            let meta = self.fresh_meta(key, kind, before.as_ref(), update);
            revs.push(meta.rev);
            let record = Record::new(&meta, bytes(value).clone()).map_err(|error| error.at_key(key))?;
            writes.push(Write { key: key.clone(), record: Some(record), expect: Expect::Any });
        }
        self.write_batch(writes, &logs).await?;
        for ((key, value, _), rev) in entries.into_iter().zip(revs) {
            let (operation, value) = tell(value);
            self.tell(operation, || Path::new(key), value, Some(rev));
        }
        Ok(())
    }

    pub(super) async fn dissoc_together(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.check_batch(keys.iter())?;
        let mut logs = Vec::new();
        let mut writes = Vec::with_capacity(keys.len());
        for key in keys {
            let before = self.replaced(key).await?;
            logs.extend(self.log_of(before.as_ref()).await?);
            writes.push(Write { key: key.clone(), record: None, expect: Expect::Any });
        }
        let existed = self.write_batch(writes, &logs).await?;
        for (key, _) in keys.iter().zip(&existed).filter(|(_, existed)| **existed) {
            self.tell(Operation::Dissoc, || Path::new(key), None, None);
        }
        Ok(existed)
    }

    /// Refuses a batch that cannot be atomic, before anything is read or written.
    fn check_batch<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Result<()> {
        if !self.0.backend.capabilities().batches {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "several entries cannot be written atomically here; Together::OneByOne writes them one after the other",
            ));
        }
        let mut seen = HashSet::new();
        for key in keys {
            check_key(key).map_err(|error| error.at_key(key))?;
            if !seen.insert(key) {
                return Err(Error::new(ErrorKind::Invalid, "the key stands twice in one batch").at_key(key));
            }
        }
        Ok(())
    }

    async fn write_batch(&self, writes: Vec<Write>, logs: &[LogId]) -> Result<Vec<bool>> {
        for write in &writes {
            self.0.remembered.forget(&write.key);
            self.seen(&write.key, None);
        }
        let existed = match self.0.backend.write_batch(writes).await? {
            Batch::Done(existed) => existed,
            Batch::Unmet => return Err(broken_promise("refused an unconditional batch")),
        };
        for log in logs {
            self.discard_log(log).await;
        }
        Ok(existed)
    }
}
