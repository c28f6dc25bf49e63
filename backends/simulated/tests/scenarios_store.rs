//! Scenarios that a store behind latency and faults must survive. The numbers are those of the list of
//! scenarios: 8, 12, 17, 18, 19, 20, 22, 26, 27, 32 and 40.

mod store_support;

mod scenarios_store {
    //! The tests, by what they are about.

    mod crashes;
    mod liveness;
    mod media;
    mod semantics;
}

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{Either, join_all, select};
use futures::{FutureExt, StreamExt, TryStreamExt};
use larder::{Backend, Bytes, Durability, Error, ErrorKind, Expect, Key, Larder, Part, Source, Write};
use larder_filesystem::Filesystem;
use larder_memory::Memory;
use larder_simulated::draw::{Draws, Ratio, below};
use larder_simulated::fault::{Fault, FaultKind, Faults, Promise};
use larder_simulated::latency::Profile;
use larder_simulated::store::{Builder, OnCancel, Simulated};
use store_support::{Virtual, get, put, record};
use tempfile::TempDir;

const S: u64 = 1_000_000_000;

fn redis() -> Profile {
    Profile::named("redis-same-zone").unwrap()
}

/// A larder for a client of this store.
fn larder<B: Backend>(time: &Virtual, store: &Simulated<B>, client: u64) -> Larder {
    Larder::with_clock(store.client(client), Arc::new(time.clock.clone()))
}

fn over_memory(time: &Virtual, seed: u64, faults: Faults) -> Simulated<Memory> {
    let store = Simulated::builder(Memory::new(), time.timeline(), seed).profile(redis()).faults(faults);
    store.clock(&time.clock).build()
}

/// A store in a directory, opened without threads, behind what `build` adds.
fn over_directory(
    time: &Virtual,
    dir: &Path,
    build: impl FnOnce(Builder<Filesystem>) -> Builder<Filesystem>,
) -> Simulated<Filesystem> {
    let dir = dir.to_owned();
    let open = move || Filesystem::options().durability(Durability::Flushed).inline().open(dir.clone());
    let inner = time.block_on(open()).unwrap();
    build(Simulated::builder(inner, time.timeline(), 1).reopen(open)).build()
}
