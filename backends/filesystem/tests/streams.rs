//! Large data, in and out.

mod support;

use std::fs::File;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use larder::{Backend, ByteRange, Bytes, Data, Error, ErrorKind, Expect, Key, Part, Reply, Result, Written};
use larder_filesystem::Filesystem;
use smol::stream::{self, StreamExt};
use support::*;

fn chunks(count: u8, length: usize) -> Vec<Result<Bytes>> {
    (0..count).map(|i| Ok(Bytes::from(vec![i; length]))).collect()
}

fn faulty(dir: &std::path::Path) -> (Filesystem, Arc<Plan>) {
    let disk = FaultyDisk::default();
    let plan = Arc::clone(&disk.0);
    (smol::block_on(Filesystem::options().disk(Arc::new(disk)).open(dir)).unwrap(), plan)
}

#[test]
fn a_stream_is_stored_whatever_its_chunks_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let key = Key::from("k");
    for (count, length) in [(0, 0), (3, 0), (1, 1), (200, 7), (5, 100_000), (9, 262_144), (4, 700_001)] {
        let written = store.write(&key, streamed(&key, chunks(count, length)), Expect::Any).wait().unwrap();
        let stored = read(&store, "k").unwrap().unwrap();
        assert_eq!(written, Written::Done(stored.version));
        assert_eq!(stored.head.size(), Some(count as u64 * length as u64));
        let data = bytes(stored.data).unwrap();
        stored.head.vouch(&larder::DataSum::of(&data)).unwrap();
        assert!(data.chunks(length.max(1)).enumerate().all(|(i, chunk)| chunk == vec![i as u8; length]));
    }
    assert!(temps(dir.path()).is_empty());
}

#[test]
fn a_stream_that_ends_with_an_error_stores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "k", "old").unwrap();
    let key = Key::from("k");
    let mut parts = chunks(3, 300_000);
    parts.push(Err(Error::new(ErrorKind::Unavailable, "the source went away")));
    let error = store.write(&key, streamed(&key, parts), Expect::Any).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(get(&store, "k").unwrap().unwrap(), b"old");
    store.close().wait().unwrap();
    let store = open(dir.path());
    assert!(temps(dir.path()).is_empty());
    assert_eq!(get(&store, "k").unwrap().unwrap(), b"old");
}

#[test]
fn a_streamed_write_whose_expectation_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "k", "old").unwrap();
    let key = Key::from("k");
    for large in [streamed(&key, chunks(4, 300_000)), record(&key, vec![1; 2 << 20])] {
        assert_eq!(store.write(&key, large, Expect::Absent).wait().unwrap(), Written::Unmet);
        assert!(temps(dir.path()).is_empty());
        assert_eq!(get(&store, "k").unwrap().unwrap(), b"old");
    }
}

/// Polls a reply so often, waiting for each wake-up, then drops it. Tells whether it ended before.
fn drop_after<T>(mut reply: Reply<T>, polls: usize) -> bool {
    let (woken, wakes) = (Arc::new(Wakes::default()), polls);
    let waker = Waker::from(Arc::clone(&woken));
    for _ in 0..wakes {
        if let Poll::Ready(answer) = std::pin::Pin::new(&mut reply).poll(&mut Context::from_waker(&waker)) {
            drop(answer);
            return true;
        }
        woken.wait();
    }
    false
}

#[derive(Default)]
struct Wakes(std::sync::Mutex<bool>, std::sync::Condvar);

impl Wakes {
    fn wait(&self) {
        let mut woken = self.0.lock().unwrap();
        while !*woken {
            woken = self.1.wait(woken).unwrap();
        }
        *woken = false;
    }
}

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[test]
fn a_streamed_write_dropped_at_any_await_point_happens_completely_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let key = Key::from("k");
    for polls in 0.. {
        let store = open(dir.path());
        put(&store, "k", "old").unwrap();
        // Each chunk takes a poll of its own at least.
        let parts = stream::iter(chunks(9, 100_000)).then(|chunk| async {
            smol::future::yield_now().await;
            chunk
        });
        let record = larder::Record::streamed(&meta(&key), parts.boxed()).unwrap();
        let done = drop_after(store.write(&key, record, Expect::Any), polls);
        // Closing waits for what the commit thread was given.
        store.close().wait().unwrap();
        let store = open(dir.path());
        let found = get(&store, "k").unwrap().unwrap();
        assert!(found == b"old" || found.len() == 900_000, "{} bytes after {polls} polls", found.len());
        assert!(!done || found.len() == 900_000);
        put(&store, "after", "usable").unwrap();
        drop(store);
        if done {
            assert!(polls > 9, "there are several points to drop it at");
            break;
        }
    }
    // The threads of dropped stores may still be at it; a new opening sweeps only what is dead.
    let store = open(dir.path());
    assert_eq!(get(&store, "k").unwrap().unwrap().len(), 900_000);
}

#[test]
fn replies_of_small_writes_may_be_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for i in 0..50 {
        let key = Key::from(i);
        drop_after(store.write(&key, record(&key, "x"), Expect::Any), (i % 2) as usize);
        drop_after(store.read(&key, Part::All), (i % 2) as usize);
        drop(store.write(&key, record(&key, vec![0; 2 << 20]), Expect::Any));
        drop(store.remove(&"absent".into(), Expect::Any));
    }
    put(&store, "last", "x").unwrap();
    store.close().wait().unwrap();
    let store = open(dir.path());
    assert_eq!(keys(&store).len(), 51, "what was begun before the closing is finished");
    for key in keys(&store) {
        assert!(get(&store, key).unwrap().is_some());
    }
}

#[test]
fn a_head_of_a_large_binary_reads_few_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, plan) = faulty(dir.path());
    put(&store, "huge", vec![0; 2 << 20]).unwrap();
    // A head that vouches for 256 MiB, and a file that has them, mostly as a hole.
    let (key, size) = ("huge".into(), 256 << 20);
    let mut sum = larder::DataSum::new();
    let zeros = vec![0; 1 << 20];
    (0..256).for_each(|_| sum.update(&zeros));
    let head = larder::Head::new(&meta(&key)).unwrap().seal(&sum);
    let path = file_of(dir.path(), "huge");
    std::fs::write(&path, head.as_bytes()).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(head.as_bytes().len() as u64 + size).unwrap();
    for cold in [false, true] {
        plan.cold.store(cold, Ordering::SeqCst);
        let read = |part| {
            plan.bytes_read.store(0, Ordering::SeqCst);
            store.read(&key, part).wait().unwrap().unwrap()
        };
        let bytes_read = || plan.bytes_read.load(Ordering::SeqCst);
        assert_eq!(read(Part::Head).head.size(), Some(size));
        assert!(bytes_read() <= 4096);
        let range = read(Part::Range(ByteRange::new(size - 100..).unwrap()));
        assert_eq!(bytes(range.data).unwrap(), [0; 100]);
        assert!(bytes_read() <= 17_000);
        let Data::Stream(mut stream) = read(Part::All).data else { panic!("so much is streamed") };
        assert!(bytes_read() <= 72 * 1024);
        plan.bytes_read.store(0, Ordering::SeqCst);
        assert_eq!(smol::block_on(stream.next()).unwrap().unwrap().len(), 256 * 1024);
        assert_eq!(bytes_read(), 256 * 1024, "a stream reads no further than it is pulled");
        let mut rest = DataSums(sum.clone(), 256 * 1024);
        smol::block_on(stream.for_each(|chunk| rest.1 += chunk.unwrap().len() as u64));
        assert_eq!(rest.1, rest.0.len());
    }
}

struct DataSums(larder::DataSum, u64);

#[test]
fn ranges_are_cut_to_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (store, plan) = faulty(dir.path());
    for size in [0usize, 10, 100_000, 3 << 20] {
        let data: Vec<u8> = (0..size).map(|i| (i % 241) as u8).collect();
        put(&store, "k", data.clone()).unwrap();
        for cold in [false, true] {
            plan.cold.store(cold, Ordering::SeqCst);
            for (start, end) in
                [(0, 0), (0, 5), (3, 11), (9, 9), (50_000, 60_000), (0, 2 << 20), (5, u64::MAX)]
            {
                let range = ByteRange::new(start..end).unwrap();
                let stored = store.read(&"k".into(), Part::Range(range)).wait().unwrap().unwrap();
                let (start, end) = range.within(size as u64);
                assert!(
                    bytes(stored.data).unwrap() == data[start as usize..end as usize],
                    "{size} {range:?}"
                );
            }
        }
    }
}

#[test]
fn a_stream_stays_one_state_while_the_record_is_replaced_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, plan) = faulty(dir.path());
    for cold in [false, true] {
        plan.cold.store(cold, Ordering::SeqCst);
        put(&store, "k", vec![1; 4 << 20]).unwrap();
        let stored = read(&store, "k").unwrap().unwrap();
        let Data::Stream(mut stream) = stored.data else { panic!("so much is streamed") };
        let mut sum = larder::DataSum::new();
        smol::block_on(async {
            for i in 0.. {
                let Some(chunk) = stream.next().await else { break };
                sum.update(&chunk.unwrap());
                if i % 4 == 3 {
                    store.remove(&"k".into(), Expect::Any).await.unwrap();
                } else {
                    let key = Key::from("k");
                    store.write(&key, record(&key, vec![i; 4 << 20]), Expect::Any).await.unwrap();
                }
            }
        });
        stored.head.vouch(&sum).unwrap();
    }
}

#[test]
fn a_stream_whose_file_is_cut_meanwhile_ends_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "k", vec![1; 4 << 20]).unwrap();
    let Data::Stream(mut stream) = read(&store, "k").unwrap().unwrap().data else {
        panic!("so much is streamed")
    };
    smol::block_on(stream.next()).unwrap().unwrap();
    File::options().write(true).open(file_of(dir.path(), "k")).unwrap().set_len(1 << 20).unwrap();
    let last = smol::block_on(stream.last()).unwrap().unwrap_err();
    assert_eq!((last.kind(), last.key()), (ErrorKind::Corrupt, Some("\"k\"")));
}

#[test]
fn reads_never_mix_states_while_a_record_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let options = Filesystem::options().durability(larder::Durability::Flushed);
    let store = smol::block_on(options.open(dir.path())).unwrap();
    put(&store, "k", vec![0; 50_000]).unwrap();
    std::thread::scope(|scope| {
        let writer =
            scope.spawn(|| (0..300u32).for_each(|i| _ = put(&store, "k", vec![i as u8; 50_000]).unwrap()));
        while !writer.is_finished() {
            // `get` compares the checksum.
            assert_eq!(get(&store, "k").unwrap().unwrap().len(), 50_000);
        }
    });
}
