//! Every call of opening and working fails, in every way, on a simulated disk: the error says so, the
//! old value is there, and also after the process was killed or the power failed there is nothing that
//! was not written and nothing missing that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::{
    Backend, Bytes, Clock, Durability, Error, ErrorKind, Expect, Key, Part, RealClock, Removed, Result,
    Timestamp, Written,
};
use larder_filesystem::Filesystem;
use larder_simulated::disk::{Call, CrashModel, Failure, Fault, SimDisk};

use crate::support::*;

const STORE: &str = "/srv/store";

/// Numbers that come in order, for the names of owners.
#[derive(Debug)]
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_795_260_480_123)
    }
    fn sleep(&self, time: std::time::Duration) -> futures::future::BoxFuture<'static, ()> {
        RealClock.sleep(time)
    }
    fn random(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Opens the store; its owners' names begin with this number.
fn open_on(disk: &SimDisk, durability: Durability, first: u64) -> Result<Filesystem> {
    let clock = Arc::new(Counting(AtomicU64::new(first)));
    let options = Filesystem::options().inline().durability(durability).clock(clock);
    smol::block_on(options.disk(Arc::new(disk.clone())).open(STORE))
}

/// A sound store with two old records in it, all of it durable.
fn prepared() -> SimDisk {
    let disk = SimDisk::new(1);
    let store = open_on(&disk, Durability::Synced, 0).unwrap();
    put(&store, "old", "old").unwrap();
    put(&store, "kept", "kept").unwrap();
    store.close().wait().unwrap();
    disk.settle();
    disk
}

/// What may be stored under each key after some calls failed, and how they failed.
#[derive(Default)]
struct Outcome {
    possible: BTreeMap<&'static str, Vec<Option<Vec<u8>>>>,
    errors: Vec<Error>,
}

impl Outcome {
    fn note(&mut self, key: &'static str, value: Option<&[u8]>, outcome: Result<bool>) {
        let states = self.possible.entry(key).or_insert_with(|| vec![None]);
        match outcome {
            Ok(true) => *states = vec![value.map(<[u8]>::to_vec)],
            Ok(false) => {}
            Err(error) => {
                // It has not happened, or nobody knows.
                if error.is_ambiguous() {
                    states.push(value.map(<[u8]>::to_vec));
                }
                self.errors.push(error);
            }
        }
    }
}

/// Puts, replaces, removes, streams, under every condition.
fn workload(store: &Filesystem) -> Outcome {
    let mut outcome = Outcome::default();
    for key in ["old", "kept"] {
        outcome.possible.insert(key, vec![Some(key.as_bytes().to_vec())]);
    }
    let done = |written: Written| matches!(written, Written::Done(_));
    let put = |key: &str, data: &'static [u8], expect| {
        let key = Key::from(key);
        store.write(&key, record(&key, data), expect).wait().map(done)
    };
    outcome.note("a", Some(b"1"), put("a", b"1", Expect::Any));
    outcome.note("a", Some(&[2; 1500]), put("a", &[2; 1500], Expect::Any));
    outcome.note("b", Some(b"1"), put("b", b"1", Expect::Absent));
    if let Ok(Some(stored)) = store.read(&"b".into(), Part::Head).wait() {
        outcome.note("b", Some(b"2"), put("b", b"2", Expect::Version(stored.version)));
    }
    let removed = |removed: Removed| removed == Removed::Done;
    outcome.note("old", None, store.remove(&"old".into(), Expect::Any).wait().map(removed));
    outcome.note("kept", Some(b"newer"), put("kept", b"newer", Expect::Any));
    let key = Key::from("streamed");
    let chunks = [Ok(Bytes::from_static(b"in ")), Ok(Bytes::from_static(b"pieces"))];
    let streamed = store.write(&key, streamed(&key, chunks), Expect::Any).wait();
    outcome.note("streamed", Some(b"in pieces"), streamed.map(done));
    if let Err(error) = store.sync().wait() {
        outcome.errors.push(error);
    }
    outcome
}

/// Judges a disk: the store opens and holds what may be there, and nothing that nobody needs is left.
fn check(disk: &SimDisk, outcome: &Outcome, context: &str) {
    let store = open_on(disk, Durability::Synced, 1000).unwrap_or_else(|error| panic!("{context}: {error}"));
    let mut there = BTreeSet::new();
    for (key, states) in &outcome.possible {
        let found = get(&store, *key).unwrap_or_else(|error| panic!("{context}: {key}: {error}"));
        assert!(states.contains(&found), "{context}: {key} is {found:?}, not one of {states:?}");
        there.extend(found.map(|_| Key::from(*key)));
    }
    assert_eq!(keys(&store).into_iter().collect::<BTreeSet<_>>(), there, "{context}");
    store.close().wait().unwrap();
    drop(store);
    let mut space = 0;
    for (path, bytes) in disk.files() {
        let leftover = file_name(&path).starts_with('~') || path.starts_with(Path::new(STORE).join("owners"));
        assert!(!leftover, "{context}: {}", path.display());
        space += bytes.len().next_multiple_of(512) as u64;
    }
    assert_eq!(disk.used(), space, "{context}: files that nobody can see take up space");
}

/// Whether an error is one that the failure may become, or one that follows from it.
fn fits(error: &Error, failure: Failure) -> bool {
    let kind = match failure {
        Failure::Full => ErrorKind::Full,
        Failure::Denied => ErrorKind::Denied,
        _ => ErrorKind::Io,
    };
    error.kind() == kind || error.kind() == ErrorKind::Poisoned
}

/// Makes the n-th call of opening and working fail, for every n.
fn fail_everywhere(durability: Durability, failure: Failure, fault: impl Fn(u64) -> Fault, power_cut: bool) {
    let base = prepared();
    let (mut images, mut failed) = (0, 0);
    for call in 1.. {
        let disk = base.fork();
        disk.inject(fault(call));
        let context = format!("{:?}, {durability:?}", fault(call));
        let mut outcome = Outcome::default();
        match open_on(&disk, durability, 100) {
            Ok(store) => {
                outcome = workload(&store);
                disk.heal();
                for (key, states) in &outcome.possible {
                    let found = get(&store, *key).unwrap_or_else(|error| panic!("{context}: {key}: {error}"));
                    assert!(states.contains(&found), "{context}: {key} is {found:?} at once");
                }
                _ = store.close().wait();
            }
            Err(error) => {
                disk.heal();
                outcome.errors.push(error);
                for key in ["old", "kept"] {
                    outcome.possible.insert(key, vec![Some(key.as_bytes().to_vec())]);
                }
            }
        }
        for error in &outcome.errors {
            assert!(fits(error, failure), "{context}: {error:?}");
            assert!(error.to_string().lines().count() == 1, "{context}: {error}");
        }
        failed += outcome.errors.len();
        if power_cut {
            for model in [CrashModel::AllLost, CrashModel::Adversarial] {
                for image in disk.crash_states(model, 4) {
                    check(&image, &outcome, &format!("{context}, then a power cut, {model:?}"));
                    images += 1;
                }
            }
        }
        check(&disk.fork(), &outcome, &context);
        let calls = disk.total_calls();
        if disk.faults_fired() == 0 {
            assert!(call > 30, "{context}: the workload is made of more calls");
            println!(
                "{durability:?}, {failure:?}: {call} calls failed, {failed} errors, {images} power cuts"
            );
            return;
        }
        assert!(calls >= call);
    }
}

#[test]
fn one_failed_call_anywhere_loses_nothing_also_if_the_power_fails_then() {
    let io = Failure::Io;
    fail_everywhere(Durability::Synced, io, |call| Fault::at(call).fails(io), true);
    fail_everywhere(Durability::Flushed, io, |call| Fault::at(call).fails(io), false);
}

#[test]
fn one_failed_call_that_had_its_effect_loses_nothing_also_if_the_power_fails_then() {
    let io = Failure::Io;
    fail_everywhere(Durability::Synced, io, |call| Fault::at(call).fails_after(io), true);
}

#[test]
fn a_disk_that_dies_at_any_call_loses_nothing_also_if_the_power_fails_then() {
    let io = Failure::Io;
    fail_everywhere(Durability::Synced, io, |call| Fault::at(call).forever().fails(io), true);
}

#[test]
fn a_disk_that_fills_up_at_any_call_loses_nothing() {
    let full = Failure::Full;
    // Reads do not fail for want of space.
    let growing = [Call::Open, Call::WriteAt, Call::CreateDir, Call::LockFile, Call::Rename, Call::Sync];
    let grows = |fault| growing.into_iter().chain([Call::SyncDir, Call::SyncAll]).fold(fault, Fault::on);
    fail_everywhere(Durability::Synced, full, |call| Fault::at(call).fails(full), true);
    fail_everywhere(Durability::Flushed, full, |call| grows(Fault::at(call).forever().fails(full)), false);
}

#[test]
fn a_call_that_is_interrupted_denied_or_finds_no_file_handle_loses_nothing() {
    for failure in [Failure::Interrupted, Failure::Denied, Failure::TooManyFiles] {
        fail_everywhere(Durability::Synced, failure, |call| Fault::at(call).fails(failure), false);
    }
}

#[test]
fn a_sync_that_fails_and_loses_its_data_is_never_believed() {
    let io = Failure::Io;
    fail_everywhere(Durability::Synced, io, |call| Fault::at(call).loses(io), true);
}

#[test]
fn reads_and_writes_that_come_in_pieces_are_put_together() {
    let base = prepared();
    base.inject(Fault::always().on(Call::ReadAt).on(Call::ReadAtCached).on(Call::WriteAt).shortens());
    let store = open_on(&base, Durability::Synced, 100).unwrap();
    let outcome = workload(&store);
    assert!(outcome.errors.is_empty() && base.faults_fired() > 20, "{:?}", outcome.errors);
    store.close().wait().unwrap();
    drop(store);
    check(&base.fork(), &outcome, "in pieces");
}

#[test]
fn an_opening_that_fails_anywhere_leaves_a_directory_that_opens() {
    for after in [false, true] {
        for call in 1.. {
            let disk = SimDisk::new(1);
            let fault = Fault::at(call);
            disk.inject(if after { fault.fails_after(Failure::Io) } else { fault });
            if let Ok(store) = open_on(&disk, Durability::Synced, 0) {
                _ = store.close().wait();
            }
            disk.heal();
            let fired = disk.faults_fired() > 0;
            for disk in disk.crash_states(CrashModel::AllLost, 1).chain([disk.fork()]) {
                let context = format!("call {call}, after {after}");
                let store = open_on(&disk, Durability::Synced, 10)
                    .unwrap_or_else(|error| panic!("{context}: {error}"));
                put(&store, "k", "v").unwrap();
                store.close().wait().unwrap();
                let owners = Path::new(STORE).join("owners");
                assert!(!disk.files().iter().any(|(path, _)| path.starts_with(&owners)), "{context}");
                let image = disk.crash_states(CrashModel::AllLost, 1).next().unwrap();
                let store = open_on(&image, Durability::Synced, 20)
                    .unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"v"[..]), "{context}");
            }
            if !fired {
                assert!(call > 100, "an opening is made of more calls");
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_refuses_and_has_room_again_when_something_is_removed() {
    let disk = SimDisk::new(1).capacity(40 * 1024);
    let store = open_on(&disk, Durability::Synced, 0).unwrap();
    put(&store, "old", vec![1; 2000]).unwrap();
    let mut written = Vec::new();
    let full = loop {
        let key = format!("filler {}", written.len());
        match put(&store, key.as_str(), vec![2; 3000]) {
            Ok(_) => written.push(key),
            Err(error) => break error,
        }
    };
    assert!(written.len() > 5, "{written:?}");
    assert_eq!((full.kind(), full.is_ambiguous(), full.is_retryable()), (ErrorKind::Full, false, false));
    let used = disk.used();
    for _ in 0..3 {
        let refused = [
            put(&store, "old", vec![3; 4000]).unwrap_err(),
            put(&store, "large", vec![3; 2 << 20]).unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::Full), "{refused:?}");
        let key = Key::from("streamed");
        let chunks = (0..20).map(|_| Ok(Bytes::from(vec![4; 3000])));
        let refused = store.write(&key, streamed(&key, chunks), Expect::Any).wait().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Full, "{refused}");
        assert_eq!(disk.used(), used, "what could not be written takes no space");
        assert_eq!(get(&store, "old").unwrap().unwrap(), [1; 2000]);
    }
    // A removal needs no room.
    for key in &written[..2] {
        store.remove(&key.as_str().into(), Expect::Any).wait().unwrap();
    }
    put(&store, "old", vec![3; 4000]).unwrap();
    assert_eq!(get(&store, "old").unwrap().unwrap(), [3; 4000]);
    assert_eq!(get(&store, written[2].as_str()).unwrap().unwrap(), [2; 3000]);
}
