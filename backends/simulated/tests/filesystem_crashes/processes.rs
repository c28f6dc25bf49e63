//! Processes that die holding locks, and two of them in one directory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::larder::{Backend, Durability, ErrorKind, Expect, Key, Part, Written};
use larder_simulated::disk::{Call, CrashModel, SimDisk, Where};

use crate::support::*;

/// The calls that a write makes.
const OF_A_WRITE: [Call; 7] =
    [Call::TryLock, Call::Open, Call::WriteAt, Call::Sync, Call::Rename, Call::SyncDir, Call::Unlock];

fn text(error: larder::Error) -> String {
    error.to_string()
}

/// Whoever comes after a process that was killed anywhere in a write waits for nothing, finds the old
/// value or the new one, and writes as if nothing had been.
pub(crate) fn killed_while_writing(disk: SimDisk) -> Verdict {
    let disk = prepared(disk);
    let key = Key::from("old");
    for call in OF_A_WRITE {
        for opened_before in [false, true] {
            let disk = disk.fork();
            let (dying, living) = (disk.process(), disk.process());
            let other =
                opened_before.then(|| open(&living, Durability::Synced, 2)).transpose().map_err(text)?;
            let store = open(&dying, Durability::Synced, 1).map_err(text)?;
            let killed = dying.clone();
            disk.before(call, Where::Anywhere, move || killed.kill());
            let written = store.write(&key, record(&key, "dying"), Expect::Any).wait();
            if written.is_ok() != (call == Call::Unlock) {
                return Err(format!("killed before {call}: {written:?}"));
            }
            let other = match other {
                Some(other) => other,
                None => open(&living, Durability::Synced, 2).map_err(text)?,
            };
            let found = get(&other, &key).map_err(text)?;
            let renamed = matches!(call, Call::SyncDir | Call::Unlock);
            if found.as_deref() != Some(if renamed { b"dying" } else { b"old" }) {
                return Err(format!("killed before {call}: {found:?}"));
            }
            other.write(&key, record(&key, "living"), Expect::Any).wait().map_err(text)?;
            other.close().wait().map_err(text)?;
            let third = open(&disk.process(), Durability::Synced, 3).map_err(text)?;
            third.close().wait().map_err(text)?;
            for image in disk.crash_states(CrashModel::AllLost, 1).chain([disk]) {
                let store = open(&image, Durability::Synced, 4).map_err(text)?;
                if get(&store, &key).map_err(text)?.as_deref() != Some(b"living") {
                    return Err(format!("killed before {call}: what was acknowledged later is gone"));
                }
                store.close().wait().map_err(text)?;
                if !leftovers(&image).is_empty() {
                    return Err(format!("killed before {call}: left over are {:?}", leftovers(&image)));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_locks_of_a_killed_process_keep_nobody_waiting() {
    sound(killed_while_writing);
}

/// Two processes compare and set the same version; the second does so at every call of the first. One of
/// them wins. Where the second would have to wait for a lock it fails, since here nobody else runs.
pub(crate) fn two_processes(disk: SimDisk) -> Verdict {
    let disk = prepared(disk);
    let key = Key::from("old");
    let mut waited = 0;
    for call in OF_A_WRITE {
        let disk = disk.fork();
        let one = open(&disk.process(), Durability::Synced, 1).map_err(text)?;
        let two = open(&disk.process(), Durability::Synced, 2).map_err(text)?;
        let stored = two.read(&key, Part::Head).wait().map_err(text)?;
        let version = stored.ok_or("there is a value")?.version;
        let second = Arc::new(Mutex::new(None));
        let (to, at, expect) = (Arc::clone(&second), key.clone(), Expect::Version(version.clone()));
        disk.before(call, Where::Anywhere, move || {
            let written = two.write(&at, record(&at, "two"), expect).wait();
            *to.lock().unwrap() = Some(written);
        });
        let first = one.write(&key, record(&key, "one"), Expect::Version(version)).wait().map_err(text)?;
        let second = second.lock().unwrap().take().ok_or("the other process had its turn")?;
        let won = matches!(first, Written::Done(_));
        let other_won = match second {
            Ok(written) => matches!(written, Written::Done(_)),
            Err(error) if error.kind() == ErrorKind::Io && !error.is_ambiguous() => {
                waited += 1;
                false
            }
            Err(error) => return Err(format!("before {call}: {error}")),
        };
        if won == other_won {
            return Err(format!("before {call}: the first won: {won}; the second: {other_won}"));
        }
        let found = get(&one, &key).map_err(text)?;
        if found.as_deref() != Some(if won { b"one" } else { b"two" }) {
            return Err(format!("before {call}: it is {found:?}"));
        }
    }
    if waited == 0 { Err("no lock was ever held".to_owned()) } else { Ok(()) }
}

#[test]
fn of_two_processes_with_one_version_one_wins_whenever_they_meet() {
    sound(two_processes);
}

/// A process opens the store, and sweeps after a dead one, at every call of another's write.
pub(crate) fn sweep_beside_a_writer(disk: SimDisk) -> Verdict {
    let disk = crate::opening::abandoned(disk);
    let key = Key::from("old");
    for call in OF_A_WRITE {
        let disk = disk.fork();
        let writing = open(&disk.process(), Durability::Synced, 1).map_err(text)?;
        // So that there is a dead owner again when the other comes.
        let dead = disk.process();
        let dead_store = open(&dead, Durability::Synced, 2).map_err(text)?;
        dead.kill();
        drop(dead_store);
        let opening = disk.process();
        let opened = Arc::new(Mutex::new(None));
        let to = Arc::clone(&opened);
        disk.before(call, Where::Anywhere, move || {
            *to.lock().unwrap() = Some(open(&opening, Durability::Synced, 3).map(drop));
        });
        let written = writing.write(&key, record(&key, "newer"), Expect::Any).wait();
        written.map_err(|error| format!("another opened the store before {call}: {error}"))?;
        opened.lock().unwrap().take().ok_or("the other process had its turn")?.map_err(text)?;
        if get(&writing, &key).map_err(text)?.as_deref() != Some(b"newer") {
            return Err(format!("another opened the store before {call}: the write is lost"));
        }
    }
    Ok(())
}

#[test]
fn the_files_of_a_living_process_are_not_swept() {
    sound(sweep_beside_a_writer);
}

/// Two processes make a store at once: the second comes at every call of the first that changes anything,
/// and comes again if it is kept out.
pub(crate) fn two_openings(disk: SimDisk) -> Verdict {
    let root = Path::new(STORE);
    let places: Vec<(Call, PathBuf)> = vec![
        (Call::CreateDir, root.into()),
        (Call::LockFile, root.join("larder-store.lock")),
        (Call::Open, root.join("larder-store.new")),
        (Call::WriteAt, root.join("larder-store.new")),
        (Call::Sync, root.join("larder-store.new")),
        (Call::Rename, root.join("larder-store")),
        (Call::SyncDir, root.into()),
        (Call::CreateDir, root.join("records")),
        (Call::CreateDir, root.join("records/20")),
        (Call::LockFile, root.join("locks/20")),
        (Call::List, root.join("owners")),
    ];
    let key = Key::from("k");
    for (call, place) in places {
        let context = |what: String| format!("another came before {call} {}: {what}", place.display());
        let disk = disk.fork();
        let other = disk.process();
        let came = Arc::new(Mutex::new(None));
        let (to, second) = (Arc::clone(&came), other.clone());
        disk.before(call, Where::At(place.clone()), move || {
            *to.lock().unwrap() = Some(open(&second, Durability::Synced, 2));
        });
        let one = open(&disk.process(), Durability::Synced, 1).map_err(|error| context(text(error)))?;
        let two = match came.lock().unwrap().take() {
            None => return Err(context("it had no turn".to_owned())),
            Some(Ok(store)) => store,
            // It would have waited.
            Some(Err(error)) if error.to_string().contains("cannot lock") => {
                open(&other, Durability::Synced, 3).map_err(|error| context(text(error)))?
            }
            Some(Err(error)) => return Err(context(text(error))),
        };
        for (store, value) in [(&one, "one"), (&two, "two")] {
            store
                .write(&key, record(&key, value), Expect::Any)
                .wait()
                .map_err(|error| context(text(error)))?;
        }
        for image in disk.crash_states(CrashModel::AllLost, 1) {
            let store = open(&image, Durability::Synced, 4).map_err(|error| context(text(error)))?;
            let found = get(&store, &key).map_err(|error| context(text(error)))?;
            if found.as_deref() != Some(b"two") {
                return Err(context(format!("after a power cut there is {found:?}")));
            }
        }
    }
    Ok(())
}

#[test]
fn two_processes_that_make_one_store_both_open_it() {
    sound(two_openings);
}
