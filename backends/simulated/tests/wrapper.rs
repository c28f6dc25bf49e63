//! The wrapper itself: its instants, its draws, its order, its streams and listings, under every executor.

mod store_support;

mod wrapper {
    //! The tests, by what they are about.

    mod executors;
    mod fates;
    mod instants;
    mod services;
    mod streams;
}

use std::sync::Arc;
use std::time::Duration;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt, TryStreamExt};
use larder::{Backend, Bytes, Data, ErrorKind, Expect, Key, Kind, Meta, Part, Record, Timestamp, Written};
use larder_filesystem::Filesystem;
use larder_memory::Memory;
use larder_simulated::draw::Draws;
use larder_simulated::fault::Faults;
use larder_simulated::latency::{Class, Factor, Latency, Legs, Profile, Resource};
use larder_simulated::store::{Life, Log, OnCancel, Outcome, Simulated};
use larder_simulated::time::{ParkDriver, RealTimeline, Sim, Timeline, VirtualClock, turn};
use store_support::{Virtual, get, put, record};

const US: u64 = 1_000;
const MS: u64 = 1_000_000;

/// Every operation takes 100 us, and happens after 30 of them.
fn hundred() -> Profile {
    let legs = Legs::Whole { latency: Latency::constant(Duration::from_micros(100)), effect_percent: 30 };
    [Class::Read, Class::Write, Class::Sync]
        .into_iter()
        .fold(Profile::none(), |profile, class| profile.legs(class, legs.clone()))
}

/// Any time between nothing and 10 ms, without a queue.
fn uneven() -> Profile {
    let legs = Legs::Whole {
        latency: Latency::uniform(Duration::ZERO, Duration::from_millis(10)).unwrap(),
        effect_percent: 50,
    };
    Profile::none().legs(Class::Read, legs.clone()).legs(Class::Write, legs)
}

fn key() -> Key {
    Key::from("ada")
}

/// A store over memory, and the memory behind it.
fn over_memory(time: &Virtual, profile: Profile) -> (Simulated<Memory>, Memory) {
    let memory = Memory::new();
    (Simulated::builder(memory.clone(), time.timeline(), 1).profile(profile).build(), memory)
}

fn is_there(memory: &Memory) -> bool {
    memory.read(&key(), Part::Head).wait().unwrap().is_some()
}
