//! A checkpoint whose bytes are changed: refused, or harmless.

use std::path::Path;

use larder::ErrorKind;

use super::*;

const PATH: &str = "/store/00000001.index";

fn small() -> (SimDisk, Model) {
    let disk = disk();
    let index = Index::new(SALT);
    let mut model = Model::new();
    for number in 0..6 {
        index.set(key(number).as_cbor(), None, Some(at(1, number)));
        model.insert(key(number).as_cbor().to_vec(), at(1, number));
    }
    write(&index, &disk, 1);
    (disk, model)
}

/// Tells whether it was refused at once; panics if anything is found that is not there.
fn judge(disk: &SimDisk, model: &Model) -> bool {
    let (found, refused) = Index::open(disk, Path::new(DIR), SALT).unwrap();
    let Some(found) = found else {
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].kind(), ErrorKind::Corrupt);
        return true;
    };
    assert_eq!((found.number, found.position, &*found.extra), (1, place(1, 16), b"extra".as_slice()));
    let error = found.index.compare(model).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("rebuild the index"), "{error}");
    false
}

#[test]
fn every_flipped_bit_is_noticed() {
    let (disk, model) = small();
    let bytes = disk.bytes(Path::new(PATH)).unwrap();
    let (mut at_once, mut later) = (0, 0);
    for byte in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[byte] ^= 1 << bit;
            disk.replace(Path::new(PATH), &changed).unwrap();
            *(if judge(&disk, &model) { &mut at_once } else { &mut later }) += 1;
        }
    }
    // Six slots, six blocks with one key of 26 bytes each.
    assert_eq!(later, 6 * (16 + 12 + 27) * 8, "{at_once} at once");
}

#[test]
fn every_other_length_is_noticed() {
    let (disk, model) = small();
    let bytes = disk.bytes(Path::new(PATH)).unwrap();
    for len in 0..bytes.len() {
        disk.replace(Path::new(PATH), &bytes[..len]).unwrap();
        assert!(judge(&disk, &model), "{len}");
    }
    for more in [1, 16, 4096] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + more, 0);
        disk.replace(Path::new(PATH), &longer).unwrap();
        assert!(judge(&disk, &model), "{more} more");
    }
}

#[test]
fn a_damaged_shard_leaves_the_others_readable_and_unchanged() {
    let (disk, _) = small();
    // The first slot, which is right after the header.
    assert!(disk.rot(Path::new(PATH), 40 + 5 + 4 + 3, 1).unwrap());
    let index = open(&disk).index;
    let (mut whole, mut damaged) = (0, 0);
    for number in 0..6 {
        let key = key(number);
        let hash = index.hash(key.as_cbor());
        let change = Change { hash, key: key.as_cbor(), old: Some(at(1, number)), new: Some(at(2, number)) };
        match index.find_waiting(hash) {
            Ok(found) => {
                assert_eq!(found.locations(), [at(1, number)]);
                index.apply(&[change]).unwrap();
                whole += 1;
            }
            Err(_) => {
                assert_eq!(index.apply(&[change]).unwrap_err().kind(), ErrorKind::Corrupt);
                damaged += 1;
            }
        }
    }
    assert_eq!((whole, damaged), (5, 1));
    assert_eq!(index.all(None, 2).unwrap().len(), 6, "the keys are whole");
    let error = index.checkpoint(&disk, Path::new(DIR), 2, place(1, 16), b"").unwrap_err();
    assert_eq!((error.kind(), disk.files().len()), (ErrorKind::Corrupt, 1));
}

#[test]
fn a_listing_goes_on_after_damaged_keys() {
    let disk = disk();
    let index = Index::new(SALT);
    for number in 0..1000 {
        index.set(key(number).as_cbor(), None, Some(at(1, number)));
    }
    write(&index, &disk, 1);
    let len = disk.bytes(Path::new(PATH)).unwrap().len();
    // The last key of the last shard.
    assert!(disk.rot(Path::new(PATH), (len - 256 * 24 - 4 - 1) as u64, 1).unwrap());
    let index = open(&disk).index;
    index.set(key(1000).as_cbor(), None, Some(at(1, 1000)));
    let (mut cursor, mut found, mut errors) = (Cursor::new(None), 0, 0);
    loop {
        match index.page(&mut cursor, 100) {
            Ok(page) if page.is_empty() => break,
            Ok(page) => found += page.len(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                errors += 1;
            }
        }
    }
    assert!(errors == 1 && (980..1001).contains(&found), "{found}");
}
