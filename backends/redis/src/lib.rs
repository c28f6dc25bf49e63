//! The Redis backend of [larder]: one map that many machines share, on a server that they all reach.
//!
//! ```no_run
//! use larder::Larder;
//! use larder_redis::Redis;
//! # async fn open() -> larder::Result<()> {
//! let larder = Larder::new(Redis::open("redis://localhost/0?prefix=shop").await?);
//! larder.update_in("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # URLs
//!
//! | URL | what |
//! |---|---|
//! | `redis://[USER:PASSWORD@]HOST[:PORT][/DB]` | a server |
//! | `rediss://..` | the same by TLS |
//! | `redis+unix:/SOCKET` | a server on this machine |
//! | `redis-cluster://[USER:PASSWORD@]HOST[:PORT],HOST..` | a cluster, by some of its servers |
//! | `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST../NAME[/DB]` | the primary that these sentinels know by this name; user and password are those of the servers |
//!
//! [`schemes`] has their options. `rediss-cluster://..` and `rediss+sentinel://..` are clusters and
//! sentinels by TLS, which every server that they lead to must talk, with a certificate for the name by which it is
//! announced.
//!
//! # What is on the server
//!
//! | Redis key | what |
//! |---|---|
//! | `PREFIX/NAME` | a record: a stamp of 16 bytes that no other write has, and then the record as everywhere |
//! | `PREFIX/~{PREFIX/NAME}:up:..` | a record of more than 2 KiB on its way; expires 60 s after its last part |
//! | `PREFIX/~{PREFIX/NAME}:read:..` | somebody reads this large state; expires 60 s after the last part was read |
//! | `PREFIX/~{PREFIX/NAME}:held:..` | a state that was replaced while somebody read it; expires likewise |
//! | `PREFIX/~{PREFIX/NAME}:wait:` | replicas are waited for; expires after 1 s |
//! | `PREFIX/~{PREFIX/NAME}:done:..` | this write happened, for whom its answer was lost; expires after twice the deadline |
//! | `PREFIX/~{0}:sync:` | nothing: `sync` writes it to have something to wait for; expires at once |
//!
//! `NAME` is the key itself if that is text (`%`, `{`, `}` and a first `#` or `~` are escaped), or `#` and the
//! hex digits of its CBOR.
//!
//! # Promises
//!
//! Conditional writes and removals, and batches, are single steps of the server, so they are atomic among all
//! machines. Readers see one whole state, also while they stream a large one that is replaced meanwhile; a
//! reader who then pauses for longer than `hold` (60 s) gets an error. What an acknowledged write survives is what the
//! server is configured for, which is asked when the store is opened: `appendfsync always` is
//! [`Synced`](larder::Durability::Synced), `appendfsync no` is [`Flushed`](larder::Durability::Flushed), and all
//! else, the server's own default of `everysec` too, is [`Volatile`](larder::Durability::Volatile): a server that
//! is killed may then lose what it has acknowledged in the last seconds. A replica that is promoted may lack what the
//! primary acknowledged last; Redis copies to replicas after it has answered. `replicas=N`
//! ([`Options::replicas`]) makes every write wait for them: then what was acknowledged is there after the primary has
//! died, if one of those N is promoted.
//!
//! On a cluster every record is on the server that holds its slot, and batches are possible only
//! if all keys are in one slot: a
//! hash tag in the prefix, such as `prefix={shop}`, puts all keys of the store in one slot. The store follows
//! slots that move and replicas that are promoted; what was being asked waits for that, up to the deadline.
//!
//! An operation whose connection breaks is sent again on a new one until the deadline (5 s); the stamp and the
//! marker tell whether it had happened. Only a conditional write that was written over meanwhile cannot be told
//! from one that never happened: it fails, [ambiguous](larder::Error::is_ambiguous).
//!
//! # Servers
//!
//! Redis 6.0 is the oldest that is tested; older ones know neither RESP3 nor users. Redis 7.0.15 is tested in full;
//! Redis 6.0.16, 8.0.2 and 8.6.3, Valkey 8.0.1, 8.1.1 and 9.1.2, and Redict 7.3.6 in part, as the README says
//! (`scripts/redis-versions`). What differs is `sync`: from 7.2 on it waits for the syncs that the server does by
//! itself (WAITAOF), before that, and where the server leaves them to the system, it has the append-only file
//! rewritten. A user needs the permission for
//! EVAL and WAITAOF, or BGREWRITEAOF and INFO, to do it.
//!
//! # Trips
//!
//! | operation | round trips |
//! |---|---|
//! | a read of a record up to 512 KiB, or of a head up to 1 KiB | 1 |
//! | a read of what is absent | 1; 2 after 64 in a row that found something |
//! | a conditional write or removal, a batch | 1 |
//! | `assoc` or `dissoc` of an entry that this process wrote last, `assoc` of one that is absent | 1 |
//! | the same of one that another process wrote | 2, or 3 if the guess was that nothing is there |
//! | `update_in` | 2; 1 if this process wrote it last |
//! | a range of a binary | 1 if it stands in the first KiB, else 2 |
//! | a larger record | 1 for each 256 KiB, on a connection of its own |
//!
//! # Its runtime
//!
//! A connection is driven by a task on smol's global executor, in a thread of its own: so the store works
//! under every runtime and under none. With the feature `tokio` (`tokio-plain` is the same without TLS),
//! connections that are opened within a tokio runtime are driven by that. What many tasks ask at the same time goes to the server in one piece, or in two, so
//! that it works on one while the other is put together. A single task writes on its own thread, and looks for the
//! answer there for up to 150 µs before it sleeps, if that was seldom in vain of late: with a server on the same
//! machine, waking up takes longer than all else. Between two looks it offers its processor to others, and where they
//! take it, it soon looks no more.

#![forbid(unsafe_code)]
#![allow(
    clippy::manual_async_fn,
    reason = "an async fn keeps its arguments twice, and the futures of operations are allocated: they must be small"
)]

mod alarm;
mod args;
mod batch;
mod cluster;
mod connection;
mod deadline;
mod failure;
mod frame;
mod group;
mod layout;
mod link;
mod listing;
mod misses;
mod names;
mod nodes;
mod options;
mod read;
mod request;
mod scheme;
mod scripts;
mod sentinel;
mod server;
mod shared;
mod slots;
mod socket;
mod stamp;
mod sync;
mod target;
mod tls;
mod upload;
#[cfg(feature = "tokio-plain")]
mod watchable;
mod wire;
mod write;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::TryFutureExt;
use larder::{
    Backend, Batch, Capabilities, ErrorKind, Expect, Key, Keys, Part, Reach, Record, Removed, Reply, Result,
    Stored, Write, Written,
};

use crate::shared::Shared;
use crate::target::Target;

pub use options::Options;
pub use scheme::schemes;

/// A store on a Redis server or cluster. Clones are the same store, cheaply.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
    target: Target,
}

impl Redis {
    /// To open a store otherwise than by default.
    pub fn options() -> Options {
        Options::default()
    }

    fn over(target: Target, shared: Shared) -> Redis {
        Redis { shared: Arc::new(shared), target }
    }

    /// Checks what can be checked without the server.
    fn check(&self, key: &Key, record: Option<&Record>) -> Result<()> {
        self.shared.check_open()?;
        key.check()?;
        match record {
            Some(record) if record.head().key_bytes() != key.as_cbor() => {
                Err(failure::error(ErrorKind::Invalid, "the record is one of another key"))
            }
            _ => Ok(()),
        }
    }

    /// Runs an operation on the record of this key, by its name, unless it is refused.
    fn run<T, F>(
        &self,
        key: &Key,
        checked: Result<()>,
        operation: impl FnOnce(Arc<Shared>, Vec<u8>) -> F,
    ) -> Reply<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        if let Err(error) = checked {
            return Reply::ready(Err(error.in_backend(failure::NAME).at_key(key)));
        }
        let done = operation(Arc::clone(&self.shared), self.shared.names.record(key));
        let key = key.clone();
        Reply::future(done.map_err(move |error| error.in_backend(failure::NAME).at_key(&key)))
    }
}

impl Backend for Redis {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        self.run(key, self.check(key, None), move |shared, name| read::read(shared, name, part))
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let checked = self.check(key, Some(&record));
        self.run(key, checked, move |shared, name| write::write(shared, name, record, expect))
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        self.run(key, self.check(key, None), move |shared, name| write::remove(shared, name, expect))
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        listing::keys(&self.shared, prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        if let Err(error) = self.shared.check_open() {
            return Reply::ready(Err(error));
        }
        Reply::future(batch::write_batch(Arc::clone(&self.shared), writes))
    }

    fn sync(&self) -> Reply<()> {
        let shared = Arc::clone(&self.shared);
        Reply::future(async move { sync::sync(&shared).await })
    }

    fn close(&self) -> Reply<()> {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.nodes.close();
        Reply::ready(Ok(()))
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(failure::NAME);
        capabilities.reach = Reach::Network;
        capabilities.durability = self.shared.durability;
        capabilities.batches = batch::possible(&self.shared);
        capabilities.streams = true;
        capabilities.remote = true;
        capabilities
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("server", &self.target)
            .field("durability", &self.shared.durability)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, C, F>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// The future of every operation is allocated. Past a KiB, common allocators take a lock for that, which
    /// threads that allocate and free side by side wait for.
    #[test]
    fn the_futures_of_operations_are_small() {
        const KIB_WITH_ITS_BOX: usize = 1024 - 24 - size_of::<Key>();
        let write = |shared, name, (record, expect)| write::write(shared, name, record, expect);
        for (operation, bytes) in
            [("read", size(read::read)), ("write", size(write)), ("remove", size(write::remove))]
        {
            assert!(bytes <= KIB_WITH_ITS_BOX, "{operation}: {bytes}");
        }
    }
}
