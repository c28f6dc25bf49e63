//! [`Simulated`]: any backend behind latency and faults, in virtual or in real time.
//!
//! Every operation has four instants:
//!
//! ```text
//! submit ── queue ── start ── request ── EFFECT ── response ── acknowledge
//! ```
//!
//! All four are drawn when it is submitted, by seed, client and number of the operation. The effect is
//! one call of the backend behind, made at its instant by the [`Timeline`]. So it
//! needs no task, and it happens whether or not anybody still waits for the answer. What can go wrong is
//! a shift of these instants, or something else in their places: see [`fault`](crate::fault).
//!
//! The rooms: `plan` draws the instants and the fate, `flight` carries them out, `call` knows the
//! operations, `upload`, `download` and `listing` those that take their time, `altered` the faults that
//! change what is stored or read, with `past` and `damage` as their memory, `server` crashes and comes
//! back, `log` writes it all down.

mod altered;
mod builder;
mod call;
mod client;
mod damage;
mod download;
mod error;
mod flight;
mod listing;
mod log;
mod past;
mod plan;
mod scheme;
mod server;
mod timer;
mod upload;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder::{
    Backend, Batch, Capabilities, Data, Expect, Key, Keys, Part, Record, Removed, Reply, Stored, Write,
    Written,
};

pub use self::builder::Builder;
use self::client::Client;
pub use self::log::{Life, Log, Outcome};
pub use self::scheme::{OPTIONS, scheme};
pub use self::world::OnCancel;
use self::world::World;
use crate::draw::Ratio;
use crate::fault::{Counts, FaultKind, Planned};
use crate::latency::Resource;
use crate::time::{Timeline, nanos};

/// A backend behind latency and faults. Clones are the same client of the same store.
///
/// Without latency and without faults it is not there: it answers as the backend answers, at once where
/// that does.
///
/// ```
/// use std::sync::Arc;
/// use larder::Larder;
/// use larder_memory::Memory;
/// use larder_simulated::fault::Faults;
/// use larder_simulated::store::Simulated;
/// use larder_simulated::time::VirtualClock;
///
/// let clock = VirtualClock::new(7);
/// let store = Simulated::builder(Memory::new(), Arc::new(clock.clone()), 7).faults(Faults::none()).build();
/// let larder = Larder::with_clock(store.client(1), Arc::new(clock));
/// # drop(larder);
/// ```
///
/// # Order
///
/// What one client changes under one key takes effect in the order of its calls, as on one connection,
/// also if the caller has dropped the reply ([`Builder::unordered`] switches that off). Everything else
/// that is under way at the same time may overtake. Faults may: a
/// [`Timeout`](crate::fault::FaultKind::Timeout) with a late effect, a
/// [`Duplicate`](crate::fault::FaultKind::Duplicate), a [`Reorder`](crate::fault::FaultKind::Reorder).
///
/// # Streams
///
/// A streamed record is pulled by whoever awaits the reply, chunk by chunk at the bandwidth of the
/// profile; dropped before its last chunk has arrived, it has not happened. A streamed read and a listing
/// cost time for every chunk and page that is pulled, and nothing otherwise.
pub struct Simulated<B> {
    world: Arc<World<B>>,
    client: Arc<Client>,
}

impl<B: Backend> Simulated<B> {
    /// To put a backend behind latency and faults.
    pub fn builder(backend: B, timeline: Arc<dyn Timeline>, seed: u64) -> Builder<B> {
        Builder::new(backend, timeline, seed)
    }

    /// The same store as another client. What happens to its operations depends on the seed, on this
    /// number and on theirs, and (by the queue of the store) on what is under way at the same time.
    #[must_use]
    pub fn client(&self, id: u64) -> Simulated<B> {
        Simulated { world: Arc::clone(&self.world), client: self.world.client(id) }
    }

    /// The number that the next operation of this client gets.
    pub fn number(&self) -> u64 {
        self.client.number()
    }

    /// Gives the next operation of this client this number, if it would have a smaller one. A workload
    /// that begins each of its steps with a number of its own (so many times the number of the step) can
    /// leave one of them out without changing the fate of the others.
    pub fn skip_to(&self, number: u64) {
        self.client.skip_to(number);
    }

    /// Ends all faults: no new ones happen, damage is gone, a store that was down comes back, one that
    /// stood still goes on, and what hung fails. What is under way comes to its end.
    pub fn heal(&self) {
        self.world.heal();
    }

    /// The store crashes, and comes back after this time: what has not taken effect never will, and what
    /// has not been acknowledged never will be.
    pub fn crash(&self, down: Duration) {
        self.world.crash(nanos(down));
    }

    /// The store stands still for this time: what would take effect meanwhile does so after it.
    pub fn pause(&self, time: Duration) {
        self.world.pause(nanos(time));
    }

    /// Whether the store is there: not between a crash and its return.
    pub fn is_up(&self) -> bool {
        self.world.server.inner().is_some()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.world.name
    }

    /// The service that it takes its time from.
    pub fn resource(&self) -> &Resource {
        &self.world.resource
    }

    /// Why the store has not come back after a crash, if opening it again has failed.
    pub fn failed(&self) -> Option<larder::Error> {
        self.world.server.failed()
    }

    /// The backend behind; `None` while it is down.
    pub fn inner(&self) -> Option<Arc<B>> {
        self.world.server.inner()
    }

    /// The faults so far, in the order in which they were decided: given to
    /// [`Faults::planned`](crate::fault::Faults::planned), they happen again.
    pub fn injected(&self) -> Vec<Planned> {
        self.world.injected()
    }

    /// How often each kind of fault happens by chance, as this seed has decided.
    pub fn rates(&self) -> BTreeMap<FaultKind, Ratio> {
        self.world.decider.rates()
    }

    /// How many faults of each kind there were, and what became of them.
    pub fn counts(&self) -> Counts {
        self.world.counters.counts()
    }
}

#[deny(clippy::missing_trait_methods, reason = "a wrapper forwards every method")]
impl<B: Backend> Backend for Simulated<B> {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        flight::submit(&self.world, &self.client, call::Read { key: key.clone(), part })
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let write = call::WriteOne { key: key.clone(), record, expect };
        match write.record.data() {
            Data::Stream(_) => upload::submit(&self.world, &self.client, write),
            _ => flight::submit(&self.world, &self.client, write),
        }
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        flight::submit(&self.world, &self.client, call::Remove { key: key.clone(), expect })
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        listing::keys(&self.world, &self.client, prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        flight::submit(&self.world, &self.client, call::WriteBatch { writes })
    }

    fn sync(&self) -> Reply<()> {
        flight::submit(&self.world, &self.client, call::Sync)
    }

    fn close(&self) -> Reply<()> {
        flight::close(&self.world)
    }

    fn capabilities(&self) -> Capabilities {
        self.world.server.capabilities()
    }
}

impl<B> Clone for Simulated<B> {
    fn clone(&self) -> Simulated<B> {
        Simulated { world: Arc::clone(&self.world), client: Arc::clone(&self.client) }
    }
}

impl<B: fmt::Debug> fmt::Debug for Simulated<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated")
            .field("store", &self.world.name)
            .field("client", &self.client.id())
            .finish_non_exhaustive()
    }
}
