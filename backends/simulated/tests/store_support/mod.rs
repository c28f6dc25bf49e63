//! How the tests of simulated stores run futures: on this thread, in virtual time.

#![allow(dead_code, reason = "every test file uses its own part of this")]

pub(crate) mod files;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use larder::{Backend, Bytes, Expect, Key, Kind, Meta, Part, Record, Timestamp, Version, Written};
use larder_simulated::time::{Advance, Timeline, VirtualClock};

/// Runs futures, on one thread or on several at once, in one virtual time.
#[derive(Debug)]
pub(crate) struct Virtual {
    pub(crate) clock: VirtualClock,
    /// One thread at a time moves time, or one would run ahead of the events of another.
    turn: Mutex<()>,
}

/// Wakes the thread, which looks whether it was its own future that was woken.
struct Parked {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Virtual {
    pub(crate) fn new(seed: u64) -> Virtual {
        Virtual { clock: VirtualClock::new(seed), turn: Mutex::new(()) }
    }

    pub(crate) fn timeline(&self) -> Arc<dyn Timeline> {
        Arc::new(self.clock.clone())
    }

    /// Runs the future to its end. Whoever waits for nothing that will ever happen fails.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let parked = Arc::new(Parked { thread: std::thread::current(), woken: AtomicBool::new(true) });
        let waker = Waker::from(Arc::clone(&parked));
        let mut idle = 0;
        loop {
            if parked.woken.swap(false, Ordering::AcqRel)
                && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return output;
            }
            if parked.woken.load(Ordering::Acquire) {
                continue;
            }
            let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let advanced = self.clock.advance();
            drop(turn);
            match advanced {
                Advance::Moved(_) => idle = 0,
                Advance::Limited(limit) => panic!("time went too far: {limit:?}"),
                // Another thread, or a thread of the backend, must do something first.
                Advance::Held | Advance::Empty => {
                    idle += 1;
                    assert!(idle < 60_000, "nobody does anything any more: a deadlock");
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            }
        }
    }

    /// Lets everything happen that is going to happen, and whatever follows from it.
    pub(crate) fn settle(&self) {
        while let Advance::Moved(_) = self.clock.advance() {}
    }
}

/// A small binary record.
pub(crate) fn record(key: &Key, data: impl Into<Bytes>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1));
    Record::new(&meta, data.into()).unwrap()
}

/// Writes, which must succeed.
pub(crate) async fn put<B: Backend>(store: &B, key: &Key, data: &'static str) -> Version {
    match store.write(key, record(key, data), Expect::Any).await.unwrap() {
        Written::Done(version) => version,
        Written::Unmet => panic!("an unconditional write was refused"),
    }
}

/// What is stored, read whole and verified; `None` if nothing is.
pub(crate) async fn get<B: Backend>(store: &B, key: &Key) -> Option<Bytes> {
    let stored = store.read(key, Part::All).await.unwrap()?;
    let data = match stored.data {
        larder::Data::Bytes(bytes) => bytes,
        data => panic!("{data:?} where bytes were written"),
    };
    stored.head.vouch(&larder::DataSum::of(&data)).unwrap();
    Some(data)
}

/// A directory for a store: in memory where the system has such a place, since nothing here is about the
/// speed of a disk.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
