//! A backend that is broken in one way, around one that is not.

mod listings;
mod reads;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use larder::{
    Backend, Batch, Bytes, Capabilities, Data, Durability, Error, ErrorKind, Expect, Head, Key, Keys, Meta,
    Part, Record, Removed, Reply, Result, Stored, Version, Write, Written,
};

use crate::breakage::{Breakage, Breakage as B};
use crate::pause;

/// The broken backend.
#[derive(Clone, Debug)]
pub(crate) struct Broken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    breakage: Breakage,
    good: Box<dyn Backend>,
    closed: AtomicBool,
    writes: AtomicU64,
    removed: Mutex<BTreeSet<Key>>,
    heads: Mutex<BTreeMap<Key, Head>>,
    blocked: Mutex<BTreeSet<Key>>,
    listings: AtomicU64,
    /// The last records that were written and removed, to be undone at closing.
    last_written: Mutex<Option<Key>>,
    last_removed: Mutex<Option<(Key, Record)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Broken {
    pub(crate) fn new(breakage: Breakage, good: impl Backend) -> Broken {
        Broken(Arc::new(Inner {
            breakage,
            good: Box::new(good),
            closed: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            removed: Mutex::default(),
            heads: Mutex::default(),
            blocked: Mutex::default(),
            listings: AtomicU64::new(0),
            last_written: Mutex::default(),
            last_removed: Mutex::default(),
        }))
    }

    fn is(&self, breakage: Breakage) -> bool {
        self.0.breakage == breakage
    }

    fn good(&self) -> &dyn Backend {
        &*self.0.good
    }

    /// The key that the good backend is given.
    fn key(&self, key: &Key) -> Key {
        match key.as_text() {
            Some(text) if self.is(B::FoldsCase) => text.to_lowercase().into(),
            Some(text) if self.is(B::CutsLongKeys) => text.chars().take(200).collect::<String>().into(),
            _ => key.clone(),
        }
    }

    async fn version_now(&self, key: &Key) -> Result<Option<Version>> {
        Ok(self.good().read(key, Part::Head).await?.map(|stored| stored.version))
    }

    async fn holds(&self, key: &Key, expect: &Expect) -> Result<bool> {
        let now = self.version_now(key).await?;
        Ok(match expect {
            Expect::Any => true,
            Expect::Absent => now.is_none(),
            Expect::Version(version) => now.as_ref() == Some(version),
        })
    }

    async fn remove_broken(&self, key: Key, expect: Expect) -> Result<Removed> {
        let key = self.key(&key);
        match self.0.breakage {
            B::DroppedRemovalBlocksTheKey => {
                locked(&self.0.blocked).insert(key.clone());
                pause().await;
                locked(&self.0.blocked).remove(&key);
            }
            B::RemovalKeepsTheRecord => {
                return Ok(match (self.holds(&key, &expect).await?, self.version_now(&key).await?) {
                    (false, _) => Removed::Unmet,
                    (true, Some(_)) => Removed::Done,
                    (true, None) => Removed::Absent,
                });
            }
            B::VersionDoesNotChange => return self.good().remove(&key, Expect::Any).await,
            B::RemovalIsNotDurable => {
                if let Some(stored) = self.good().read(&key, Part::All).await? {
                    let record = with_head(&stored.head, Data::Bytes(all_of(stored.data).await?))?;
                    *locked(&self.0.last_removed) = Some((key.clone(), record));
                }
            }
            _ => {}
        }
        let expect = if self.is(B::RemovalDoesNotCompare) { Expect::Any } else { expect };
        let removed = self.good().remove(&key, expect).await?;
        if removed == Removed::Done {
            locked(&self.0.removed).insert(key);
        }
        Ok(match removed {
            Removed::Absent if self.is(B::RemovalAlwaysDone) => Removed::Done,
            removed => removed,
        })
    }

    async fn batch_broken(&self, writes: Vec<Write>) -> Result<Batch> {
        match self.0.breakage {
            B::ClaimsBatches => return Err(Error::new(ErrorKind::Unsupported, "no batches after all")),
            B::BatchIsNotAtomic => {
                let expected: Vec<_> =
                    writes.iter().map(|write| (write.key.clone(), write.expect.clone())).collect();
                for (key, expect) in expected {
                    if !self.holds(&key, &expect).await? {
                        return Ok(Batch::Unmet);
                    }
                }
                pause().await;
            }
            B::BatchAppliesPartly => {}
            B::BatchTakesKeysTwice => {
                let mut kept: BTreeMap<Key, Write> = BTreeMap::new();
                kept.extend(writes.into_iter().map(|write| (write.key.clone(), write)));
                return self.good().write_batch(kept.into_values().collect()).await;
            }
            _ => return self.good().write_batch(writes).await,
        }
        let mut before = Vec::new();
        for Write { key, record, mut expect } in writes {
            if self.is(B::BatchIsNotAtomic) {
                expect = Expect::Any;
            }
            pause().await;
            before.push(self.version_now(&key).await?.is_some());
            let unmet = match record {
                Some(record) => self.good().write(&key, record, expect).await? == Written::Unmet,
                None => self.good().remove(&key, expect).await? == Removed::Unmet,
            };
            if unmet {
                return Ok(Batch::Unmet);
            }
        }
        Ok(Batch::Done(before))
    }

    async fn close_broken(&self) -> Result<()> {
        if self.0.closed.swap(true, Ordering::SeqCst) && self.is(B::ClosesOnce) {
            return Err(Error::closed());
        }
        let written = locked(&self.0.last_written).take();
        if let Some(key) = written {
            self.good().remove(&key, Expect::Any).await?;
        }
        let removed = locked(&self.0.last_removed).take();
        if let Some((key, record)) = removed {
            _ = self.good().write(&key, record, Expect::Any).await?;
        }
        self.good().close().await
    }
}

/// A record with this head, whether it fits the data or not: its meta is kept, and for bytes it is
/// sealed anew.
fn with_head(head: &Head, data: Data) -> Result<Record> {
    let meta: Meta = head.meta()?;
    match data {
        Data::Stream(stream) => Record::streamed(&meta, stream),
        Data::Bytes(bytes) => Record::new(&meta, bytes),
        Data::None => Record::new(&meta, Bytes::new()),
    }
}

async fn all_of(data: Data) -> Result<Bytes> {
    match data {
        Data::None => Ok(Bytes::new()),
        Data::Bytes(bytes) => Ok(bytes),
        Data::Stream(stream) => Ok(stream.try_collect::<Vec<Bytes>>().await?.concat().into()),
    }
}

#[deny(clippy::missing_trait_methods, reason = "a wrapper forwards every method")]
impl Backend for Broken {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        let (this, key) = (self.clone(), key.clone());
        Reply::future(async move { this.read_broken(key, part).await })
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let (this, key) = (self.clone(), key.clone());
        Reply::future(async move { this.write_broken(key, record, expect).await })
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        let (this, key) = (self.clone(), key.clone());
        Reply::future(async move { this.remove_broken(key, expect).await })
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        self.listing(prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        let this = self.clone();
        Reply::future(async move { this.batch_broken(writes).await })
    }

    fn sync(&self) -> Reply<()> {
        self.good().sync()
    }

    fn close(&self) -> Reply<()> {
        let this = self.clone();
        Reply::future(async move { this.close_broken().await })
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.good().capabilities();
        match self.0.breakage {
            B::HidesBatches => capabilities.batches = false,
            B::ClaimsBatches => capabilities.batches = true,
            B::CollectsStreams | B::ReadsInOnePiece => capabilities.streams = true,
            B::ClaimsDurability => capabilities.durability = Durability::Flushed,
            _ => {}
        }
        capabilities
    }
}
