//! Binaries that come and go as streams: whole or not at all, one state, bounded memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use larder::{Backend, Data, DataSum, Error, ErrorKind, Expect, Key, Part, Removed, Written, limits};

use crate::Harness;
use crate::race::{polled_at_most, yield_once};
use crate::states::*;

/// A streamed record is the same at rest as one in a single piece, whatever its chunks.
pub fn a_streamed_record_is_stored_like_one_in_a_single_piece<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        for (n, (len, chunk)) in
            [(0, 1), (1, 1), (100, 7), (100, 100), (70_000, 4096), (600_000, 99_999), (1 << 20, 256 << 10)]
                .into_iter()
                .enumerate()
        {
            let n = n as u64;
            let version =
                done(store.write(&key, streamed_state(&key, n, len, chunk), Expect::Any).await.unwrap());
            let stored = store.read(&key, Part::All).await.unwrap().unwrap();
            assert_eq!(stored.head, *state(&key, n, len).head(), "{len} bytes in chunks of {chunk}");
            assert_eq!(stored.version, version);
            assert_eq!(state_of(&key, stored).await, n);
        }
    });
}

/// Chunks without a byte are no end and no harm.
pub fn empty_chunks_in_a_stream_are_no_end<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let data = data_of(1, 30);
        let chunks =
            [Bytes::new(), data.slice(..10), Bytes::new(), Bytes::new(), data.slice(10..), Bytes::new()];
        let record = stream_record(&key, 1, futures::stream::iter(chunks.map(Ok)));
        done(store.write(&key, record, Expect::Absent).await.unwrap());
        let stored = store.read(&key, Part::All).await.unwrap().unwrap();
        assert_eq!(stored.head.size(), Some(30));
        assert_eq!(state_of(&key, stored).await, 1);
    });
}

/// Until its last chunk has come, a streamed write shows nothing: readers see what was there.
pub fn a_streamed_write_is_invisible_until_it_is_complete<H: Harness>(harness: &H) {
    const CHUNKS: usize = 30;
    const CHUNK: usize = 100_000;
    let store = open(harness);
    harness.block_on(async {
        for before in [None, Some(1)] {
            let key = Key::from(format!("before: {before:?}"));
            if let Some(n) = before {
                put(&*store, &key, n).await;
            }
            let (reader, name) = (Arc::clone(&store), key.clone());
            let data = data_of(2, CHUNKS * CHUNK);
            // The stream itself looks, between its chunks, at what can be read.
            let chunks = futures::stream::iter(0..CHUNKS).then(move |i| {
                let (reader, key, data) = (Arc::clone(&reader), name.clone(), data.clone());
                async move {
                    assert_eq!(now(&*reader, &key).await, before, "after {i} chunks of a write");
                    let listed = reader.keys(None).try_collect::<Vec<_>>().await?.contains(&key);
                    assert_eq!(listed, before.is_some(), "listed after {i} chunks of a write");
                    Ok(data.slice(i * CHUNK..(i + 1) * CHUNK))
                }
            });
            done(store.write(&key, stream_record(&key, 2, chunks), Expect::Any).await.unwrap());
            assert_eq!(now(&*store, &key).await, Some(2));
        }
    });
}

/// A stream that fails in the middle stores nothing; its error comes back.
pub fn a_stream_that_fails_stores_nothing<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        for before in [None, Some(1)] {
            for good_chunks in [0, 1, 20] {
                let key = Key::from(format!("{before:?}, {good_chunks} chunks"));
                if let Some(n) = before {
                    put(&*store, &key, n).await;
                }
                let good = futures::stream::iter((0..good_chunks).map(|n| Ok(data_of(n, 50_000))));
                let failure = Error::new(ErrorKind::Unavailable, "the source went away");
                let stream = good.chain(futures::stream::iter([Err(failure)]));
                let error = store.write(&key, stream_record(&key, 2, stream), Expect::Any).await;
                let error = error.expect_err("the stream failed");
                assert_eq!(error.kind(), ErrorKind::Unavailable, "the error is that of the stream: {error}");
                assert_eq!(now(&*store, &key).await, before);
                assert_eq!(listed(&*store, None).await.contains(&key), before.is_some());
                put(&*store, &key, 3).await;
                assert_eq!(now(&*store, &key).await, Some(3));
            }
        }
    });
}

/// The expectation of a streamed write is compared when the write becomes visible, not when it
/// begins.
pub fn a_streamed_write_compares_when_it_is_complete<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let version = put(&*store, &key, 1).await;
        let write = |n: u64, expect: Expect, meanwhile: Option<u64>| {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move {
                let (other, name, data) = (Arc::clone(&store), key.clone(), data_of(n, 600_000));
                let chunks = futures::stream::iter([0, 300_000]).then(move |start| {
                    let (other, key, data) = (Arc::clone(&other), name.clone(), data.clone());
                    async move {
                        if let Some(n) = meanwhile.filter(|_| start > 0) {
                            put(&*other, &key, n).await;
                        }
                        Ok(data.slice(start..start + 300_000))
                    }
                });
                store.write(&key, stream_record(&key, n, chunks), expect).await.unwrap()
            }
        };
        assert_eq!(write(2, Expect::Absent, None).await, Written::Unmet);
        assert_eq!(now(&*store, &key).await, Some(1));
        let version = done(write(3, Expect::Version(version), None).await);
        assert_eq!(now(&*store, &key).await, Some(3));
        assert_eq!(write(4, Expect::Version(version), Some(5)).await, Written::Unmet);
        assert_eq!(now(&*store, &key).await, Some(5), "what was written meanwhile stays");
        store.remove(&key, Expect::Any).await.unwrap();
        assert_eq!(write(6, Expect::Absent, Some(7)).await, Written::Unmet);
        assert_eq!(now(&*store, &key).await, Some(7), "what was written meanwhile stays");
    });
}

/// A binary can be copied within the store: what is read goes straight into what is written, also
/// onto itself.
pub fn a_record_can_be_streamed_into_another_of_the_same_store<H: Harness>(harness: &H) {
    const LEN: usize = 3 << 20;
    let store = open(harness);
    harness.block_on(async {
        let (from, to) = (Key::from("from"), Key::from("to"));
        put_len(&*store, &from, 1, LEN).await;
        for to in [&to, &from] {
            let data = match store.read(&from, Part::All).await.unwrap().unwrap().data {
                Data::Stream(stream) => stream,
                data => futures::stream::iter([Ok(bytes_of(data).await.unwrap())]).boxed(),
            };
            done(store.write(to, stream_record(to, 1, data), Expect::Any).await.unwrap());
            assert_eq!(now(&*store, to).await, Some(1));
        }
    });
}

/// Streams whose next chunk never comes keep nobody waiting: not the readers and writers of the same
/// key, and not those of others. Dropped, they leave nothing behind.
pub fn streams_that_stall_keep_nobody_waiting<H: Harness>(harness: &H) {
    const STALLED: u64 = 16;
    let store = open(harness);
    harness.block_on(async {
        let (key, other) = (Key::from("stalled"), Key::from("other"));
        put(&*store, &key, 1).await;
        let mut stalled = Vec::new();
        for i in 0..STALLED {
            let chunks = futures::stream::iter([Ok(data_of(2, 400_000))]).chain(futures::stream::pending());
            let key = if i % 2 == 0 { key.clone() } else { Key::from(i) };
            let mut write = Box::pin(store.write(&key, stream_record(&key, 2, chunks), Expect::Any));
            for _ in 0..5 {
                // One poll at a time: nothing wakes whoever waits for such a stream.
                assert!(polled_at_most(1, &mut write).await.is_none(), "its stream has no end");
                yield_once().await;
            }
            stalled.push(write);
        }
        for n in 3..10 {
            assert_eq!(now(&*store, &key).await, Some(if n == 3 { 1 } else { n - 1 }));
            put(&*store, &key, n).await;
            put(&*store, &other, n).await;
            done(
                store.write(&other, streamed_state(&other, n, 300_000, 100_000), Expect::Any).await.unwrap(),
            );
        }
        assert_eq!(listed(&*store, None).await, [other.clone(), key.clone()]);
        drop(stalled);
        assert_eq!(now(&*store, &key).await, Some(9));
        put(&*store, &key, 10).await;
        assert_eq!(now(&*store, &key).await, Some(10));
        assert_eq!(listed(&*store, None).await, [other, key]);
    });
}

/// 64 MiB in chunks of 256 KiB. A backend that claims streams keeps few of them in memory: it lets
/// go of those that it has written before it takes many more, and reads in pieces, not at once.
pub fn sixty_four_mebibytes_are_streamed_in_bounded_memory<H: Harness>(harness: &H) {
    const CHUNKS: usize = 256;
    /// So many chunks of a stream may be on their way at a time (16 MiB).
    const ON_THEIR_WAY: usize = 64;
    let store = open(harness);
    let alive = Arc::new(Alive::default());
    harness.block_on(async {
        let key = Key::from("large");
        let counted = Arc::clone(&alive);
        let chunks = (0..CHUNKS).map(move |i| Ok(Tracked::bytes(&counted, large_chunk(i))));
        let record = stream_record(&key, 1, futures::stream::iter(chunks));
        done(store.write(&key, record, Expect::Any).await.unwrap());

        let stored = store.read(&key, Part::All).await.unwrap().unwrap();
        assert_eq!(stored.head.size(), Some((CHUNKS * limits::CHUNK_BYTES) as u64));
        let mut stream = match stored.data {
            Data::Stream(stream) => stream,
            data => {
                assert!(!store.capabilities().streams, "streams are claimed, and 64 MiB came as {data:?}");
                futures::stream::iter([Ok(bytes_of(data).await.unwrap())]).boxed()
            }
        };
        let (mut sum, mut largest) = (DataSum::new(), 0);
        while let Some(chunk) = stream.try_next().await.unwrap() {
            largest = largest.max(chunk.len());
            sum.update(&chunk);
        }
        stored.head.vouch(&sum).unwrap();
        let mut expected = DataSum::new();
        (0..CHUNKS).for_each(|i| expected.update(&large_chunk(i)));
        assert_eq!(sum.crc(), expected.crc(), "the bytes that were written are those that are read");
        if store.capabilities().streams {
            let most = alive.most.load(Ordering::Relaxed);
            assert!(most <= ON_THEIR_WAY, "the store held {most} chunks of {CHUNKS} at a time");
            assert!(largest <= 4 * limits::CHUNK_BYTES, "a chunk of {largest} bytes was read");
        }
        assert_eq!(store.remove(&key, Expect::Any).await.unwrap(), Removed::Done);
    });
}

fn large_chunk(i: usize) -> Vec<u8> {
    let mut chunk = vec![i as u8; limits::CHUNK_BYTES];
    chunk[..8].copy_from_slice(&(i as u64).to_be_bytes());
    chunk
}

/// How many chunks that were handed out are still held by someone.
#[derive(Default)]
struct Alive {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Bytes that report when the last reference to them is gone.
struct Tracked(Vec<u8>, Arc<Alive>);

impl Tracked {
    fn bytes(alive: &Arc<Alive>, bytes: Vec<u8>) -> Bytes {
        let now = alive.now.fetch_add(1, Ordering::Relaxed) + 1;
        alive.most.fetch_max(now, Ordering::Relaxed);
        Bytes::from_owner(Tracked(bytes, Arc::clone(alive)))
    }
}

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.1.now.fetch_sub(1, Ordering::Relaxed);
    }
}
