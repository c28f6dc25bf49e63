//! What opening reads and writes: of a store that was closed, no more than it must; of one that was killed, what was
//! written since the last checkpoint.

#[path = "simulated/mod.rs"]
mod simulated;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder::{Backend, Bytes, Durability, ErrorKind, Expect, Key};
use larder_pack::Pack;
use larder_simulated::disk::{Call, CrashModel, Failure, Fault, SimDisk};
use simulated::store::{Content, STORE, contents, get, open, open_read_only, record};

fn put(store: &Pack, key: &Key, value: &Bytes) {
    store.write(key, record(key, value.clone()), Expect::Any).wait().unwrap();
}

fn key(number: usize) -> Key {
    Key::from(format!("key {number}"))
}

fn segments(disk: &SimDisk) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = disk.files();
    files.retain(|(path, _)| path.extension().is_some_and(|end| end == "log"));
    files
}

/// Several segments, of which compaction has dropped some, and the newest of which has frames.
fn filled(disk: &SimDisk) -> (Pack, Content) {
    let store = open(disk, Durability::Synced).unwrap();
    let mut content = Content::new();
    for number in 0..30 {
        let (key, value) = (key(number % 12), Bytes::from(vec![number as u8 | 1; 400]));
        put(&store, &key, &value);
        content.insert(key, value);
    }
    store.compact().wait().unwrap();
    for number in 0..3 {
        let (key, value) = (key(number), Bytes::from(vec![0x77; 300]));
        put(&store, &key, &value);
        content.insert(key, value);
    }
    (store, content)
}

fn closed() -> (SimDisk, Content) {
    let disk = SimDisk::new(81);
    let (store, content) = filled(&disk);
    store.close().wait().unwrap();
    (disk, content)
}

fn calls(disk: &SimDisk) -> BTreeMap<&'static str, u64> {
    let of = [("writes", Call::WriteAt), ("lengths", Call::SetLen), ("syncs", Call::Sync)];
    let names = [("names", Call::SyncDir), ("removals", Call::Remove), ("renames", Call::Rename)];
    of.into_iter().chain(names).map(|(name, call)| (name, disk.calls(call))).collect()
}

#[test]
fn a_closed_store_is_opened_and_closed_again_without_a_write_or_a_sync() {
    let (disk, content) = closed();
    let before = calls(&disk);
    for _ in 0..3 {
        let store = open(&disk, Durability::Synced).unwrap();
        assert_eq!(contents(&store, content.keys()).unwrap(), content);
        store.sync().wait().unwrap();
        store.close().wait().unwrap();
        assert_eq!(calls(&disk), before);
    }
    // And all of it is durable.
    disk.settle();
    let store = open(&disk, Durability::Synced).unwrap();
    put(&store, &key(50), &Bytes::from_static(b"new"));
    assert_ne!(calls(&disk), before);
}

#[test]
fn files_of_a_closed_store_end_with_their_content() {
    let (disk, _) = closed();
    for (path, bytes) in segments(&disk) {
        let store = open(&disk, Durability::Synced).unwrap();
        let end = store.stats().wait().unwrap();
        if path.ends_with(format!("{:08x}.log", end.end_segment)) {
            assert_eq!(bytes.len() as u64, end.end_offset);
        }
        store.close().wait().unwrap();
    }
}

/// Where frames of these keys begin in the newest segment, if their last is there: its first bytes are the magic's.
fn newest(disk: &SimDisk) -> (PathBuf, Vec<usize>) {
    let (path, bytes) = segments(disk).pop().unwrap();
    let frames = (0..bytes.len()).step_by(16).filter(|at| bytes[*at..].starts_with(b"\xf5LP1")).collect();
    (path, frames)
}

#[test]
fn damage_in_a_closed_store_is_found_where_it_is_read_and_nowhere_else() {
    let (disk, content) = closed();
    let (path, frames) = newest(&disk);
    assert!(frames.len() >= 3, "{frames:?}");
    let mut unread = 0;
    for at in &frames {
        for reading in [false, true] {
            let disk = disk.fork();
            // In the payload.
            assert!(disk.rot(&path, *at as u64 + 60, 4).unwrap());
            let opened = if reading { open_read_only(&disk) } else { open(&disk, Durability::Synced) };
            let store = opened.unwrap();
            for (key, value) in &content {
                match get(&store, key) {
                    Ok(found) => assert_eq!(found.as_ref(), Some(value), "{key}"),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                        unread += 1;
                    }
                }
            }
        }
    }
    // Three frames of keys that stand there, and those of drops and what was replaced, which nobody reads.
    assert!((6..=2 * frames.len()).contains(&unread), "{unread}");
}

#[test]
fn a_killed_store_is_read_from_its_last_checkpoint_on() {
    let disk = SimDisk::new(82);
    let (store, mut content) = filled(&disk);
    store.close().wait().unwrap();
    let (_, covered) = newest(&disk);
    let store = open(&disk, Durability::Synced).unwrap();
    for number in 20..23 {
        let (key, value) = (key(number), Bytes::from(vec![0x55; 50]));
        put(&store, &key, &value);
        content.insert(key, value);
    }
    drop(store);
    let (path, frames) = newest(&disk);
    assert_eq!(frames.len(), covered.len() + 3, "they stand in one segment");
    let damaged = |at: usize| {
        let disk = disk.fork();
        assert!(disk.rot(&path, at as u64 + 60, 4).unwrap());
        open(&disk, Durability::Synced).and_then(|store| contents(&store, content.keys()))
    };
    // Beyond the checkpoint it is found at opening, if it was durable.
    for at in &frames[covered.len()..] {
        let error = damaged(*at).unwrap_err();
        assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
    }
    for at in &covered {
        let disk = disk.fork();
        assert!(disk.rot(&path, *at as u64 + 60, 4).unwrap());
        open(&disk, Durability::Synced).unwrap();
    }
    assert_eq!(contents(&open(&disk, Durability::Synced).unwrap(), content.keys()).unwrap(), content);
}

#[test]
fn a_log_that_ends_before_its_checkpoint_is_damaged() {
    let (disk, _) = closed();
    let (path, bytes) = segments(&disk).pop().unwrap();
    disk.replace(&path, &bytes[..bytes.len() - 32]).unwrap();
    // The control file, too, says so, unless it was lost that it did.
    let control = Path::new(STORE).join("control");
    for slot in [None, Some(0), Some(4096)] {
        let disk = disk.fork();
        if let Some(slot) = slot {
            disk.rot(&control, slot + 30, 1).unwrap();
        }
        let error = open(&disk, Durability::Synced).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(".log"), "{error}");
    }
}

#[test]
fn segments_that_were_dropped_stay_so_however_the_store_is_opened() {
    let (disk, content) = closed();
    let live: Vec<PathBuf> = segments(&disk).into_iter().map(|(path, _)| path).collect();
    assert!(!live.iter().any(|path| path.ends_with("00000001.log")), "{live:?}");
    for index in [true, false] {
        let disk = disk.fork();
        if !index {
            let files = disk.files().into_iter().map(|(path, _)| path);
            for path in files.filter(|path| path.extension().is_some_and(|end| end == "index")) {
                larder::io::Disk::remove(&disk, &path).unwrap();
            }
        }
        let store = open(&disk, Durability::Synced).unwrap();
        assert_eq!(contents(&store, content.keys()).unwrap(), content);
        put(&store, &key(60), &Bytes::from_static(b"new"));
        store.close().wait().unwrap();
        assert!(segments(&disk).iter().map(|(path, _)| path).eq(live.iter()));
    }
}

/// The zeros are cut off, and the sync of that fails and has lost it, as on Linux: the next process reads a file without
/// them, and the medium has one with them.
#[test]
fn a_length_that_a_failed_sync_has_lost_is_made_so_again() {
    let disk = SimDisk::new(83);
    let (store, content) = filled(&disk);
    disk.settle();
    disk.inject(Fault::at(1).on(Call::Sync).loses(Failure::Io));
    store.close().wait().unwrap_err();
    assert_eq!(disk.faults_fired(), 1);
    drop(store);
    let store = open(&disk, Durability::Synced).unwrap();
    // Begins the next segment, and says how long this one is.
    store.compact().wait().unwrap();
    drop(store);
    for left in disk.crash_states(CrashModel::Adversarial, 50) {
        let store = open(&left, Durability::Synced).unwrap();
        assert_eq!(contents(&store, content.keys()).unwrap(), content);
    }
}

#[test]
fn where_the_length_of_a_file_cannot_be_set_the_store_does_without() {
    let disk = SimDisk::new(84);
    disk.inject(Fault::always().on(Call::SetLen).fails(Failure::Full));
    let (store, content) = filled(&disk);
    assert_eq!(contents(&store, content.keys()).unwrap(), content);
    store.close().wait().unwrap();
    assert!(disk.faults_fired() > 3, "every segment tries once");
    let store = open(&disk, Durability::Synced).unwrap();
    assert_eq!(contents(&store, content.keys()).unwrap(), content);
}
