//! Every byte of a small store damaged, and every length of each file: what repair saves is right, and verify has
//! said so.

use std::path::Path;

use larder::Backend;
use larder::io::Mode;
use larder_pack::tools;

use crate::support::{DIR, SAVED, Store, content, key, len, open};

fn small() -> Store {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    (0..4).for_each(|number| store.put(&pack, number, vec![number as u8; 20]));
    store.batch(&pack, 10..13, 9);
    store.put(&pack, 2, vec![0x22; 30]);
    store.remove(&pack, 3);
    pack.close().wait().unwrap();
    store
}

/// What was ever stored.
fn earlier(number: usize) -> Vec<Vec<u8>> {
    vec![vec![number as u8; 20], vec![9; 40 + number], vec![0x22; 30]]
}

/// What is saved of a store that may be damaged was stored once, and what is not the newest is listed.
fn is_saved_or_listed(store: &Store, what: &str) {
    let report = store.verify();
    let saved = store.repair();
    assert_eq!(report.is_whole(), saved.is_complete(), "{what}: {:#?} {:#?}", report.damage, saved.damage);
    assert!(tools::verify(&store.disk, Path::new(SAVED), &mut |_| {}).unwrap().is_whole(), "{what}");
    let found = content(&store.disk, SAVED);
    let listed =
        |key: &larder::Key| [&saved.lost, &saved.older, &saved.stale].iter().any(|list| list.contains(key));
    for number in (0..4).chain(10..13) {
        let key = key(number);
        let (before, now) = (store.model.get(&key), found.get(&key));
        if let Some(now) = now.filter(|now| Some(*now) != before) {
            assert!(listed(&key), "{what}: {key} is another");
            assert!(earlier(number).contains(now), "{what}: {key} was never this");
        }
        if now != before {
            assert!(
                !saved.is_complete(),
                "{what}: {key} is not as it was, and nothing is said to be damaged"
            );
        }
    }
    assert!(found.keys().all(|key| store.model.contains_key(key) || listed(key)), "{what}");
}

#[test]
fn every_flipped_byte_is_reported_and_survived() {
    let whole = small();
    let path = whole.segments().pop().unwrap();
    for offset in 0..len(&whole.disk, &path) {
        let store = whole.copy();
        store.flip(&path, offset);
        is_saved_or_listed(&store, &format!("byte {offset}"));
    }
}

#[test]
fn every_length_is_reported_and_survived() {
    let whole = small();
    let path = whole.segments().pop().unwrap();
    for left in 0..len(&whole.disk, &path) {
        let store = whole.copy();
        store.disk.open(&path, Mode::Write).unwrap().set_len(left).unwrap();
        assert!(!store.verify().is_whole(), "{left}");
        is_saved_or_listed(&store, &format!("{left} bytes"));
    }
}

#[test]
fn every_damage_of_the_control_file_leaves_all_data() {
    let whole = small();
    let path = whole.files("control").pop().unwrap();
    for offset in (0..64).chain(4096..4160) {
        let store = whole.copy();
        store.flip(&path, offset);
        assert!(!store.verify().is_whole(), "{offset}");
        store.repair();
        assert!(content(&store.disk, SAVED) == store.model, "{offset}");
    }
}
