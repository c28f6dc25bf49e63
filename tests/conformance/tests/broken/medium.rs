//! A durable backend in a few lines: its medium is a map of raw bytes that outlives every handle.
//! It gives the suite something to reopen, to share and to damage.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use larder::{
    Backend, Batch, Bytes, Capabilities, Data, DataSum, Durability, Error, ErrorKind, Expect, Head, Key,
    Keys, Origin, Part, Reach, Record, Removed, Reply, Result, Stored, Version, Write, Written, limits,
};
use larder_conformance::Tamper;

pub(crate) type Disk = Arc<Mutex<BTreeMap<Key, Vec<u8>>>>;

pub(crate) fn locked(disk: &Disk) -> MutexGuard<'_, BTreeMap<Key, Vec<u8>>> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle on the medium.
#[derive(Debug)]
pub(crate) struct Medium {
    disk: Disk,
    closed: Arc<AtomicBool>,
}

impl Medium {
    pub(crate) fn open(disk: &Disk) -> Medium {
        Medium { disk: Arc::clone(disk), closed: Arc::default() }
    }

    /// Works on the medium, one poll later.
    fn later<T: Send + 'static, F>(&self, work: impl FnOnce(Disk) -> F + Send + 'static) -> Reply<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (disk, closed) = (Arc::clone(&self.disk), Arc::clone(&self.closed));
        Reply::future(async move {
            super::pause().await;
            if closed.load(Ordering::SeqCst) { Err(Error::closed()) } else { work(disk).await }
        })
    }
}

impl Backend for Medium {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        let key = key.clone();
        self.later(move |disk| async move {
            let Some(bytes) = locked(&disk).get(&key).map(|bytes| Bytes::copy_from_slice(bytes)) else {
                return Ok(None);
            };
            let cut = || Error::new(ErrorKind::Corrupt, "the record is cut off within its head");
            let length = Head::length(&bytes)?.filter(|length| *length <= bytes.len()).ok_or_else(cut)?;
            let head = Head::parse(bytes.slice(..length), Origin::Larder)?;
            let data = bytes.slice(length..);
            let data = match part {
                Part::All => {
                    let starts = (0..data.len()).step_by(limits::CHUNK_BYTES);
                    let chunks: Vec<_> = starts
                        .map(|start| Ok(data.slice(start..data.len().min(start + limits::CHUNK_BYTES))))
                        .collect();
                    Data::Stream(futures::stream::iter(chunks).boxed())
                }
                Part::Head => Data::None,
                Part::Range(range) => {
                    let (start, end) = range.within(data.len() as u64);
                    Data::Bytes(data.slice(start as usize..end as usize))
                }
            };
            Ok(Some(Stored { version: Version::of(&head), head, data, verified: false }))
        })
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let key = key.clone();
        self.later(move |disk| async move {
            let (head, mut data) = match record.into_parts() {
                (head, Data::Stream(stream)) => (head, stream),
                (head, Data::Bytes(bytes)) => (head, futures::stream::iter([Ok(bytes)]).boxed()),
                (head, Data::None) => (head, futures::stream::empty().boxed()),
            };
            let mut all = Vec::new();
            while let Some(chunk) = data.try_next().await? {
                all.extend_from_slice(&chunk);
            }
            let head = head.seal(&DataSum::of(&all));
            let mut disk = locked(&disk);
            if !is_met(&expect, disk.get(&key)) {
                return Ok(Written::Unmet);
            }
            disk.insert(key, [head.as_bytes(), &all[..]].concat());
            Ok(Written::Done(Version::of(&head)))
        })
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        let key = key.clone();
        self.later(move |disk| async move {
            let mut disk = locked(&disk);
            if !is_met(&expect, disk.get(&key)) {
                return Ok(Removed::Unmet);
            }
            Ok(if disk.remove(&key).is_some() { Removed::Done } else { Removed::Absent })
        })
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        let prefix = prefix.map(str::to_owned);
        let passes = move |key: &Key| {
            let prefix = prefix.as_deref();
            prefix.is_none_or(|prefix| key.as_text().is_some_and(|text| text.starts_with(prefix)))
        };
        let state = (Arc::clone(&self.disk), Arc::clone(&self.closed), None::<Key>, false);
        futures::stream::unfold((state, passes), |((disk, closed, last, over), passes)| async move {
            use std::ops::Bound::{Excluded, Unbounded};
            if over {
                return None;
            }
            if closed.load(Ordering::SeqCst) {
                return Some((Err(Error::closed()), ((disk, closed, last, true), passes)));
            }
            let after = last.as_ref().map_or(Unbounded, Excluded);
            let next =
                locked(&disk).range((after, Unbounded)).map(|(key, _)| key).find(|key| passes(key)).cloned();
            next.map(|key| (Ok(key.clone()), ((disk, closed, Some(key), false), passes)))
        })
        .boxed()
        .into()
    }

    fn write_batch(&self, _: Vec<Write>) -> Reply<Batch> {
        Reply::ready(Err(Error::new(ErrorKind::Unsupported, "no batches")))
    }

    fn sync(&self) -> Reply<()> {
        self.later(|_| async { Ok(()) })
    }

    fn close(&self) -> Reply<()> {
        self.closed.store(true, Ordering::SeqCst);
        Reply::ready(Ok(()))
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("medium");
        capabilities.reach = Reach::Machine;
        capabilities.durability = Durability::Synced;
        capabilities.streams = true;
        capabilities
    }
}

/// A damaged record has no version that anyone could expect.
fn is_met(expect: &Expect, there: Option<&Vec<u8>>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => there.is_none(),
        Expect::Version(version) => there.is_some_and(|bytes| {
            let whole = Record::decode(Bytes::copy_from_slice(bytes), Origin::Larder);
            whole.is_ok_and(|(head, _)| Version::of(&head) == *version)
        }),
    }
}

/// Access to the raw bytes.
pub(crate) struct RawBytes<'a>(pub(crate) &'a Disk);

impl Tamper for RawBytes<'_> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        locked(self.0).get(key).cloned().unwrap_or_default()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        locked(self.0).insert(key.clone(), bytes.to_vec());
        true
    }
}
