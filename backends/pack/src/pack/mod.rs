//! [`Pack`]: the handle, and the backend that it is.

mod batch;
mod options;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use larder::io::{Drain, Workers};
use larder::{
    Backend, Batch, Capabilities, Data, ErrorKind, Expect, Key, Keys, Part, Reach, Record, Removed, Reply,
    Responder, Result, Stored, Write, Written,
};

use crate::blob::{self, LARGE, Streamed};
use crate::change::{Action, Body, Change, Entry, Job, Watch};
use crate::open::Followed;
use crate::shared::Shared;
use crate::stats::{self, Stats};
use crate::{failure, follow, index, listing, read};

pub use self::options::Options;

/// A store in a directory. Clones are the same store, cheaply.
#[derive(Clone)]
pub struct Pack(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mode: Mode,
    /// Whether reads compare the checksums of data.
    pub(crate) verifies: bool,
}

/// What a handle may do.
pub(crate) enum Mode {
    Writing(Writing),
    Reading(Follower),
}

/// Where changes go.
pub(crate) struct Writing {
    pub(crate) drain: Arc<Drain<Job>>,
    /// Where large data is written before it is named in the log.
    pub(crate) writers: Arc<Workers>,
}

/// How far another process's log is followed.
pub(crate) struct Follower(pub(crate) Mutex<Followed>);

impl Pack {
    /// Opens the store in this directory, or makes one; acknowledged writes are on stable storage.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub async fn open(dir: impl AsRef<Path>) -> Result<Pack> {
        Pack::options().open(dir).await
    }

    /// Opens the store in this directory for reading, while another process may write it.
    ///
    /// # Errors
    /// As [`Options::open_read_only`].
    pub async fn open_read_only(dir: impl AsRef<Path>) -> Result<Pack> {
        Pack::options().open_read_only(dir).await
    }

    /// To open a store otherwise than by default.
    pub fn options() -> Options {
        Options::default()
    }

    /// Of a handle for reading: takes in what the writer has published since; whether there was anything. A handle for
    /// writing always sees everything.
    ///
    /// # Errors
    /// `Unavailable` if the writer has meanwhile compacted away what was to be read: open the store again.
    pub fn refresh(&self) -> Reply<bool> {
        if let Err(error) = self.0.shared.check_open() {
            return Reply::ready(Err(error));
        }
        match &self.0.mode {
            Mode::Writing(_) => Reply::ready(Ok(false)),
            Mode::Reading(_) => {
                let inner = Arc::clone(&self.0);
                self.0.shared.readers.run(move || match &inner.mode {
                    Mode::Reading(follower) => {
                        let mut followed = follower.0.lock().unwrap_or_else(PoisonError::into_inner);
                        follow::refresh(&inner.shared, &mut followed)
                    }
                    Mode::Writing(_) => Ok(false),
                })
            }
        }
    }

    /// Reclaims all the room that replaced and removed records take.
    ///
    /// # Errors
    /// Those of reading and writing; what was reclaimed before stays so.
    pub fn compact(&self) -> Reply<()> {
        self.compact_with(|_, _| {})
    }

    /// The same, and tells now and then, from the thread that does it, how far it has come: bytes of the log that
    /// were looked at, and bytes that will be.
    ///
    /// # Errors
    /// As [`compact`](Pack::compact).
    pub fn compact_with(&self, progress: impl FnMut(u64, u64) + Send + 'static) -> Reply<()> {
        self.ask(|answer| Job::Compact(answer, Watch(Box::new(progress))))
    }

    /// How much there is in the store. Of a handle for reading: as it was when it was opened, or
    /// [refreshed](Pack::refresh).
    ///
    /// # Errors
    /// Those of listing the directory; `Closed`.
    pub fn stats(&self) -> Reply<Stats> {
        let pack = self.clone();
        Reply::future(async move {
            pack.0.shared.check_open()?;
            let (usage, end) = match &pack.0.mode {
                Mode::Writing(writing) => {
                    let (answer, reply) = Reply::channel();
                    writing.submit(Job::Usage(answer));
                    reply.await?
                }
                Mode::Reading(follower) => {
                    let followed = follower.0.lock().unwrap_or_else(PoisonError::into_inner);
                    (followed.usage.clone(), followed.end)
                }
            };
            let shared = Arc::clone(&pack.0.shared);
            let listed = move || {
                let (disk, layout) = (&*shared.disk, &shared.layout);
                Ok((index::numbers(disk, layout.root())?, stats::count(disk, layout)?))
            };
            let (checkpoints, (blobs, blob_bytes)) = pack.0.shared.readers.run(listed).await?;
            let sum = usage.sum();
            Ok(Stats {
                keys: pack.0.shared.index.len(),
                live_bytes: sum.live,
                dead_bytes: sum.total.saturating_sub(sum.live),
                removal_bytes: sum.removals,
                segments: usage.segments().len() as u64,
                checkpoint: checkpoints.first().copied(),
                index_bytes: pack.0.shared.index.memory() as u64,
                end_segment: end.segment,
                end_offset: end.offset,
                blobs,
                blob_bytes,
            })
        })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Writes records that are whole: all or none.
    pub(crate) fn restore(&self, records: Vec<(Key, Expect, Option<Entry>)>) -> Reply<Batch> {
        match self.0.shared.check_writable().and_then(|()| self.writing()) {
            Ok(writing) => {
                let (answer, reply) = Reply::channel();
                writing.submit(Job::Batch(records, answer));
                reply
            }
            Err(error) => Reply::ready(Err(error)),
        }
    }

    fn writing(&self) -> Result<&Writing> {
        match &self.0.mode {
            Mode::Writing(writing) => Ok(writing),
            Mode::Reading(_) => Err(failure::error(
                ErrorKind::Unsupported,
                "the store is open for reading only; open it for writing",
            )),
        }
    }

    fn check(&self, key: &Key, record: &Record) -> Result<&Writing> {
        self.0.shared.check_writable()?;
        key.check()?;
        if record.head().key_bytes() != key.as_cbor() {
            return Err(failure::error(ErrorKind::Invalid, "the record is one of another key"));
        }
        self.writing()
    }

    fn ask(&self, job: impl FnOnce(Responder<()>) -> Job) -> Reply<()> {
        match self.0.shared.check_writable().and_then(|()| self.writing()) {
            Ok(writing) => {
                let (answer, reply) = Reply::channel();
                writing.submit(job(answer));
                reply
            }
            Err(error) => Reply::ready(Err(error)),
        }
    }
}

impl Writing {
    fn submit(&self, job: Job) {
        if let Err(job) = self.drain.send(job) {
            job.fail(failure::closed());
        }
    }

    /// Queues a write whose data is short, or in a blob already.
    fn write(&self, key: Key, entry: Entry, expect: Expect) -> Reply<Written> {
        let (answer, reply) = Reply::channel();
        self.submit(Job::Change(Change { key, expect, action: Action::Write { entry, answer } }));
        reply
    }
}

impl Backend for Pack {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        read::read(&self.0.shared, key, part, self.0.verifies)
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let writing = match self.check(key, &record) {
            Ok(writing) => writing,
            Err(error) => return Reply::ready(Err(error.in_backend(failure::NAME).at_key(key))),
        };
        match record.into_parts() {
            (head, Data::None) => {
                writing.write(key.clone(), Entry::new(head, Body::Bytes(larder::Bytes::new())), expect)
            }
            (head, Data::Bytes(data)) if data.len() < LARGE => {
                writing.write(key.clone(), Entry::new(head, Body::Bytes(data)), expect)
            }
            (head, Data::Bytes(data)) => {
                let (answer, reply) = Reply::channel();
                let (shared, drain, key) =
                    (Arc::clone(&self.0.shared), Arc::clone(&writing.drain), key.clone());
                // The job goes on to the writer by itself, whoever awaits the reply.
                drop(writing.writers.run(move || {
                    match blob::whole(&shared, &data) {
                        Ok(blob) => {
                            let entry = Entry::new(head, Body::Blob(blob));
                            let change = Change { key, expect, action: Action::Write { entry, answer } };
                            if let Err(job) = drain.send(Job::Change(change)) {
                                job.fail(failure::closed());
                            }
                        }
                        Err(error) => answer.answer(Err(error.in_backend(failure::NAME).at_key(&key))),
                    }
                    Ok(())
                }));
                reply
            }
            (head, Data::Stream(data)) => {
                let (pack, key) = (self.clone(), key.clone());
                Reply::future(async move {
                    let writing = pack.writing()?;
                    let streamed = blob::streamed(&pack.0.shared, &writing.writers, head, data).await;
                    let (head, body) = streamed
                        .map(|(head, streamed)| match streamed {
                            Streamed::Bytes(bytes) => (head, Body::Bytes(bytes)),
                            Streamed::Blob(blob) => (head, Body::Blob(blob)),
                        })
                        .map_err(|error| error.in_backend(failure::NAME).at_key(&key))?;
                    writing.write(key, Entry::new(head, body), expect).await
                })
            }
        }
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        match self.0.shared.check_writable().and_then(|()| self.writing()) {
            Ok(writing) => {
                let (answer, reply) = Reply::channel();
                writing.submit(Job::Change(Change {
                    key: key.clone(),
                    expect,
                    action: Action::Remove { answer },
                }));
                reply
            }
            Err(error) => Reply::ready(Err(error.at_key(key))),
        }
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        listing::keys(&self.0.shared, prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        batch::write(self, writes)
    }

    fn sync(&self) -> Reply<()> {
        if matches!(self.0.mode, Mode::Reading(_)) {
            return Reply::ready(self.0.shared.check_open());
        }
        self.ask(Job::Sync)
    }

    fn close(&self) -> Reply<()> {
        self.0.shared.close();
        match &self.0.mode {
            Mode::Reading(_) => {
                self.0.shared.segments.clear();
                Reply::ready(Ok(()))
            }
            Mode::Writing(writing) => {
                let (answer, reply) = Reply::channel();
                let drain = Arc::clone(&writing.drain);
                // Behind the large writes that were begun before, which come this way too.
                drop(writing.writers.run(move || {
                    if let Err(job) = drain.send(Job::Close(answer)) {
                        job.fail(failure::closed());
                    }
                    Ok(())
                }));
                reply
            }
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(failure::NAME);
        // Other processes are kept from writing.
        capabilities.reach = Reach::Machine;
        capabilities.durability = self.0.shared.durability;
        capabilities.batches = true;
        capabilities.streams = true;
        capabilities
    }
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack")
            .field("dir", &self.0.shared.layout.root())
            .field("durability", &self.0.shared.durability)
            .finish_non_exhaustive()
    }
}
