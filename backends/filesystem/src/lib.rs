//! The filesystem backend of [larder]: one file for each key, in a directory of its own.
//!
//! ```
//! use larder_filesystem::Filesystem;
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path();
//! let store = smol::block_on(Filesystem::open(dir.join("data")))?;
//! # drop(store);
//! # Ok::<(), larder::Error>(())
//! ```
//!
//! # What is in the directory
//!
//! | name | what |
//! |---|---|
//! | `larder-store` | the descriptor: format, version, time of creation |
//! | `larder-store.lock` | held while someone opens the store |
//! | `records/00` .. `records/3f` | one file for each key, `users%2F42` or `#` and a hash; `~..` while one is written |
//! | `locks/00` .. `locks/3f` | held while records in the directory of that name are compared and replaced |
//! | `owners/..` | one for each open handle, locked as long as it lives |
//!
//! # Promises
//!
//! Conditional writes and removals are atomic among tasks, threads and the processes of one machine
//! (on a network file system: as far as its `flock` goes). Readers take no lock and see one whole
//! state, also while they stream it. With [`Durability::Synced`](larder::Durability::Synced) an acknowledged write survives a power
//! cut; a reader may see a write before it is durable. With [`Durability::Flushed`](larder::Durability::Flushed) it survives a
//! killed process. After a power cut in the middle of a synced write the record is the old one or the
//! new one. A power cut may damage what was only flushed, and the record that it replaced: checksums
//! tell, and [`sync`](larder::Backend::sync) is the barrier.
//!
//! A batch of several records cannot be written atomically.
//!
//! # Why it is built so
//!
//! - Changes that queue while others are made durable share their syncs: one of the whole file system
//!   for the data and one for the names, from two files on. Of 64 writes of 1 KiB at once each took 66 us
//!   where one alone took 444 (ext4, two cores shared with others; the plain calls of `std::fs` with the
//!   same syncs took 390). It also writes what other programs have left unwritten on that file system.
//! - A new file is renamed over the old one, which is kept open meanwhile, and let go by another thread. Its blocks are
//!   freed then, and a file system that discards them at once (ext4 without a journal, mounted with `discard`) waits for
//!   the medium: a rename took 127 us where the old file was freed by it, and 20 where not. To exchange the two is faster
//!   only if the old file is written anew next time (380 us where this took 478, synced, by plain calls), and a reader
//!   who still has it open would see that.
//! - With `Flushed`, whoever asks alone looks for its answer for a moment before it sleeps, and the thread that
//!   writes looks for the next question. Otherwise each wakes the other up, on processors that have fallen asleep:
//!   a new file of 1 KiB took 128 us so, and takes 38 now. Where others want the cores it is seldom tried.
//! - A read that the page cache can answer is made on the caller's thread, in about the time that
//!   `std::fs::read` takes (2.1 and 2.2 us for 1 KiB), where a thread's wake-up alone takes several
//!   times that. File systems that cannot say what is cached (tmpfs) are read by the IO threads.
//! - A key that is absent is in no cache that can be asked without waiting. The first lookup in a directory
//!   is made by an IO thread; after that the directory is taken to be cached, and lookups are made on the
//!   caller's thread, which at the worst waits for one block of it.

#![forbid(unsafe_code)]

mod change;
mod chunks;
mod commit;
mod descriptor;
mod failure;
mod layout;
mod listing;
mod locks;
mod names;
mod options;
mod owner;
mod read;
mod replaced;
mod round;
mod scheme;
mod shared;
mod soon;
mod temp;
mod upload;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use larder::io::{Drain, Workers};
use larder::{
    Backend, Batch, Capabilities, Data, ErrorKind, Expect, Head, Key, Keys, Part, Reach, Record, Removed,
    Reply, Result, Stored, Write, Written,
};

use change::{Action, Body, Change};
use commit::Job;
use shared::Shared;
use soon::Asking;

pub use options::Options;
pub use scheme::scheme;

/// A store in a directory. Clones are the same store, cheaply.
#[derive(Clone)]
pub struct Filesystem(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    drain: Drain<Job>,
    asking: Arc<Asking>,
    /// Where large records are written before they are committed.
    writers: Arc<Workers>,
}

impl Filesystem {
    /// Opens the store in this directory, or makes one; acknowledged writes are on stable storage.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub async fn open(dir: impl AsRef<Path>) -> Result<Filesystem> {
        Filesystem::options().open(dir).await
    }

    /// To open a store otherwise than by default.
    pub fn options() -> Options {
        Options::default()
    }
}

impl Inner {
    fn submit(&self, change: Change) {
        if let Err(Job::Change(change)) = self.drain.send(Job::Change(change)) {
            change.fail(failure::closed());
        }
    }

    /// Queues a write whose data is small, or in a file already.
    fn write(&self, key: &Key, head: Head, body: Body, expect: Expect) -> Reply<Written> {
        let (answer, reply) = Reply::channel();
        let place = self.shared.layout.place(key);
        self.submit(Change { key: key.clone(), place, expect, action: Action::Write { head, body, answer } });
        self.soon(reply)
    }

    /// The answer, looked for where it does not wait for the medium.
    fn soon<T: Send + 'static>(&self, reply: Reply<T>) -> Reply<T> {
        if self.shared.is_synced() { reply } else { self.asking.soon(reply) }
    }

    fn check(&self, key: &Key, record: &Record) -> Result<()> {
        self.shared.check_writable()?;
        key.check()?;
        if record.head().key_bytes() != key.as_cbor() {
            return Err(failure::error(ErrorKind::Invalid, "the record is one of another key"));
        }
        Ok(())
    }
}

impl Backend for Filesystem {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        read::read(&self.0.shared, key, part)
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let inner = &self.0;
        if let Err(error) = inner.check(key, &record) {
            return Reply::ready(Err(error.in_backend(failure::NAME).at_key(key)));
        }
        match record.into_parts() {
            (head, Data::None) => inner.write(key, head, Body::Bytes(larder::Bytes::new()), expect),
            (head, Data::Bytes(data)) if data.len() < upload::LARGE => {
                inner.write(key, head, Body::Bytes(data), expect)
            }
            (head, Data::Bytes(data)) => {
                let (answer, reply) = Reply::channel();
                let (held, key) = (Arc::clone(inner), key.clone());
                let written = inner.writers.run(move || {
                    let place = held.shared.layout.place(&key);
                    match upload::whole(&held.shared, &place, &head, &data) {
                        Ok(temp) => {
                            let action = Action::Write { head, body: Body::Temp(temp), answer };
                            held.submit(Change { key, place, expect, action });
                        }
                        Err(error) => answer.answer(Err(error.in_backend(failure::NAME).at_key(&key))),
                    }
                    Ok(())
                });
                drop(written);
                reply
            }
            (head, Data::Stream(data)) => {
                let (inner, key) = (Arc::clone(inner), key.clone());
                Reply::future(async move {
                    let place = inner.shared.layout.place(&key);
                    let uploaded = upload::streamed(&inner.shared, &inner.writers, &place, head, data).await;
                    let (head, temp) = uploaded
                        .and_then(|(head, upload)| {
                            Ok((head, upload.into_temp().ok_or_else(failure::closed)?))
                        })
                        .map_err(|error| error.in_backend(failure::NAME).at_key(&key))?;
                    inner.write(&key, head, Body::Temp(temp), expect).await
                })
            }
        }
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        let inner = &self.0;
        if let Err(error) = inner.shared.check_writable() {
            return Reply::ready(Err(error.at_key(key)));
        }
        let (answer, reply) = Reply::channel();
        let place = inner.shared.layout.place(key);
        inner.submit(Change { key: key.clone(), place, expect, action: Action::Remove { answer } });
        inner.soon(reply)
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        listing::keys(&self.0.shared, prefix)
    }

    fn write_batch(&self, _writes: Vec<Write>) -> Reply<Batch> {
        let refusal = self.0.shared.check_writable().err().unwrap_or_else(|| {
            failure::error(
                ErrorKind::Unsupported,
                "files cannot be replaced several at once; write one by one",
            )
        });
        Reply::ready(Err(refusal))
    }

    fn sync(&self) -> Reply<()> {
        let inner = &self.0;
        if let Err(error) = inner.shared.check_writable() {
            return Reply::ready(Err(error));
        }
        if inner.shared.is_synced() {
            return Reply::ready(Ok(()));
        }
        let (answer, reply) = Reply::channel();
        inner.ask(Job::Sync(answer));
        reply
    }

    fn close(&self) -> Reply<()> {
        self.0.shared.close();
        let (answer, reply) = Reply::channel();
        let inner = Arc::clone(&self.0);
        // Behind the large writes that were begun before, which come this way too.
        drop(self.0.writers.run(move || {
            inner.ask(Job::Close(answer));
            Ok(())
        }));
        reply
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(failure::NAME);
        capabilities.reach = Reach::Machine;
        capabilities.durability = self.0.shared.durability;
        capabilities.streams = true;
        capabilities
    }
}

impl Inner {
    fn ask(&self, job: Job) {
        if let Err(Job::Sync(answer) | Job::Close(answer)) = self.drain.send(job) {
            answer.answer(Err(failure::closed()));
        }
    }
}

impl fmt::Debug for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filesystem")
            .field("dir", &self.0.shared.layout.root())
            .field("durability", &self.0.shared.durability)
            .finish_non_exhaustive()
    }
}
