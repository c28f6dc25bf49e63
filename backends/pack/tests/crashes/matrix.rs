//! The crash matrix of irmin's pack, a test for each of its rows: a stop at this moment, and what is found after it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use larder::io::{Disk, Mode};
use larder::{Backend, Bytes, Durability, ErrorKind, Expect, Key};
use larder_pack::Pack;
use larder_simulated::disk::{Call, CrashModel, Exploration, SimDisk, Where};

use crate::history::History;
use crate::judge::leftovers;
use crate::simulated::ops::{Op, Script};
use crate::simulated::store::{Content, STORE, contents, get, open, open_read_only, record};
use crate::{MODELS, seed};

fn path(name: &str) -> PathBuf {
    Path::new(STORE).join(name)
}

fn put(store: &Pack, key: &str, value: impl Into<Bytes>) {
    let key = Key::from(key);
    store.write(&key, record(&key, value), Expect::Any).wait().unwrap();
}

/// A store with one record, everything durable, open.
fn small(durability: Durability) -> (SimDisk, Pack) {
    let disk = SimDisk::new(41);
    let store = open(&disk, durability).unwrap();
    put(&store, "first", "1");
    store.close().wait().unwrap();
    drop(store);
    disk.settle();
    let store = open(&disk, durability).unwrap();
    (disk, store)
}

fn keys() -> [Key; 3] {
    ["first", "second", "third"].map(Key::from)
}

fn content(entries: &[(&str, &str)]) -> Content {
    entries.iter().map(|(key, value)| (Key::from(*key), Bytes::copy_from_slice(value.as_bytes()))).collect()
}

/// What a store that is opened there holds; it can be written, and holds that too when it is opened again.
fn reopened(disk: &SimDisk) -> Content {
    let store = open(disk, Durability::Synced).unwrap();
    let found = contents(&store, &keys()).unwrap();
    put(&store, "third", "3");
    drop(store);
    let store = open(disk, Durability::Synced).unwrap();
    let mut expected = found.clone();
    expected.insert(Key::from("third"), Bytes::from_static(b"3"));
    assert_eq!(contents(&store, &keys()).unwrap(), expected);
    found
}

/// A file, without the zeros at its end.
fn without_zeros((path, bytes): &(PathBuf, Vec<u8>)) -> (PathBuf, Vec<u8>) {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    (path.clone(), bytes[..end].to_vec())
}

/// The disk as it was just before the next such call.
fn just_before(disk: &SimDisk, call: Call, place: Where) -> Arc<Mutex<Option<SimDisk>>> {
    let seen = Arc::new(Mutex::new(None));
    let (disk_then, seen_then) = (disk.clone(), Arc::clone(&seen));
    disk.before(call, place, move || *seen_then.lock().unwrap() = Some(disk_then.fork()));
    seen
}

fn taken(seen: &Mutex<Option<SimDisk>>) -> SimDisk {
    seen.lock().unwrap().take().expect("there was such a call")
}

#[test]
fn row_1_what_was_appended_and_not_flushed_is_not_on_the_disk() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let (disk, store) = small(durability);
        let before = disk.files();
        let seen = just_before(&disk, Call::WriteAt, Where::Anywhere);
        put(&store, "second", "2");
        let stopped = taken(&seen);
        // But for the zeros of a length that was set ahead.
        assert!(stopped.files().iter().map(without_zeros).eq(before.iter().map(without_zeros)));
        assert_eq!(reopened(&stopped), content(&[("first", "1")]));
    }
}

#[test]
fn row_2_a_write_torn_at_any_byte_is_cut_at_opening() {
    let (disk, store) = small(Durability::Synced);
    let log = path("00000001.log");
    let content_of = |disk: &SimDisk| {
        let (_, bytes) = without_zeros(&(log.clone(), disk.bytes(&log).unwrap()));
        bytes.len().next_multiple_of(16)
    };
    let before = content_of(&disk);
    let seen = just_before(&disk, Call::WriteAt, Where::At(path("control")));
    let value = "2".repeat(280);
    put(&store, "second", value.clone());
    let stopped = taken(&seen);
    let ahead = stopped.bytes(&log).unwrap();
    let after = &ahead[..content_of(&stopped)];
    assert!(after.len() > before + 280 && after.len() < ahead.len());
    // Cut there, or zeros or something else from there on.
    for cut in before..after.len() - 16 {
        for rest in [None, Some(0), Some(0xa5)] {
            let image = stopped.fork();
            let mut bytes = after[..cut].to_vec();
            if let Some(byte) = rest {
                bytes.resize(after.len(), byte);
                // The length was set ahead before anything was written.
                bytes.resize(ahead.len(), 0);
            }
            image.replace(&log, &bytes).unwrap();
            let found = reopened(&image);
            // Nothing but the padding may be missing.
            if found != content(&[("first", "1")]) {
                assert_eq!(found, content(&[("first", "1"), ("second", &value)]), "cut at {cut}, {rest:?}");
                assert!(after[cut..].iter().all(|byte| Some(*byte) == rest), "cut at {cut}, {rest:?}");
            }
        }
    }
    assert_eq!(reopened(&stopped), content(&[("first", "1"), ("second", &value)]));
}

#[test]
fn row_3_the_control_file_never_says_more_than_was_synced() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let script = Script::new(seed(43), 60);
        let history = History::of(script, durability, &SimDisk::new(script.seed));
        let control = path("control");
        let mut images = 0;
        // Nothing survives but what was synced, and the control file as it was written last.
        let explored = Exploration::new(CrashModel::AllLost, 1).run(&history.recording, |crash| {
            let live = history.recording.disk_at(crash.point).ok_or("no such point")?;
            let bytes = live.bytes(&control).map_err(|error| error.to_string())?;
            crash.disk.replace(&control, &bytes).map_err(|error| error.to_string())?;
            images += 1;
            history.judge(crash, CrashModel::AllLost)
        });
        assert!(explored.is_sound(), "seed {}, {durability:?}: {}", script.seed, explored.violations[0]);
        assert!(images > 50, "{images} images");
    }
}

#[test]
fn row_4_an_unfinished_control_file_is_replaced() {
    let disk = SimDisk::new(44);
    let dying = disk.process();
    let killed = dying.clone();
    disk.before(Call::Rename, Where::At(path("control")), move || killed.kill());
    open(&dying, Durability::Synced).unwrap_err();
    let unfinished = |disk: &SimDisk| disk.files().iter().any(|(path, _)| path.ends_with("control.tmp"));
    assert!(unfinished(&disk));
    for model in MODELS {
        for image in disk.crash_states(model, 100) {
            assert_eq!(reopened(&image), Content::new());
            assert!(!unfinished(&image));
        }
    }
}

#[test]
fn row_5_the_control_file_is_whole_and_one_slot_of_it_is_enough() {
    let (disk, store) = small(Durability::Synced);
    let control = path("control");
    let seen = just_before(&disk, Call::WriteAt, Where::At(control.clone()));
    put(&store, "second", "2");
    let (before, after) = (taken(&seen).bytes(&control).unwrap(), disk.bytes(&control).unwrap());
    let both = content(&[("first", "1"), ("second", "2")]);
    let with = |bytes: &[u8]| {
        let image = disk.fork();
        image.replace(&control, bytes).unwrap();
        image
    };
    assert_ne!(before, after);
    // A part of the old one and a part of the new one.
    for cut in (0..after.len()).filter(|cut| before[*cut] != after[*cut]) {
        assert_eq!(reopened(&with(&[&after[..cut], &before[cut..]].concat())), both, "spliced at {cut}");
        assert_eq!(reopened(&with(&[&before[..cut], &after[cut..]].concat())), both, "spliced at {cut}");
    }
    // Either slot is enough, and without both nothing is believed.
    let without = |slot: std::ops::Range<usize>| {
        let mut bytes = after.clone();
        bytes[slot].fill(0);
        with(&bytes)
    };
    assert_eq!(reopened(&without(0..4096)), both);
    assert_eq!(reopened(&without(4096..after.len())), both);
    let error = open(&without(0..after.len()), Durability::Synced).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[test]
fn row_6_what_is_acknowledged_has_its_names_on_the_medium() {
    let disk = SimDisk::new(46);
    let store = open(&disk, Durability::Synced).unwrap();
    let keys: Vec<Key> = (0..40).map(|number| Key::from(format!("key {number}"))).collect();
    let mut expected = Content::new();
    for key in &keys {
        let value = Bytes::from(vec![b'v'; 500]);
        store.write(key, record(key, value.clone()), Expect::Any).wait().unwrap();
        expected.insert(key.clone(), value);
        for model in CrashModel::POWER_CUTS {
            for image in disk.crash_states(model, 8) {
                let store = open(&image, Durability::Synced).unwrap();
                assert_eq!(contents(&store, &keys).unwrap(), expected, "{model:?}");
            }
        }
    }
    let segments =
        disk.files().iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "log")).count();
    assert!(segments > 3, "{segments} segments");
}

#[test]
fn row_7_the_index_is_made_again_from_the_log() {
    let script = Script { keys: 20, removals: 40, compactions: 6, ..Script::new(seed(47), 100) };
    let history = History::of(script, Durability::Synced, &SimDisk::new(script.seed));
    let recording = &history.recording;
    let last = history.states.last().unwrap();
    let mut checkpoints = 0;
    for point in (0..recording.points()).step_by(5).chain([recording.points() - 1]) {
        let Some(disk) = recording.disk_at(point) else { continue };
        let indexes: Vec<PathBuf> = disk.files().into_iter().map(|(path, _)| path).collect();
        let indexes: Vec<&PathBuf> =
            indexes.iter().filter(|path| path.extension().is_some_and(|end| end == "index")).collect();
        checkpoints += indexes.len();
        let whole = disk.fork();
        let store = open(&whole, Durability::Synced).unwrap();
        let expected = contents(&store, &history.keys).unwrap();
        let changes: [fn(&SimDisk, &Path); 3] = [
            |disk, path| disk.remove(path).unwrap(),
            |disk, path| disk.replace(path, &disk.bytes(path).unwrap()[..60]).unwrap(),
            |disk, path| disk.replace(path, b"").unwrap(),
        ];
        for change in changes {
            let disk = disk.fork();
            indexes.iter().for_each(|path| change(&disk, path));
            let store = open(&disk, Durability::Synced).unwrap();
            assert_eq!(
                contents(&store, &history.keys).unwrap(),
                expected,
                "seed {}, at {point}",
                script.seed
            );
        }
        if point == recording.points() - 1 {
            assert_eq!(&expected, last);
        }
    }
    assert!(checkpoints > 20, "{checkpoints} checkpoints");
}

#[test]
fn row_8_a_stop_in_rotation_or_compaction_changes_nothing_and_leaves_nothing() {
    let keys: Vec<Key> = (0..8).map(|number| Key::from(format!("key {number}"))).collect();
    let put = |number: usize| Op::Put(keys[number % 8].clone(), Bytes::from(format!("{number} ").repeat(90)));
    let mut ops: Vec<Op> = (0..30).map(put).collect();
    ops.extend([Op::Remove(keys[1].clone()), Op::Remove(keys[2].clone())]);
    let disk = SimDisk::new(48);
    let prepared = History::run(48, &ops, keys.clone(), Durability::Synced, &disk);
    let expected = prepared.states.last().unwrap();
    let store = open(&disk, Durability::Synced).unwrap();
    disk.record();
    store.compact().wait().unwrap();
    let recording = disk.recorded();
    drop(store);
    assert!(recording.points() > 10, "{} points", recording.points());
    for model in MODELS {
        let explored = Exploration::new(model, 30).then(CrashModel::Adversarial, 3).until_wrong(1).run(
            &recording,
            |crash| {
                let store = open(&crash.disk, Durability::Synced).map_err(|error| error.to_string())?;
                let found = contents(&store, &keys).map_err(|error| error.to_string())?;
                store.close().wait().map_err(|error| error.to_string())?;
                leftovers(&crash.disk, &found)?;
                if found == *expected { Ok(()) } else { Err(format!("there is {:?}", found.keys())) }
            },
        );
        println!("compaction, {model:?}: {explored}");
        assert!(explored.is_sound(), "{model:?}: {}", explored.violations[0]);
    }
}

#[test]
fn row_8_a_segment_that_came_back_is_removed() {
    let disk = SimDisk::new(48);
    let store = open(&disk, Durability::Synced).unwrap();
    put(&store, "first", "old".repeat(2000));
    put(&store, "second", "2");
    let old = disk.bytes(&path("00000001.log")).unwrap();
    put(&store, "first", "1");
    store.compact().wait().unwrap();
    assert!(disk.bytes(&path("00000001.log")).is_err());
    drop(store);
    let file = disk.open(&path("00000001.log"), Mode::Create).unwrap();
    file.write_all_at(&old, 0).unwrap();
    assert_eq!(reopened(&disk), content(&[("first", "1"), ("second", "2")]));
    assert!(disk.bytes(&path("00000001.log")).is_err());
}

#[test]
fn row_9_a_full_disk_can_be_read_and_written_again_when_there_is_room() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let disk = SimDisk::new(49).sector(512);
        let store = open(&disk, durability).unwrap();
        put(&store, "first", "1");
        let disk = disk.clone().capacity(disk.used() + 6000);
        let second = Key::from("second");
        let mut value = Bytes::new();
        let error = (0..1000)
            .find_map(|number| {
                let next = Bytes::from(format!("{number} ").repeat(50));
                let written = store.write(&second, record(&second, next.clone()), Expect::Any).wait();
                if written.is_ok() {
                    value = next;
                }
                written.err()
            })
            .expect("the disk gets full");
        let (first, now) = (get(&store, &Key::from("first")).unwrap(), get(&store, &second).unwrap());
        assert_eq!((first.as_deref(), now.as_ref()), (Some(&b"1"[..]), Some(&value)), "{error}");
        let disk = disk.capacity(u64::MAX);
        if error.kind() != ErrorKind::Poisoned && !error.is_ambiguous() {
            put(&store, "second", "2");
            assert_eq!(get(&store, &second).unwrap().as_deref(), Some(&b"2"[..]));
        }
        drop(store);
        reopened(&disk);
    }
}

#[test]
fn row_10_a_reader_that_refreshes_at_any_moment_sees_a_state_that_was_there() {
    let script = Script { reopenings: 0, ..Script::new(seed(50), 120) };
    let disk = SimDisk::new(script.seed);
    let store = open(&disk, Durability::Synced).unwrap();
    let reader = Arc::new(Mutex::new(open_read_only(&disk.process()).unwrap()));
    let mut states = vec![Content::new()];
    // The newest state that the reader has seen.
    let (mut least, mut refreshed, mut gone) = (0, 0, 0);
    for (number, op) in script.ops().into_iter().enumerate() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        for call in [Call::WriteAt, Call::Sync, Call::Rename, Call::SyncDir, Call::Remove, Call::Open] {
            let (reader, seen, keys) = (Arc::clone(&reader), Arc::clone(&seen), script.universe());
            disk.before(call, Where::Under(PathBuf::from(STORE)), move || {
                let reader = reader.try_lock();
                // Its own calls are calls too.
                let Ok(reader) = reader else { return };
                let looked = reader.refresh().wait().and_then(|_| contents(&reader, &keys));
                seen.lock().unwrap().push(looked);
            });
            if number % 3 != 0 {
                break;
            }
        }
        let mut after = states.last().unwrap().clone();
        op.run(&store, &after).unwrap();
        op.apply(&mut after);
        states.push(after);
        for looked in std::mem::take(&mut *seen.lock().unwrap()) {
            match looked {
                Ok(found) => {
                    let at = states[least..].iter().position(|state| *state == found);
                    least += at
                        .unwrap_or_else(|| panic!("seed {}, {op:?}: the reader sees {found:?}", script.seed));
                    refreshed += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "seed {}, {op:?}: {error}", script.seed);
                    gone += 1;
                }
            }
        }
        if gone > 0 && number % 10 == 0 {
            *reader.lock().unwrap() = open_read_only(&disk.process()).unwrap();
        }
    }
    println!("seed {}: {refreshed} times refreshed, {gone} times told to open it again", script.seed);
    assert!(refreshed > 20, "{refreshed}");
}
