//! Replies and streams that are dropped at any point: the operation has happened completely or not
//! at all, and the store stays usable.
//!
//! An operation whose reply was dropped may still be running. So every round has a key of its own,
//! and ends by writing to it under its version, which settles what the dropped one did.

use std::sync::Arc;

use futures::StreamExt;
use larder::{Backend, Batch, Expect, Key, Keys, Part, Write, Written, limits};

use crate::Harness;
use crate::race::{polled_at_most, yield_once};
use crate::states::*;

/// More polls than any operation takes; a reply that is still pending then never comes.
const MANY_POLLS: usize = 100_000;

/// Polls what `operate` makes 0 times and drops it, then once, then twice, and so on until it
/// finishes. After each of them `settle` looks at what it left behind.
async fn dropped_at_every_point<T, F: Future<Output = T>>(
    mut operate: impl AsyncFnMut(&Key, usize) -> Operation<F>,
    mut settle: impl AsyncFnMut(&Key, usize, Option<T>),
) {
    for polls in 0..MANY_POLLS {
        let key = Key::from(format!("dropped after {polls} polls"));
        let Operation(future) = operate(&key, polls).await;
        let finished = polled_at_most(polls, future).await;
        let done = finished.is_some();
        settle(&key, polls, finished).await;
        if done {
            return;
        }
    }
    panic!("the operation never finishes");
}

struct Operation<F>(F);

/// Reads until the record is one of `allowed`, which it must always be, then replaces it under its
/// version: nothing that was dropped may undo that.
async fn settles<B: Backend>(store: &B, key: &Key, allowed: &[Option<u64>]) {
    const LAST: u64 = 1_000_000;
    for _ in 0..100 {
        let stored = store.read(key, Part::All).await.unwrap();
        let (found, expect) = match stored {
            None => (None, Expect::Absent),
            Some(stored) => {
                let expect = Expect::Version(stored.version.clone());
                (Some(state_of(key, stored).await), expect)
            }
        };
        assert!(allowed.contains(&found), "{key}: {found:?} is none of {allowed:?}");
        if store.write(key, state(key, LAST, 10), expect).await.unwrap() != Written::Unmet {
            assert_eq!(now(store, key).await, Some(LAST));
            return;
        }
    }
    panic!("{key}: a dropped operation goes on changing the record");
}

/// A write.
pub fn a_write_dropped_at_any_point_happened_or_did_not<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        for (len, streamed) in [(100, false), (300_000, false), (300_000, true)] {
            for before in [None, Some(1)] {
                dropped_at_every_point(
                    async |key, _| {
                        store.remove(key, Expect::Any).await.unwrap();
                        if let Some(n) = before {
                            put(&*store, key, n).await;
                        }
                        let record = match streamed {
                            true => slow_state(key, 2, len),
                            false => state(key, 2, len),
                        };
                        Operation(store.write(key, record, Expect::Any))
                    },
                    async |key, _, finished| match finished {
                        Some(written) => {
                            done(written.unwrap());
                            assert_eq!(now(&*store, key).await, Some(2));
                        }
                        None => settles(&*store, key, &[before, Some(2)]).await,
                    },
                )
                .await;
            }
        }
    });
}

/// A record whose stream is not ready at once: every chunk takes two polls, the first of which wakes.
fn slow_state(key: &Key, n: u64, len: usize) -> larder::Record {
    let data = data_of(n, len);
    let chunks = futures::stream::iter((0..len).step_by(limits::CHUNK_BYTES / 8)).then(move |start| {
        let chunk = data.slice(start..len.min(start + limits::CHUNK_BYTES / 8));
        async move {
            yield_once().await;
            Ok(chunk)
        }
    });
    stream_record(key, n, chunks)
}

/// A removal.
pub fn a_removal_dropped_at_any_point_happened_or_did_not<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(dropped_at_every_point(
        async |key, _| {
            put(&*store, key, 1).await;
            Operation(store.remove(key, Expect::Any))
        },
        async |key, _, finished| match finished {
            Some(removed) => {
                assert_eq!(removed.unwrap(), larder::Removed::Done);
                assert_eq!(now(&*store, key).await, None);
            }
            None => settles(&*store, key, &[Some(1), None]).await,
        },
    ));
}

/// A batch: both of its writes happened, or neither.
pub fn a_batch_dropped_at_any_point_happened_or_did_not<H: Harness>(harness: &H) {
    let store = open(harness);
    if !store.capabilities().batches {
        let refused = harness.block_on(store.write_batch(Vec::new()));
        assert_eq!(refused.expect_err("not claimed").kind(), larder::ErrorKind::Unsupported);
        return;
    }
    let second = |key: &Key| Key::array([key.clone()]);
    harness.block_on(dropped_at_every_point(
        async |key, _| {
            let other = second(key);
            put(&*store, key, 1).await;
            put(&*store, &other, 1).await;
            let write = |key: &Key| Write {
                key: key.clone(),
                record: Some(state(key, 2, 1000)),
                expect: Expect::Any,
            };
            Operation(store.write_batch(vec![write(key), write(&other)]))
        },
        async |key, _, finished| {
            let other = second(key);
            if let Some(written) = finished {
                assert_eq!(written.unwrap(), Batch::Done(vec![true, true]));
                assert_eq!((now(&*store, key).await, now(&*store, &other).await), (Some(2), Some(2)));
                return;
            }
            // Read in this order, the second is never older than the first.
            let seen = (now(&*store, key).await, now(&*store, &other).await);
            let whole = [(Some(1), Some(1)), (Some(1), Some(2)), (Some(2), Some(2))];
            assert!(whole.contains(&seen), "{seen:?}: the second write was lost");
            settles(&*store, key, &[Some(1), Some(2)]).await;
            settles(&*store, &other, &[Some(1), Some(2)]).await;
        },
    ));
}

/// Reads, listings, `sync`: they leave the store as it was.
pub fn a_read_dropped_at_any_point_leaves_the_store_usable<H: Harness>(harness: &H) {
    const LEN: usize = 700_000;
    let store = open(harness);
    harness.block_on(async {
        for part in [Part::All, Part::Head, Part::Range(larder::ByteRange::new(10..600_000).unwrap())] {
            dropped_at_every_point(
                async |key, _| {
                    put_len(&*store, key, 1, LEN).await;
                    let reply = store.read(key, part);
                    // Of a stream as many chunks as the polls allow.
                    Operation(async move { bytes_of(reply.await?.expect("there is a record").data).await })
                },
                async |key, _, finished| {
                    if let Some(bytes) = finished {
                        bytes.unwrap();
                    }
                    settles(&*store, key, &[Some(1)]).await;
                },
            )
            .await;
        }
        dropped_at_every_point(
            async |key, _| {
                put(&*store, key, 1).await;
                Operation(store.sync())
            },
            async |key, _, _| settles(&*store, key, &[Some(1)]).await,
        )
        .await;
        dropped_at_every_point(
            async |key, _| {
                put(&*store, key, 1).await;
                let keys: Keys = store.keys(None);
                Operation(keys.collect::<Vec<_>>())
            },
            async |key, _, _| settles(&*store, key, &[Some(1)]).await,
        )
        .await;
    });
}

/// Many replies dropped at once, from several threads, take nothing with them.
pub fn replies_dropped_in_a_crowd_leave_the_store_usable<H: Harness>(harness: &H) {
    let store = open(harness);
    let keys: Vec<Key> = (0..8).map(|i| Key::from(format!("crowd/{i}"))).collect();
    crate::race::race(harness, 16, |task| {
        let (store, keys) = (Arc::clone(&store), &keys);
        async move {
            for i in 0..30usize {
                let key = &keys[(task + i) % keys.len()];
                let write = store.write(key, state(key, 1 + i as u64, 200), Expect::Any);
                drop(polled_at_most(i % 3, write).await);
                drop(polled_at_most(i % 2, store.read(key, Part::All)).await);
                if i % 7 == 0 {
                    drop(store.remove(key, Expect::Any));
                }
            }
        }
    });
    harness.block_on(async {
        for key in &keys {
            let all: Vec<Option<u64>> = std::iter::once(None).chain((1..=30).map(Some)).collect();
            // As many dropped operations as there are may still be on their way.
            settles(&*store, key, &all).await;
        }
        assert_eq!(listed(&*store, None).await, keys);
    });
}
