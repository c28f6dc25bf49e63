//! Each kind of fault: what it does, and that its error says honestly whether the operation happened.
//!
//! Client 1 suffers the fault, in its first operation unless it is said otherwise. Client 0 looks.

mod store_support;

mod faults {
    //! The tests, by what they are about.

    mod answers;
    mod plans;
    mod whole;
    mod wrong;
}

use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt};
use larder::{
    Backend, Batch, Bytes, Clock, Data, Error, ErrorKind, Expect, Key, Part, Removed, Reply, Result, Write,
    Written,
};
use larder_memory::Memory;
use larder_simulated::draw::Ratio;
use larder_simulated::fault::{Count, Fault, FaultKind, Faults, Planned};
use larder_simulated::latency::{Class, Latency, Legs, Profile};
use larder_simulated::store::{Builder, Log, Outcome, Simulated};
use store_support::{Virtual, get, put, record};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// Everything takes 10 ms, and happens after 4 of them.
fn ten() -> Profile {
    let legs = Legs::Whole { latency: Latency::constant(Duration::from_millis(10)), effect_percent: 40 };
    Profile::none().legs(Class::Read, legs.clone()).legs(Class::Write, legs)
}

struct Faulty {
    time: Virtual,
    memory: Memory,
    /// Nothing happens to this one by chance.
    healthy: Simulated<Memory>,
    /// The first operation of this one fails.
    faulty: Simulated<Memory>,
    log: Log,
}

impl Faulty {
    fn with(fault: Fault) -> Faulty {
        Faulty::built(Faults::none().at(1, 0, fault), |builder| builder)
    }

    fn built(faults: Faults, build: impl FnOnce(Builder<Memory>) -> Builder<Memory>) -> Faulty {
        let (time, memory, log) = (Virtual::new(1), Memory::new(), Log::new());
        let builder = Simulated::builder(memory.clone(), time.timeline(), 1).profile(ten()).faults(faults);
        let healthy = build(builder.log(&log).clock(&time.clock)).build();
        Faulty { faulty: healthy.client(1), healthy, time, memory, log }
    }

    /// What is stored, behind the back of the wrapper.
    fn stored(&self) -> Option<Bytes> {
        pollster::block_on(get(&self.memory, &key()))
    }

    fn put(&self, data: &'static str) {
        self.time.block_on(put(&self.healthy, &key(), data));
    }

    /// Writes as the one to whom things happen.
    fn write(&self, data: &'static str) -> Reply<Written> {
        self.faulty.write(&key(), record(&key(), data), Expect::Any)
    }

    fn wait<T>(&self, reply: Reply<T>) -> Result<T> {
        self.time.block_on(reply)
    }

    fn count(&self, kind: FaultKind) -> [u64; 3] {
        let Count { injected, seen, survived } = self.healthy.counts().of(kind);
        [injected, seen, survived]
    }

    fn sleep(&self, ns: u64) {
        self.time.block_on(self.time.clock.sleep_for(Duration::from_nanos(ns)));
    }
}

fn key() -> Key {
    Key::from("ada")
}

/// A change that failed and did not happen: it may simply be tried again.
#[track_caller]
fn is_retryable(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.is_retryable() && !error.is_ambiguous(), "{error}");
    assert_eq!(error.backend(), Some("simulated"));
}

/// A change that failed and may have happened.
#[track_caller]
fn is_ambiguous(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(!error.is_retryable() && error.is_ambiguous(), "{error}");
}

/// Whether a whole read of the key shows that the record is damaged, as a larder would find out.
fn is_damaged(it: &Faulty) -> bool {
    match it.wait(it.healthy.read(&key(), Part::All)) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            true
        }
        Ok(stored) => {
            let stored = stored.unwrap();
            let Data::Bytes(data) = stored.data else { panic!("bytes were written") };
            let damaged = stored.head.vouch(&larder::DataSum::of(&data)).is_err();
            assert!(!damaged || !stored.verified, "nobody may be kept from finding out");
            damaged
        }
    }
}
