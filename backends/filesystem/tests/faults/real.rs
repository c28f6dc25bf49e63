//! Failures with the real files beneath and the real threads: that what is shown on a simulated disk is
//! so there too, and what changes that share a round do to one another.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use larder::{Backend, Bytes, Durability, ErrorKind, Expect, Key, Result};
use larder_filesystem::Filesystem;

use crate::support::*;

fn faulty(dir: &Path, durability: Durability) -> Result<(Filesystem, Arc<Plan>)> {
    let disk = FaultyDisk::default();
    let plan = Arc::clone(&disk.0);
    Ok((open_on(disk, dir, durability)?, plan))
}

fn open_on(disk: FaultyDisk, dir: &Path, durability: Durability) -> Result<Filesystem> {
    smol::block_on(Filesystem::options().disk(Arc::new(disk)).durability(durability).open(dir))
}

/// What may be stored under each key after some calls failed.
type Possible = BTreeMap<&'static str, Vec<Option<&'static [u8]>>>;

/// Puts, replaces, removes, streams; notes what may be there.
fn workload(store: &Filesystem, possible: &mut Possible) {
    let mut note = |key, value: Option<&'static [u8]>, outcome: Result<bool>| {
        let states: &mut Vec<_> = possible.entry(key).or_insert_with(|| vec![None]);
        match outcome {
            Ok(true) => *states = vec![value],
            Ok(false) => {}
            // It has not happened, or nobody knows.
            Err(error) if error.is_ambiguous() => states.push(value),
            Err(_) => {}
        }
    };
    let written = |reply: larder::Reply<larder::Written>| {
        reply.wait().map(|written| matches!(written, larder::Written::Done(_)))
    };
    let put = |key: &'static str, data: &'static [u8], expect| {
        let key = Key::from(key);
        written(store.write(&key, record(&key, data), expect))
    };
    note("a", Some(b"1"), put("a", b"1", Expect::Any));
    note("a", Some(b"2"), put("a", b"2", Expect::Any));
    note("b", Some(b"1"), put("b", b"1", Expect::Absent));
    if let Ok(Some(stored)) = store.read(&"b".into(), larder::Part::Head).wait() {
        note("b", Some(b"2"), put("b", b"2", Expect::Version(stored.version)));
    }
    note("old", None, store.remove(&"old".into(), Expect::Any).wait().map(|_| true));
    note("kept", Some(b"newer"), put("kept", b"newer", Expect::Any));
    let key = Key::from("streamed");
    let chunks = [Ok(Bytes::from_static(b"in ")), Ok(Bytes::from_static(b"pieces"))];
    note("streamed", Some(b"in pieces"), written(store.write(&key, streamed(&key, chunks), Expect::Any)));
    // Several at once share a round.
    let together: Vec<_> = ["x", "y", "z"]
        .map(|key| (key, store.write(&key.into(), record(&key.into(), &b"together"[..]), Expect::Any)))
        .into_iter()
        .collect();
    together.into_iter().for_each(|(key, reply)| note(key, Some(b"together"), written(reply)));
    let flushed = store.sync().wait();
    assert!(flushed.is_ok() || possible.len() == 8, "{flushed:?}");
}

/// A sound store with two old records in it and nothing else.
fn prepare(dir: &Path) -> Possible {
    let store = open(dir);
    for key in keys(&store) {
        store.remove(&key, Expect::Any).wait().unwrap();
    }
    put(&store, "old", "old").unwrap();
    put(&store, "kept", "kept").unwrap();
    store.close().wait().unwrap();
    Possible::from([("old", vec![Some(&b"old"[..])]), ("kept", vec![Some(&b"kept"[..])])])
}

fn check(dir: &Path, possible: &Possible, context: &str) {
    let store = open(dir);
    for (key, states) in possible {
        let found = get(&store, *key).unwrap_or_else(|error| panic!("{context}: {key}: {error}"));
        assert!(states.contains(&found.as_deref()), "{context}: {key} is {found:?}, not one of {states:?}");
    }
    assert!(collect(store.keys(None)).into_iter().all(|key| key.is_ok()), "{context}");
    assert!(temps(dir).is_empty(), "{context}: {:?}", temps(dir));
    store.close().wait().unwrap();
    assert!(owners(dir).is_empty(), "{context}");
}

/// Fails the n-th call of opening and working, for every n.
fn fail_everywhere(kind: io::ErrorKind, stays: bool, after: bool, durability: Durability) {
    let dir = tempfile::tempdir().unwrap();
    for call in 1.. {
        let mut possible = prepare(dir.path());
        let disk = FaultyDisk::default();
        let plan = Arc::clone(&disk.0);
        plan.stays.store(stays, Ordering::SeqCst);
        plan.after.store(after, Ordering::SeqCst);
        plan.fail_at(call, kind);
        let context = format!("{kind} at call {call}, stays {stays}, after {after}, {durability:?}");
        if let Ok(store) = open_on(disk, dir.path(), durability) {
            workload(&store, &mut possible);
            _ = store.close().wait();
        }
        check(dir.path(), &possible, &context);
        if plan.calls() < call {
            assert!(call > 50, "{context}: the workload is made of more calls");
            return;
        }
    }
}

#[test]
fn one_failed_call_anywhere_loses_nothing() {
    fail_everywhere(io::ErrorKind::Other, false, false, Durability::Synced);
}

#[test]
fn a_full_disk_answers_full_and_keeps_the_old_value() {
    for call in ["open", "write_at", "sync", "rename"] {
        let dir = tempfile::tempdir().unwrap();
        let (store, plan) = faulty(dir.path(), Durability::Synced).unwrap();
        put(&store, "k", "old").unwrap();
        plan.fail_every(call, io::ErrorKind::StorageFull);
        let small = put(&store, "k", "new").unwrap_err();
        assert_eq!(small.kind(), ErrorKind::Full, "{call}: {small}");
        assert!(small.to_string().contains("records"), "{small} names the path");
        assert_eq!((small.backend(), small.key()), (Some("filesystem"), Some("\"k\"")));
        plan.heal();
        assert_eq!(get(&store, "k").unwrap().unwrap(), b"old");
        assert!(temps(dir.path()).is_empty());
        let again = put(&store, "k", "new");
        assert_eq!(again.is_ok(), call != "sync", "only a failed sync is for good");
    }
}

#[test]
fn a_write_that_fails_spares_those_that_share_its_round() {
    let dir = tempfile::tempdir().unwrap();
    let (store, plan) = faulty(dir.path(), Durability::Flushed).unwrap();
    let mut failed = 0;
    for round in 0..20 {
        *plan.only.lock().unwrap() = Some("write_at");
        plan.fail_at(5, io::ErrorKind::StorageFull);
        let replies: Vec<_> = (0..16)
            .map(|i| {
                let key = Key::from(i);
                store.write(&key, record(&key, format!("{round}")), Expect::Any)
            })
            .collect();
        let errors: Vec<_> = replies.into_iter().filter_map(|reply| reply.wait().err()).collect();
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::Full));
        failed += errors.len();
    }
    assert_eq!(failed, 20, "one in each round");
    assert!(temps(dir.path()).is_empty());
}

#[test]
fn after_a_failed_sync_writes_are_poisoned_until_reopened_and_reads_go_on() {
    for call in ["sync", "sync_dir", "sync_all"] {
        let dir = tempfile::tempdir().unwrap();
        let (store, plan) = faulty(dir.path(), Durability::Synced).unwrap();
        put(&store, "k", "old").unwrap();
        plan.fail_every(call, io::ErrorKind::Other);
        let mut errors = Vec::new();
        if call != "sync_all" {
            errors.extend(put(&store, "k", "replaced").err());
            assert_eq!(errors[0].is_ambiguous(), call == "sync_dir", "{call}");
        }
        // Until enough have queued to share a sync.
        while errors.is_empty() {
            let replies: Vec<_> = (0..50)
                .map(|i| {
                    let key = Key::from(i);
                    store.write(&key, record(&key, "x"), Expect::Any)
                })
                .collect();
            errors.extend(replies.into_iter().filter_map(|reply| reply.wait().err()));
        }
        assert_eq!(errors[0].kind(), ErrorKind::Io, "{call}");
        plan.heal();
        assert_eq!(put(&store, "k", "new").unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(store.remove(&"k".into(), Expect::Any).wait().unwrap_err().kind(), ErrorKind::Poisoned);
        let large = put(&store, "k", vec![0; 2 << 20]).unwrap_err();
        assert_eq!(large.kind(), ErrorKind::Poisoned);
        assert_eq!(store.sync().wait().unwrap_err().kind(), ErrorKind::Poisoned);
        let there = if call == "sync_dir" { "replaced" } else { "old" };
        assert_eq!(get(&store, "k").unwrap().unwrap(), there.as_bytes());
        store.close().wait().unwrap();
        let store = open(dir.path());
        put(&store, "k", "new").unwrap();
        assert_eq!(get(&store, "k").unwrap().unwrap(), b"new");
    }
}

#[test]
fn flushed_writes_sync_nothing_until_they_are_asked_to() {
    for no_sync_all in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (store, plan) = faulty(dir.path(), Durability::Flushed).unwrap();
        plan.no_sync_all.store(no_sync_all, Ordering::SeqCst);
        for sync in ["sync", "sync_all", "sync_dir"] {
            *plan.only.lock().unwrap() = Some(sync);
            plan.calls.store(0, Ordering::SeqCst);
            put(&store, "k", "v").unwrap();
            put(&store, "large", vec![1; 2 << 20]).unwrap();
            assert_eq!(plan.calls(), 0, "{sync}");
            store.sync().wait().unwrap();
            let synced = plan.calls();
            assert_eq!(synced > 0, no_sync_all != (sync == "sync_all"), "{sync} {no_sync_all}");
            store.sync().wait().unwrap();
            assert_eq!(plan.calls(), synced, "nothing was left to sync");
        }
    }
}

#[test]
fn where_not_everything_can_be_synced_at_once_each_file_is() {
    let dir = tempfile::tempdir().unwrap();
    let (store, plan) = faulty(dir.path(), Durability::Synced).unwrap();
    plan.no_sync_all.store(true, Ordering::SeqCst);
    *plan.only.lock().unwrap() = Some("sync");
    plan.calls.store(0, Ordering::SeqCst);
    let replies: Vec<_> = (0..64)
        .map(|i| {
            let key = Key::from(i);
            store.write(&key, record(&key, "x"), Expect::Any)
        })
        .collect();
    replies.into_iter().for_each(|reply| assert!(reply.wait().is_ok()));
    assert_eq!(plan.calls(), 64);
    plan.fail_every("sync", io::ErrorKind::Other);
    assert!(put(&store, "k", "v").is_err());
    assert_eq!(put(&store, "k", "v").unwrap_err().kind(), ErrorKind::Poisoned);
}

#[test]
fn what_is_not_permitted_is_denied_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, plan) = faulty(dir.path(), Durability::Synced).unwrap();
    put(&store, "k", "old").unwrap();
    for call in ["open", "rename", "lock_file"] {
        plan.fail_every(call, io::ErrorKind::PermissionDenied);
        // A key whose lock file is not open yet.
        let key = if call == "lock_file" { "other" } else { "k" };
        let error = put(&store, key, "new").unwrap_err();
        assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Denied, false), "{call}");
    }
    plan.fail_every("open_cached", io::ErrorKind::PermissionDenied);
    assert_eq!(get(&store, "k").unwrap_err().kind(), ErrorKind::Denied);
    plan.heal();
    assert_eq!(get(&store, "k").unwrap().unwrap(), b"old");
    assert!(temps(dir.path()).is_empty());
}
