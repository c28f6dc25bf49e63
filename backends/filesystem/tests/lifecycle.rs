//! Opening, closing, and being dropped.

mod support;

use std::sync::Arc;

use larder::{Backend, Bytes, Data, Durability, ErrorKind, Expect, Key, Part, Written};
use larder_filesystem::Filesystem;
use smol::stream::{self, StreamExt};
use support::*;

#[test]
fn a_closed_store_answers_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "k", vec![1; 4 << 20]).unwrap();
    let Data::Stream(mut reading) = read(&store, "k").unwrap().unwrap().data else { panic!("streamed") };
    let key = Key::from("k");
    let (sender, chunks) = smol::channel::unbounded();
    let record_of_stream = larder::Record::streamed(&meta(&key), chunks.boxed()).unwrap();
    let mut upload = store.write(&key, record_of_stream, Expect::Any);
    sender.send_blocking(Ok(Bytes::from(vec![2; 300_000]))).unwrap();
    assert!(smol::block_on(smol::future::poll_once(&mut upload)).is_none());

    store.close().wait().unwrap();
    sender.send_blocking(Ok(Bytes::from_static(b"more"))).unwrap();
    drop(sender);
    let closed = |error: larder::Error| assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    closed(upload.wait().unwrap_err());
    closed(read(&store, "k").unwrap_err());
    closed(put(&store, "k", "x").unwrap_err());
    closed(put(&store, "k", vec![0; 2 << 20]).unwrap_err());
    closed(
        store.write(&key, streamed(&key, [Ok(Bytes::from_static(b"x"))]), Expect::Any).wait().unwrap_err(),
    );
    closed(store.remove(&key, Expect::Any).wait().unwrap_err());
    closed(store.sync().wait().unwrap_err());
    closed(store.write_batch(Vec::new()).wait().unwrap_err());
    closed(collect(store.keys(None)).remove(0).unwrap_err());
    closed(smol::block_on(reading.next()).unwrap().unwrap_err());
    store.close().wait().unwrap();
    store.clone().close().wait().unwrap();
    let store = open(dir.path());
    assert_eq!(get(&store, "k").unwrap().unwrap(), vec![1; 4 << 20]);
}

#[test]
fn closing_finishes_what_has_queued() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let replies: Vec<_> = (0..300)
        .map(|i| {
            let key = Key::from(i);
            store.write(&key, record(&key, "x"), Expect::Any)
        })
        .collect();
    let closed = store.close();
    replies.into_iter().for_each(|reply| assert!(matches!(reply.wait().unwrap(), Written::Done(_))));
    closed.wait().unwrap();
    assert!(owners(dir.path()).is_empty(), "a clean close takes its owner file along");
    assert_eq!(keys(&open(dir.path())).len(), 300);
}

/// Files below this directory that have lost their names and are open nevertheless.
#[cfg(target_os = "linux")]
fn nameless(dir: &std::path::Path) -> usize {
    let open =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fd.unwrap().path().read_link().ok());
    open.filter(|path| path.starts_with(dir) && path.to_string_lossy().ends_with(" (deleted)")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_were_replaced_or_removed_are_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let store = open(&dir);
    let key = Key::from("k");
    for n in 0..300u32 {
        put(&store, "k", n.to_be_bytes().to_vec()).unwrap();
        assert!(nameless(&dir) <= 65, "no more than are kept, and the one in the commit thread's hands");
    }
    assert_eq!(store.remove(&key, Expect::Any).wait().unwrap(), larder::Removed::Done);
    // By another thread, which nobody waits for: this ends once it has come to that.
    while nameless(&dir) > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_store_that_is_dropped_finishes_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let replies: Vec<_> = (0..100)
        .map(|i| {
            let key = Key::from(i);
            store.write(&key, record(&key, "x"), Expect::Any)
        })
        .collect();
    drop(store);
    replies.into_iter().for_each(|reply| assert!(matches!(reply.wait().unwrap(), Written::Done(_))));
    assert_eq!(keys(&open(dir.path())).len(), 100);
}

#[test]
fn an_upload_that_outlives_its_store_ends_as_closed_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let key = Key::from("k");
    let chunks = stream::iter([Ok(Bytes::from(vec![2; 300_000]))]).chain(stream::pending());
    let record = larder::Record::streamed(&meta(&key), chunks.boxed()).unwrap();
    let mut upload = store.write(&key, record, Expect::Any);
    while temps(dir.path()).is_empty() {
        assert!(smol::block_on(smol::future::poll_once(&mut upload)).is_none());
    }
    store.close().wait().unwrap();
    assert_eq!(owners(dir.path()).len(), 1, "the upload still owns its file");
    let other = open(dir.path());
    assert_eq!(temps(dir.path()).len(), 1, "and nobody takes it away");
    drop((upload, store));
    while !temps(dir.path()).is_empty() || owners(dir.path()).len() > 1 {
        std::thread::yield_now();
    }
    assert!(read(&other, "k").unwrap().is_none());
}

#[test]
fn without_threads_every_answer_is_there_when_the_call_returns() {
    let dir = tempfile::tempdir().unwrap();
    for durability in [Durability::Synced, Durability::Flushed] {
        let open = || {
            let opening = Filesystem::options().inline().durability(durability).open(dir.path());
            let mut opening = Box::pin(opening);
            smol::block_on(smol::future::poll_once(&mut opening)).expect("no waiting").unwrap()
        };
        let (one, other) = (open(), open());
        let key = Key::from("k");
        for store in [&one, &other] {
            let large = record(&key, vec![7; 2 << 20]);
            for record in [record(&key, "x"), large, streamed(&key, [Ok(Bytes::from_static(b"y"))])] {
                let mut reply = store.write(&key, record, Expect::Any);
                let answer = smol::block_on(smol::future::poll_once(&mut reply)).expect("no waiting");
                assert!(matches!(answer.unwrap(), Written::Done(_)));
            }
        }
        assert_eq!(get(&one, "k").unwrap().unwrap(), b"y");
        assert_eq!(collect(one.keys(None)).len(), 1);
        one.sync().wait().unwrap();
        one.close().wait().unwrap();
        other.close().wait().unwrap();
        assert!(owners(dir.path()).is_empty());
    }
}

#[test]
fn reads_that_the_page_cache_cannot_answer_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let plan = Arc::clone(&disk.0);
    let store = smol::block_on(Filesystem::options().disk(Arc::new(disk)).open(dir.path())).unwrap();
    put(&store, "k", vec![3; 20_000]).unwrap();
    plan.cold.store(true, std::sync::atomic::Ordering::SeqCst);
    let reply = store.read(&"k".into(), Part::All);
    assert!(!reply.is_ready());
    assert_eq!(bytes(reply.wait().unwrap().unwrap().data).unwrap(), vec![3; 20_000]);
    assert!(read(&store, "absent").unwrap().is_none());
}

#[test]
fn the_scheme_opens_a_store_by_its_url() {
    let dir = tempfile::tempdir().unwrap();
    let mut registry = larder::Registry::new();
    registry.register(larder_filesystem::scheme());
    let url = |rest: &str| format!("file:{}/store{rest}", dir.path().display());
    let refused = |rest: &str| smol::block_on(registry.open(&url(rest))).unwrap_err().kind();
    assert_eq!(refused("?create=false"), ErrorKind::Invalid);
    assert_eq!(refused("?durability=volatile"), ErrorKind::Invalid);
    assert_eq!(refused("?color=red"), ErrorKind::Invalid);
    smol::block_on(async {
        let larder = registry.open(&url("?durability=flushed")).await.unwrap();
        larder.assoc("ada", &42).await.unwrap();
        larder.close().await.unwrap();
        let larder = registry.open(&url("?create=false")).await.unwrap();
        assert_eq!(larder.get::<u64>("ada").await.unwrap(), Some(42));
    });
}
