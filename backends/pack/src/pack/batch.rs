//! Several writes as one job: they are judged and appended together, or none of them is.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use larder::{Batch, Bytes, Data, ErrorKind, Expect, Head, Key, Reply, Result, Write};

use super::Pack;
use crate::blob::{self, LARGE};
use crate::change::{Body, Entry, Job};
use crate::failure;
use crate::shared::Shared;

/// Performs all of these or none.
pub(super) fn write(pack: &Pack, writes: Vec<Write>) -> Reply<Batch> {
    let checked = check(pack, &writes).and_then(|()| pack.writing());
    let writing = match checked {
        Ok(writing) => writing,
        Err(error) => return Reply::ready(Err(error)),
    };
    let prepared: Vec<Prepared> = writes.into_iter().map(Prepared::from).collect();
    let (answer, reply) = Reply::channel();
    if prepared.iter().all(|one| one.data().is_none_or(|data| data.len() < LARGE)) {
        let changes = prepared.into_iter().map(Prepared::inline).collect();
        writing.submit(Job::Batch(changes, answer));
        return reply;
    }
    let (shared, drain) = (Arc::clone(&pack.0.shared), Arc::clone(&writing.drain));
    drop(writing.writers.run(move || {
        match prepared.into_iter().map(|one| one.store(&shared)).collect::<Result<Vec<_>>>() {
            Ok(changes) => {
                if let Err(job) = drain.send(Job::Batch(changes, answer)) {
                    job.fail(failure::closed());
                }
            }
            Err(error) => answer.answer(Err(error.in_backend(failure::NAME))),
        }
        Ok(())
    }));
    reply
}

/// Refuses what cannot be a batch, before anything is written.
fn check(pack: &Pack, writes: &[Write]) -> Result<()> {
    pack.0.shared.check_writable()?;
    pack.writing()?;
    let mut keys = HashSet::with_capacity_and_hasher(writes.len(), RandomState::default());
    for Write { key, record, .. } in writes {
        if let Some(record) = record {
            pack.check(key, record)?;
            if matches!(record.data(), Data::Stream(_)) {
                return Err(failure::error(ErrorKind::Invalid, "a batch takes no streams").at_key(key));
            }
        }
        if !keys.insert(key) {
            return Err(failure::error(ErrorKind::Invalid, "a batch names each key once").at_key(key));
        }
    }
    Ok(())
}

/// A write of a batch whose data is at hand.
struct Prepared {
    key: Key,
    expect: Expect,
    record: Option<(Head, Bytes)>,
}

impl From<Write> for Prepared {
    fn from(write: Write) -> Prepared {
        let record = write.record.map(|record| match record.into_parts() {
            (head, Data::Bytes(data)) => (head, data),
            // Streams are refused before.
            (head, Data::None | Data::Stream(_)) => (head, Bytes::new()),
        });
        Prepared { key: write.key, expect: write.expect, record }
    }
}

impl Prepared {
    fn data(&self) -> Option<&Bytes> {
        self.record.as_ref().map(|(_, data)| data)
    }

    fn inline(self) -> (Key, Expect, Option<Entry>) {
        let entry = self.record.map(|(head, data)| Entry::new(head, Body::Bytes(data)));
        (self.key, self.expect, entry)
    }

    /// Writes what is large into a blob.
    fn store(self, shared: &Arc<Shared>) -> Result<(Key, Expect, Option<Entry>)> {
        match self.record {
            Some((head, data)) if data.len() >= LARGE => {
                let body = Body::Blob(blob::whole(shared, &data)?);
                Ok((self.key, self.expect, Some(Entry::new(head, body))))
            }
            record => Ok(Prepared { record, ..self }.inline()),
        }
    }
}
