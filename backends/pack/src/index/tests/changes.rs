//! Finding and changing: hashes, collisions, batches, memory.

use std::path::Path;

use larder::{ErrorKind, Key};

use super::super::location::Slot;
use super::super::table::Table;
use super::super::{Found, read, remove_older};
use super::*;

#[test]
fn a_location_takes_sixteen_bytes_with_its_tag_and_keeps_what_it_knows() {
    for (len, known) in [(44, Some(48)), (1_048_544, Some(1_048_544)), (1_048_560, None), (u64::MAX, None)] {
        let location = Location::new(u32::MAX, u64::from(u32::MAX) * 16, len).unwrap();
        let slot = Slot::from_bytes(Slot::new(0xffff_ffff_ffff, location).to_bytes());
        assert_eq!((slot.location(), slot.tag()), (location, 0xffff_ffff_ffff));
        assert_eq!(slot.location().known_len(), known);
    }
    assert!(!Slot::new(0, Location::new(0, 0, 0).unwrap()).is_empty());
    for offset in [1, 17, 1 << 36] {
        assert_eq!(Location::new(1, offset, 64).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn hashes_stay_what_they_are() {
    // They are at rest in checkpoints. The first 56 bits of what XXH3's own sanity checks give for these.
    assert_eq!(Index::new(0).hash(b""), 0x002d_0680_0538_d394);
    assert_eq!(Index::new(0).hash(&[0]), 0x00c4_4bdf_f407_4eec);
    assert_eq!(Index::new(0x9e37_79b1_85eb_ca8d).hash(&[0]), 0x0003_2be3_32dd_766e);
    // And one that this gave when it was written.
    assert_eq!(Index::new(SALT).hash(Key::from("ada").as_cbor()), 0x00cd_3d24_00ae_ca5f);
}

#[test]
fn keys_with_one_hash_are_found_and_replaced_one_by_one() {
    let index = Index::new(SALT).hashing(|_, _| u64::MAX);
    let mut model = Model::new();
    for number in 0..40 {
        let bytes = key(number).as_cbor().to_vec();
        let hash = index.hash(&bytes);
        let found = index.find(hash);
        let inline = match number {
            0 => matches!(found, Found::Nothing),
            1 => matches!(found, Found::One(_)),
            2 => matches!(found, Found::Two(_)),
            _ => matches!(found, Found::More(_)),
        };
        assert!(inline && found.locations().len() == number as usize);
        index.set(&bytes, None, Some(at(1, number)));
        model.insert(bytes, at(1, number));
        index.compare(&model).unwrap();
    }
    for number in (0..40).rev() {
        let bytes = key(number).as_cbor().to_vec();
        index.set(&bytes, Some(at(1, number)), Some(at(2, number)));
        model.insert(bytes.clone(), at(2, number));
        index.compare(&model).unwrap();
        if number % 2 == 0 {
            index.set(&bytes, Some(at(2, number)), None);
            model.remove(&bytes);
        }
        index.assert_sound();
    }
    index.compare(&model).unwrap();
    assert_eq!(index.len(), 20);
}

#[test]
fn changes_with_an_unknown_place_are_undone() {
    let index = Index::new(SALT);
    let keys: Vec<Vec<u8>> = (0..300).map(|number| key(number).as_cbor().to_vec()).collect();
    let mut model = Model::new();
    for (number, key) in keys.iter().take(150).enumerate() {
        index.set(key, None, Some(at(1, number as u32)));
        model.insert(key.clone(), at(1, number as u32));
    }
    let mut changes: Vec<Change<'_>> = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        let old = model.get(key).copied();
        let new = (number % 3 > 0).then(|| at(2, number as u32));
        changes.push(Change { hash: index.hash(key), key, old, new });
        // What a change made, the next may change again.
        changes.push(Change { hash: index.hash(key), key, old: new, new: new.map(|_| at(3, number as u32)) });
    }
    changes.push(Change { hash: index.hash(&keys[0]), key: &keys[0], old: Some(at(9, 9)), new: None });
    assert_eq!(index.apply(&changes).unwrap_err().kind(), ErrorKind::Corrupt);
    index.compare(&model).unwrap();
    changes.pop();
    index.apply(&changes).unwrap();
    let model = keys.iter().enumerate().filter(|(number, _)| number % 3 > 0);
    index.compare(&model.map(|(number, key)| (key.clone(), at(3, number as u32))).collect()).unwrap();
    index.assert_sound();
}

#[test]
fn readers_see_all_changes_of_a_batch_or_none() {
    let index = Index::new(SALT);
    let keys: Vec<Vec<u8>> = (0..64).map(|number| key(number).as_cbor().to_vec()).collect();
    let batch = |round: u32| {
        let changes = keys.iter().map(|key| Change {
            hash: index.hash(key),
            key,
            old: (round > 0).then(|| at(round, 1)),
            new: Some(at(round + 1, 1)),
        });
        index.apply(&changes.collect::<Vec<_>>()).unwrap();
    };
    batch(0);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while last < 2000 {
                // Whoever has seen one of a batch sees the others, in whatever order they are asked for.
                for key in keys.iter().chain(keys.iter().rev()) {
                    let segment = index.find(index.hash(key)).locations()[0].segment();
                    assert!(segment >= last);
                    last = segment;
                }
            }
        });
        (1..2000).for_each(batch);
        reader.join().unwrap();
    });
}

#[test]
fn a_key_takes_no_more_than_40_bytes_after_a_checkpoint() {
    let index = Index::new(SALT);
    let mut worst: f64 = 0.0;
    for number in 0..100_000 {
        index.set(key(number).as_cbor(), None, Some(at(1, number)));
        if number % 1000 == 999 && number > 20_000 {
            let tables: usize =
                index.shards.iter().map(|shard| read(shard).table.as_ref().unwrap().memory()).sum();
            worst = worst.max(tables as f64 / f64::from(number + 1));
        }
    }
    assert!(worst <= 40.0, "{worst} bytes for the places");
    let before = index.memory() as f64 / 100_000.0;
    assert!(before <= 90.0, "{before} bytes with the keys of 26 bytes");
    let disk = disk();
    write(&index, &disk, 1);
    let after = index.memory() as f64 / 100_000.0;
    assert!(after <= 40.0, "{after} bytes");
    let opened = open(&disk).index;
    write(&opened, &disk, 2);
    assert!(opened.memory() < 100_000, "nothing is loaded yet");
    for number in 0..100_000 {
        opened.find_waiting(opened.hash(key(number).as_cbor())).unwrap();
    }
    let opened = opened.memory() as f64 / 100_000.0;
    assert!(opened <= 40.0, "{opened} bytes");
    println!("worst table {worst:.1}, before a checkpoint {before:.1}, after {after:.1}, opened {opened:.1}");
}

#[test]
fn a_key_that_comes_and_goes_does_not_fill_the_memory() {
    let index = Index::new(SALT);
    for round in 0..20_000 {
        index.set(key(1).as_cbor(), None, Some(at(1, round)));
        index.set(key(1).as_cbor(), Some(at(1, round)), None);
    }
    assert!(index.memory() < 200_000, "{}", index.memory());
    assert_eq!(index.all(None, 10).unwrap().len(), 0);
}

#[test]
fn a_table_shrinks_and_stays_in_order() {
    let mut table = Table::default();
    let tag = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    for number in 0..5000 {
        table.insert(Slot::new(tag(number), at(1, number as u32)));
    }
    assert!(table.is_sound() && table.memory() <= 5000 * 32);
    for number in 0..4950 {
        assert!(table.remove(tag(number), at(1, number as u32)));
        assert!(!table.remove(tag(number), at(1, number as u32)));
        assert!(number % 100 > 0 || table.is_sound());
    }
    assert!(table.is_sound() && table.len() == 50 && table.memory() < 4000, "{}", table.memory());
}

#[test]
fn older_checkpoints_are_removed_and_the_open_one_stays_readable() {
    let disk = disk();
    let index = Index::new(SALT);
    index.set(key(1).as_cbor(), None, Some(at(1, 1)));
    write(&index, &disk, 1);
    let reader = open(&disk);
    write(&index, &disk, 2);
    disk.open(Path::new("/store/00000003.index.tmp"), larder::io::Mode::Create).unwrap();
    disk.open(Path::new("/store/00000003.log"), larder::io::Mode::Create).unwrap();
    remove_older(&disk, Path::new(DIR), 2).unwrap();
    let left: Vec<String> = disk.files().iter().map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(left, ["/store/00000002.index", "/store/00000003.log"]);
    let model = Model::from([(key(1).as_cbor().to_vec(), at(1, 1))]);
    reader.index.compare(&model).unwrap();
    let opened = open(&disk);
    assert_eq!((opened.number, opened.position, &*opened.extra), (2, place(2, 16), b"extra".as_slice()));
    opened.index.compare(&model).unwrap();
}

#[test]
fn another_store_s_checkpoint_is_refused_and_the_one_before_is_taken() {
    let disk = disk();
    write(&Index::new(SALT), &disk, 1);
    write(&Index::new(SALT + 1), &disk, 2);
    let (found, refused) = Index::open(&disk, Path::new(DIR), SALT).unwrap();
    assert_eq!((found.unwrap().number, refused.len()), (1, 1));
    disk.rename(Path::new("/store/00000001.index"), Path::new("/store/0000000a.index")).unwrap();
    let (found, refused) = Index::open(&disk, Path::new(DIR), SALT).unwrap();
    assert!(found.is_none() && refused.len() == 2, "{refused:?}");
}
