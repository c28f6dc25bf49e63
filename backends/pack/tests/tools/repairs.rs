//! Repair saves everything that was not damaged, nothing that is wrong, and says what is missing.

use std::path::Path;

use larder::io::Mode;
use larder::{Backend, ErrorKind, Key};
use larder_pack::tools;

use crate::support::{DIR, Model, SAVED, Store, bytes_below, content, key, len, open};

/// Repairs the store; the new one is whole, and holds what the model says but for some keys, which the report lists.
#[track_caller]
fn saved_but_for(store: &Store, damaged: &[Key]) -> tools::Saved {
    let before = bytes_below(&store.sim, DIR);
    let saved = store.repair();
    assert!(bytes_below(&store.sim, DIR) == before, "the damaged store is not touched");
    let report = tools::verify(&store.disk, Path::new(SAVED), &mut |_| {}).unwrap();
    assert!(report.is_whole(), "{:#?}", report.damage);
    let (found, mut expected) = (content(&store.disk, SAVED), store.model.clone());
    assert_eq!(saved.records, found.len() as u64);
    for key in damaged {
        let listed = [&saved.lost, &saved.older, &saved.stale].iter().any(|list| list.contains(key));
        assert!(listed || !found.contains_key(key), "{key} is not listed");
        expected.remove(key);
    }
    let others: Model = found.into_iter().filter(|(key, _)| !damaged.contains(key)).collect();
    assert!(others == expected, "other keys are not as they were");
    saved
}

#[test]
fn a_store_that_is_whole_is_saved_whole() {
    let saved = saved_but_for(&Store::with_everything(), &[]);
    assert!(saved.is_complete());
    assert!(saved.lost.is_empty() && saved.older.is_empty() && saved.stale.is_empty());
}

#[test]
fn control_file_and_index_are_not_needed() {
    let store = Store::with_everything();
    for path in store.files(".index").into_iter().chain(store.files("control")).chain(store.files("lock")) {
        store.remove_file(&path);
    }
    let saved = saved_but_for(&store, &[]);
    assert_eq!(saved.damage.len(), 1);
    assert!(saved.stale.is_empty());
}

#[test]
fn the_headers_of_segments_are_not_needed() {
    let store = Store::with_everything();
    for path in store.segments() {
        store.flip(&path, 3);
    }
    saved_but_for(&store, &[]);
    // Nor if the checkpoint alone is left to tell the number of the store.
    let store = Store::with_everything();
    store.segments().iter().for_each(|path| store.flip(path, 3));
    store.remove_file(&store.files("control")[0]);
    saved_but_for(&store, &[]);
}

#[test]
fn nothing_can_be_read_where_nothing_tells_the_number_of_the_store() {
    let store = Store::with_everything();
    store.segments().iter().for_each(|path| store.flip(path, 3));
    for path in store.files(".index").into_iter().chain(store.files("control")) {
        store.remove_file(&path);
    }
    let repaired = tools::repair(&store.disk, Path::new(DIR), Path::new(SAVED), &mut |_| {});
    assert_eq!(repaired.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_key_whose_newest_value_is_damaged_is_listed_and_no_other() {
    let store = Store::with_everything();
    // It has one record.
    let single = key(50);
    let (path, offset) = store.last(&single);
    store.flip(&path, offset + 44 + 200);
    let saved = saved_but_for(&store, std::slice::from_ref(&single));
    assert_eq!((saved.lost, saved.older, saved.stale), (vec![single], vec![], vec![]));
}

#[test]
fn an_older_value_is_saved_and_said_to_be_older() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    store.put(&pack, 1, vec![1; 300]);
    store.put(&pack, 2, vec![2; 300]);
    store.put(&pack, 1, vec![3; 300]);
    pack.close().wait().unwrap();
    let (path, offset) = store.last(&key(1));
    store.flip(&path, offset + 44 + 250);
    let saved = saved_but_for(&store, &[key(1)]);
    assert_eq!((saved.lost, saved.older, saved.stale), (vec![], vec![key(1)], vec![]));
    assert_eq!(content(&store.disk, SAVED)[&key(1)], [1; 300]);
}

#[test]
fn a_removal_that_is_damaged_makes_everything_before_it_doubtful() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    store.put(&pack, 1, vec![1; 50]);
    store.put(&pack, 2, vec![2; 50]);
    store.remove(&pack, 1);
    store.put(&pack, 3, vec![3; 50]);
    pack.close().wait().unwrap();
    let (path, offset) = store.last(&key(1));
    store.flip(&path, offset + 46);
    let saved = saved_but_for(&store, &[key(1)]);
    assert_eq!(saved.stale, [key(1), key(2)]);
}

#[test]
fn removals_are_respected_also_where_a_segment_is_left_that_does_not_count() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    (0..20).for_each(|number| store.put(&pack, number, vec![1; 150]));
    let first = store.segments()[0].clone();
    let bytes = store.sim.bytes(&first).unwrap();
    (0..20).for_each(|number| store.remove(&pack, number));
    store.put(&pack, 30, vec![2; 10]);
    pack.compact().wait().unwrap();
    pack.compact().wait().unwrap();
    pack.close().wait().unwrap();
    assert!(!store.segments().contains(&first));
    // A power cut may bring back what was unlinked.
    let file = store.disk.open(&first, Mode::Create).unwrap();
    file.write_all_at(&bytes, 0).unwrap();
    let saved = saved_but_for(&store, &[]);
    assert_eq!((saved.records, saved.leftovers), (1, vec![first]));
    assert!(saved.damage.is_empty());
}

#[test]
fn a_missing_segment_loses_its_own_records_only() {
    let whole = Store::with_everything();
    for path in whole.segments() {
        let store = whole.copy();
        let frames = store.frames();
        let last = |key: &Key| frames.iter().rfind(|frame| frame.3 == key.to_string()).unwrap().0.clone();
        let mut damaged: Vec<Key> = store.model.keys().filter(|key| last(key) == path).cloned().collect();
        // What was removed there comes back, and is listed as doubtful.
        let removed = |number: &usize| {
            let key = key(*number);
            !store.model.contains_key(&key) && frames.iter().any(|frame| frame.3 == key.to_string())
        };
        damaged.extend((0..100).filter(removed).map(key));
        store.remove_file(&path);
        let saved = saved_but_for(&store, &damaged);
        assert!(saved.damage.iter().any(|damage| damage.file == path));
    }
}

#[test]
fn a_batch_that_was_not_acknowledged_is_not_saved_in_part() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    store.put(&pack, 1, vec![1; 50]);
    pack.close().wait().unwrap();
    let path = store.segments().pop().unwrap();
    let end = len(&store.disk, &path);
    let acknowledged = store.sim.fork();
    let pack = open(&store.disk, DIR);
    let before = store.model.clone();
    store.batch(&pack, 10..14, 7);
    let mut written = store.sim.bytes(&path).unwrap();
    let last = written.iter().rposition(|byte| *byte != 0).unwrap();
    written.truncate((last + 1).next_multiple_of(16));
    for left in (end..written.len() as u64 - 16).step_by(16) {
        let sim = acknowledged.fork();
        let disk: std::sync::Arc<dyn larder::io::Disk> = std::sync::Arc::new(sim.clone());
        let file = disk.open(&path, Mode::Write).unwrap();
        file.write_all_at(&written[end as usize..left as usize], end).unwrap();
        let store = Store { sim, disk, model: before.clone() };
        assert!(saved_but_for(&store, &[]).is_complete(), "{left}");
    }
}

#[test]
fn large_data_that_is_damaged_is_not_saved_and_what_was_before_is() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    store.put(&pack, 1, b"small".to_vec());
    store.put(&pack, 1, vec![1; 1 << 20]);
    store.put(&pack, 2, vec![2; 1 << 20]);
    store.put(&pack, 3, vec![3; 1 << 20]);
    pack.close().wait().unwrap();
    let blobs = store.files(".blob");
    store.flip(&blobs[0], 1000);
    store.remove_file(&blobs[1]);
    let saved = saved_but_for(&store, &[key(1), key(2)]);
    assert_eq!((saved.lost, saved.older), (vec![key(2)], vec![key(1)]));
    assert_eq!(content(&store.disk, SAVED)[&key(1)], b"small");
}

#[test]
fn what_follows_damage_is_found_again() {
    let store = Store::with_everything();
    let path = store.segments()[1].clone();
    let frames = store.frames();
    let within: Vec<_> = frames.iter().filter(|frame| frame.0 == path).collect();
    let (from, to) = (within[1].1, within[4].1);
    let mut bytes = store.sim.bytes(&path).unwrap();
    bytes[from as usize..to as usize].fill(0);
    store.sim.replace(&path, &bytes).unwrap();
    let hit = |key: &Key| {
        let last = frames.iter().rfind(|frame| frame.3 == key.to_string()).unwrap();
        last.0 == path && (from..to).contains(&last.1)
    };
    let damaged: Vec<Key> =
        (0..100).map(key).filter(|key| frames.iter().any(|f| f.3 == key.to_string()) && hit(key)).collect();
    assert!(!damaged.is_empty());
    let saved = saved_but_for(&store, &damaged);
    assert_eq!(saved.damage.len(), 1, "{:#?}", saved.damage);
    assert_eq!(saved.damage[0].bytes, Some(from..to));
}

#[test]
fn nothing_is_saved_into_a_directory_that_holds_something() {
    let store = Store::with_everything();
    for into in [DIR, "/other"] {
        store.disk.create_dir(Path::new("/other")).ok();
        store.disk.open(Path::new("/other/file"), Mode::Create).ok();
        let repaired = tools::repair(&store.disk, Path::new(DIR), Path::new(into), &mut |_| {});
        assert_eq!(repaired.unwrap_err().kind(), ErrorKind::Invalid, "{into}");
    }
}
