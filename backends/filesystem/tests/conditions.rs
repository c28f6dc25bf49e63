//! Conditional writes and removals.

mod support;

use std::sync::Barrier;
use std::thread;

use larder::{Backend, ErrorKind, Expect, Key, Part, Removed, Version, Written};
use support::*;

#[test]
fn a_record_is_read_as_it_was_written_and_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for size in [0, 1, 1000, 16 * 1024, 16 * 1024 + 1, 300_000, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let data: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        assert!(matches!(put(&store, size as u64, data.clone()).unwrap(), Written::Done(_)));
        assert_eq!(get(&store, size as u64).unwrap().unwrap(), data);
    }
    let first = version(&store, 1000);
    store.close().wait().unwrap();
    let store = open(dir.path());
    assert_eq!(version(&store, 1000), first);
    assert_eq!(keys(&store).len(), 9);
    assert!(read(&store, "absent").unwrap().is_none());
}

#[test]
fn expectations_decide() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let key = Key::from("k");
    let write = |data: &'static str, expect| store.write(&key, record(&key, data), expect).wait().unwrap();
    let remove = |expect| store.remove(&key, expect).wait().unwrap();
    let wrong = Expect::Version(Version::from(7));

    assert_eq!(write("0", wrong.clone()), Written::Unmet);
    assert_eq!(remove(Expect::Any), Removed::Absent);
    assert_eq!(remove(Expect::Absent), Removed::Absent);
    assert_eq!(remove(wrong.clone()), Removed::Unmet);
    let Written::Done(first) = write("1", Expect::Absent) else { panic!("the key was absent") };
    assert_eq!(first, version(&store, "k"));
    assert_eq!(write("2", Expect::Absent), Written::Unmet);
    assert_eq!(write("2", wrong.clone()), Written::Unmet);
    let Written::Done(second) = write("2", Expect::Version(first.clone())) else {
        panic!("the version was right")
    };
    assert_eq!(write("3", Expect::Version(first.clone())), Written::Unmet);
    assert_eq!(remove(Expect::Version(first)), Removed::Unmet);
    assert_eq!(remove(Expect::Absent), Removed::Unmet);
    assert_eq!(get(&store, "k").unwrap().unwrap(), b"2");
    assert_eq!(remove(Expect::Version(second)), Removed::Done);
    assert_eq!(get(&store, "k").unwrap(), None);
    assert!(matches!(write("4", Expect::Any), Written::Done(_)));
    assert_eq!(remove(Expect::Any), Removed::Done);
    assert!(temps(dir.path()).is_empty());
}

#[test]
fn changes_of_one_key_that_queue_together_are_judged_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let key = Key::from("k");
    let write = |data: String, expect| store.write(&key, record(&key, data), expect);
    for round in 0..30 {
        // Keeps the commit thread busy, so that what follows queues.
        let busy: Vec<_> = (0..4)
            .map(|i| {
                let k = Key::from(i);
                store.write(&k, record(&k, "x"), Expect::Any)
            })
            .collect();
        let of = |text: &str| Version::of(record(&key, text.to_owned()).head());
        let a = write("a".into(), Expect::Absent);
        let b = write("b".into(), Expect::Absent);
        let c = write("c".into(), Expect::Version(of("a")));
        let d = write("d".into(), Expect::Version(of("a")));
        let e = store.remove(&key, Expect::Version(of("c")));
        let f = store.remove(&key, Expect::Any);
        let g = write(format!("g{round}"), Expect::Absent);
        let h = store.remove(&key, Expect::Version(of(&format!("g{round}"))));
        assert!(matches!(a.wait().unwrap(), Written::Done(_)));
        assert_eq!(b.wait().unwrap(), Written::Unmet);
        assert!(matches!(c.wait().unwrap(), Written::Done(_)));
        assert_eq!(d.wait().unwrap(), Written::Unmet);
        assert_eq!(e.wait().unwrap(), Removed::Done);
        assert_eq!(f.wait().unwrap(), Removed::Absent);
        assert!(matches!(g.wait().unwrap(), Written::Done(_)));
        assert_eq!(h.wait().unwrap(), Removed::Done);
        assert_eq!(get(&store, "k").unwrap(), None);
        busy.into_iter().for_each(|reply| assert!(reply.wait().is_ok()));
    }
    assert!(temps(dir.path()).is_empty());
}

#[test]
fn of_many_threads_with_one_version_exactly_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    // Two handles exclude each other like two processes.
    let stores = [open(dir.path()), open(dir.path())];
    let key = Key::from("contested");
    put(&stores[0], "contested", "start").unwrap();
    for round in 0..10 {
        let expect = version(&stores[0], "contested");
        let start = Barrier::new(16);
        let wins: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|i| {
                    let (store, start, key, expect) = (&stores[i % 2], &start, &key, expect.clone());
                    scope.spawn(move || {
                        start.wait();
                        let record = record(key, format!("{round} {i}"));
                        let written = store.write(key, record, Expect::Version(expect)).wait().unwrap();
                        usize::from(matches!(written, Written::Done(_)))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(wins, 1);
    }
}

#[test]
fn increments_of_threads_and_handles_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [open(dir.path()), open(dir.path())];
    let key = Key::from("counter");
    thread::scope(|scope| {
        for i in 0..8 {
            let (store, key) = (&stores[i % 2], &key);
            scope.spawn(move || increment(store, key, 25));
        }
    });
    assert_eq!(get(&stores[0], "counter").unwrap().unwrap(), b"200");
}

#[test]
fn writes_of_many_keys_by_two_handles_all_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [open(dir.path()), open(dir.path())];
    let mut replies = Vec::new();
    for i in 0..600 {
        let key = Key::from(format!("key {}", i % 300));
        replies.push(stores[i % 2].write(&key, record(&key, i.to_string()), Expect::Any));
    }
    replies.into_iter().for_each(|reply| assert!(matches!(reply.wait().unwrap(), Written::Done(_))));
    assert_eq!(keys(&stores[0]).len(), 300);
    assert!(temps(dir.path()).is_empty());
}

#[test]
fn what_files_cannot_do_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.write_batch(Vec::new()).wait().unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(!store.capabilities().batches);
    let other = record(&"one".into(), "x");
    let error = store.write(&"other".into(), other, Expect::Any).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let long = Key::from("x".repeat(70_000));
    let error = store.write(&long, record(&long, "x"), Expect::Any).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(store.read(&"one".into(), Part::Head).wait().unwrap().is_none());
}
