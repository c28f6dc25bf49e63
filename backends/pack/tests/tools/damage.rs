//! Damage is named, with file and place; what is whole is not.

use larder::Backend;
use larder::io::Mode;

use crate::support::{DIR, Store, bytes_below, key, len, open};

#[test]
fn a_store_that_is_whole_is_verified_and_not_touched() {
    let store = Store::with_everything();
    let before = bytes_below(&store.sim, "/store");
    let report = store.verify();
    assert!(report.is_whole(), "{:#?}", report.damage);
    assert!(report.index_compared);
    assert_eq!(report.stats.keys, store.model.len() as u64);
    assert_eq!(report.torn_bytes, 0);
    assert!(report.leftovers.is_empty(), "{:?}", report.leftovers);
    assert!(bytes_below(&store.sim, "/store") == before);
}

#[test]
fn a_flipped_bit_in_a_record_is_named_with_file_offset_and_key() {
    let store = Store::with_everything();
    let (path, offset) = store.last(&key(8));
    // The last byte of a value of 58 bytes cannot be in the header of the frame.
    let at = offset + 44 + 60;
    store.flip(&path, at);
    let report = store.verify();
    assert_eq!(report.damage.len(), 1, "{:#?}", report.damage);
    let damage = &report.damage[0];
    assert_eq!(damage.file, path);
    assert!(damage.bytes.as_ref().unwrap().contains(&at), "{damage}");
    assert!(!report.index_compared);
}

#[test]
fn damage_in_frames_that_are_dead_is_named_too() {
    let store = Store::with_everything();
    let frames = store.frames();
    let dead = frames.iter().find(|frame| {
        frame.2 == "record" && frames.iter().rfind(|other| other.3 == frame.3).unwrap() != *frame
    });
    let dead = dead.unwrap();
    store.flip(&dead.0, dead.1 + 4);
    let report = store.verify();
    assert_eq!(report.damage.len(), 1, "{:#?}", report.damage);
    assert_eq!(report.damage[0].bytes.as_ref().unwrap().start, dead.1);
}

#[test]
fn a_missing_segment_is_named() {
    let store = Store::with_everything();
    let path = store.segments()[0].clone();
    store.remove_file(&path);
    let report = store.verify();
    assert!(report.damage.iter().any(|damage| damage.file == path && damage.what.contains("missing")));
}

#[test]
fn a_segment_that_was_cut_is_named() {
    let store = Store::with_everything();
    for path in store.segments() {
        let store = store.copy();
        let file = store.disk.open(&path, Mode::Write).unwrap();
        file.set_len(len(&store.disk, &path) - 16).unwrap();
        let report = store.verify();
        assert!(report.damage.iter().any(|damage| damage.file == path), "{}", path.display());
    }
}

#[test]
fn a_torn_tail_is_no_damage() {
    let store = Store::with_everything();
    let path = store.segments().pop().unwrap();
    let file = store.disk.open(&path, Mode::Write).unwrap();
    file.write_all_at(&[7; 100], len(&store.disk, &path)).unwrap();
    let report = store.verify();
    assert!(report.is_whole(), "{:#?}", report.damage);
    assert_eq!(report.torn_bytes, 100);
}

#[test]
fn damage_of_large_data_is_named_with_its_key() {
    let whole = Store::with_everything();
    let path = whole.files(".blob").pop().unwrap();
    let flipped = whole.copy();
    flipped.flip(&path, 77_777);
    let cut = whole.copy();
    cut.disk.open(&path, Mode::Write).unwrap().set_len(5).unwrap();
    let missing = whole.copy();
    missing.remove_file(&path);
    for store in [flipped, cut, missing] {
        let report = store.verify();
        assert_eq!(report.damage.len(), 1, "{:#?}", report.damage);
        assert_eq!((&report.damage[0].file, &report.damage[0].key), (&path, &Some(key(90))));
    }
}

#[test]
fn damage_of_the_index_is_named_and_the_log_is_whole() {
    let store = Store::with_everything();
    let path = store.files(".index").pop().unwrap();
    for offset in (0..len(&store.disk, &path)).step_by(211) {
        let store = store.copy();
        store.flip(&path, offset);
        let report = store.verify();
        assert!(!report.damage.is_empty(), "{offset}");
        assert!(report.damage.iter().all(|damage| damage.file == path), "{offset}: {:#?}", report.damage);
    }
}

#[test]
fn an_index_is_not_needed() {
    let store = Store::with_everything();
    for path in store.files(".index") {
        store.remove_file(&path);
    }
    let report = store.verify();
    assert!(report.is_whole() && report.index_compared);
    assert_eq!(report.stats.checkpoint, None);
}

/// A checkpoint whose checksums are right, and which claims to hold more of the log than it does.
#[test]
fn an_index_that_does_not_hold_what_the_log_says_is_named() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    (0..5).for_each(|number| store.put(&pack, number, vec![1; 20]));
    pack.close().wait().unwrap();
    let pack = open(&store.disk, DIR);
    store.put(&pack, 1, vec![2; 20]);
    store.put(&pack, 7, vec![2; 20]);
    store.remove(&pack, 3);
    let report = store.verify();
    assert!(report.is_whole(), "{:#?}", report.damage);
    let path = store.files(".index").pop().unwrap();
    let mut bytes = store.sim.bytes(&path).unwrap();
    bytes[24..32].copy_from_slice(&report.stats.end_offset.to_be_bytes());
    let owned = u32::from_be_bytes(bytes[36..40].try_into().unwrap()) as usize;
    let header = 40 + owned;
    let sum = crc32fast::hash(&bytes[..header]).to_be_bytes();
    bytes[header..header + 4].copy_from_slice(&sum);
    let directory = bytes.len() - 6148;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..header + 4]);
    hasher.update(&bytes[directory..directory + 6144]);
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&hasher.finalize().to_be_bytes());
    store.sim.replace(&path, &bytes).unwrap();
    let report = store.verify();
    let mut keys: Vec<_> = report.damage.iter().map(|damage| damage.key.clone()).collect();
    assert!(report.damage.iter().all(|damage| damage.file == path), "{:#?}", report.damage);
    keys.sort();
    keys.dedup();
    assert_eq!(keys, [Some(key(1)), Some(key(3)), Some(key(7))], "{:#?}", report.damage);
}

#[test]
fn damage_of_the_control_file_is_named() {
    let store = Store::with_everything();
    let path = store.files("control").pop().unwrap();
    for offset in [0, 20, 60, 4096, 4110] {
        let store = store.copy();
        store.flip(&path, offset);
        let report = store.verify();
        assert_eq!(report.damage.len(), 1, "{offset}: {:#?}", report.damage);
        assert_eq!(report.damage[0].file, path);
    }
    store.remove_file(&path);
    assert_eq!(store.verify().damage[0].file, path);
}

#[test]
fn what_cannot_be_read_is_damage_like_any_other() {
    use larder_simulated::disk::{Call, Failure, Fault, Where};
    let store = Store::with_everything();
    let path = store.segments().remove(0);
    store.sim.inject(Fault::always().on(Call::ReadAt).within(Where::At(path.clone())).fails(Failure::Io));
    let report = store.verify();
    assert!(report.damage.iter().any(|damage| damage.file == path));
}

#[test]
fn a_directory_without_a_store_is_refused() {
    let store = Store::new();
    let verified = larder_pack::tools::verify(&store.disk, "/nothing".as_ref(), &mut |_| {});
    assert_eq!(verified.unwrap_err().kind(), larder::ErrorKind::Invalid);
}
