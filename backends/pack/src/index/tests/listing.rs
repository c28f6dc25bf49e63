//! Listing: prefixes, pages, and changes meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_prefix_is_of_text_only_and_any_length_is_listed() {
    let disk = disk();
    let index = Index::new(SALT);
    let mut model = Model::new();
    for len in [0, 1, 22, 23, 24, 25, 39, 40, 255, 256, 300, 65_000] {
        for key in
            [Key::from("é".repeat(len / 2)), Key::from("ab".repeat(len / 2)), Key::bytes(&vec![b'a'; len])]
        {
            let old = model.insert(key.as_cbor().to_vec(), at(1, len as u32));
            index.set(key.as_cbor(), old, Some(at(1, len as u32)));
        }
    }
    for opened in [false, true] {
        let index = if opened { open(&disk).index } else { Index::of(SALT, None) };
        if !opened {
            for (key, location) in &model {
                index.set(key, None, Some(*location));
            }
            write(&index, &disk, 1);
        }
        index.compare(&model).unwrap();
        for prefix in ["", "a", "ab", "aba", "é", "b", "ééééééééééééé"] {
            let mut found = index.all(Some(prefix), 3).unwrap();
            found.sort();
            let texts = model.keys().filter(|key| {
                Key::from_cbor(key).unwrap().as_text().is_some_and(|text| text.starts_with(prefix))
            });
            assert!(found.iter().eq(texts), "{prefix}");
        }
    }
}

#[test]
fn the_order_is_the_same_while_nothing_changes() {
    let disk = disk();
    let index = Index::new(SALT);
    (0..3000).for_each(|number| index.set(key(number).as_cbor(), None, Some(at(1, number))));
    write(&index, &disk, 1);
    (3000..4000).for_each(|number| index.set(key(number).as_cbor(), None, Some(at(1, number))));
    (2500..3500).for_each(|number| index.set(key(number).as_cbor(), Some(at(1, number)), None));
    let once = index.all(None, 10).unwrap();
    assert_eq!(once.len(), 3000);
    for most in [1, 7, 1000, 1 << 20] {
        assert_eq!(index.all(None, most).unwrap(), once);
    }
}

#[test]
fn what_stays_is_listed_exactly_once_while_the_rest_changes() {
    let disk = disk();
    let index = Index::new(SALT);
    // The even ones stay; each goes through other places meanwhile.
    (0..2000).step_by(2).for_each(|number| index.set(key(number).as_cbor(), None, Some(at(1, number))));
    let stay: BTreeSet<Vec<u8>> = (0..2000).step_by(2).map(|number| key(number).as_cbor().to_vec()).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                round += 1;
                for number in (1..2000).step_by(2) {
                    index.set(key(number).as_cbor(), None, Some(at(1, number)));
                    if round % 3 == 0 {
                        let even = key(number - 1);
                        index.set(even.as_cbor(), Some(at(1, number - 1)), Some(at(2, number - 1)));
                        index.set(even.as_cbor(), Some(at(2, number - 1)), Some(at(1, number - 1)));
                    }
                }
                if round % 2 == 0 {
                    write(&index, &disk, round);
                    super::super::remove_older(&disk, std::path::Path::new(DIR), round).unwrap();
                }
                for number in (1..2000).step_by(2) {
                    index.set(key(number).as_cbor(), Some(at(1, number)), None);
                }
            }
            round
        });
        let mut listings = 0;
        while listings < 60 {
            let all = index.all(None, 1 + listings * 5).unwrap();
            let found: BTreeSet<Vec<u8>> = all.iter().cloned().collect();
            assert_eq!(found.len(), all.len(), "a key came twice");
            assert!(found.is_superset(&stay));
            listings += 1;
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}
