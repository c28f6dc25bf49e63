//! What others do to the directory: clear errors, and nothing lost.

mod support;

use std::fs;
use std::path::Path;

use larder::{Backend, ErrorKind, Expect, Key, Part};
use larder_filesystem::Filesystem;
use support::*;

#[test]
fn a_truncated_or_damaged_record_is_corrupt_and_names_key_and_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for size in [10, 100_000, 3 << 20] {
        put(&store, "ada", vec![1; size]).unwrap();
        let file = file_of(dir.path(), "ada");
        let whole = fs::read(&file).unwrap();
        for length in [0, 1, 7, 8, 19, 60, whole.len() - size, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            let error = get(&store, "ada").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} of {}: {error}", whole.len());
            assert_eq!(error.key(), Some("\"ada\""), "{error}");
            assert!(error.to_string().contains("/ada"), "{error}");
            assert_eq!(error.backend(), Some("filesystem"));
        }
        // It can be replaced all the same.
        put(&store, "ada", "well again").unwrap();
        assert_eq!(get(&store, "ada").unwrap().unwrap(), b"well again");
    }
}

#[test]
fn every_flipped_bit_and_every_byte_too_many_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "ada", "some data").unwrap();
    let file = file_of(dir.path(), "ada");
    let whole = fs::read(&file).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, damaged).unwrap();
        assert_eq!(get(&store, "ada").unwrap_err().kind(), ErrorKind::Corrupt, "bit {bit}");
    }
    fs::write(&file, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(get(&store, "ada").unwrap_err().kind(), ErrorKind::Corrupt);
    // A condition that cannot be judged is no reason to write.
    let version = larder::Version::from(1);
    fs::write(&file, &whole[..20]).unwrap();
    let key = Key::from("ada");
    let error = store.write(&key, record(&key, "x"), Expect::Version(version)).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(fs::read(&file).unwrap(), &whole[..20]);
}

#[test]
fn the_record_of_another_key_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "ada", "a").unwrap();
    put(&store, "bob", "b").unwrap();
    fs::copy(file_of(dir.path(), "ada"), file_of(dir.path(), "bob")).unwrap();
    let error = get(&store, "bob").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("\"ada\""), "{error}");
    // Hashed names are compared when they are listed.
    put(&store, 1, "one").unwrap();
    put(&store, 2, "two").unwrap();
    let hashed: Vec<_> = files(&dir.path().join("records"))
        .into_iter()
        .filter(|path| file_name(path).starts_with('#'))
        .collect();
    fs::copy(&hashed[0], &hashed[1]).unwrap();
    let listed = collect(store.keys(None));
    assert_eq!(listed.iter().filter(|key| key.is_ok()).count(), 3);
    let error = listed.into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn a_directory_where_a_file_should_be_is_reported_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "ada", "a").unwrap();
    let file = file_of(dir.path(), "ada");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fs::write(file.join("precious"), "data").unwrap();
    let key = Key::from("ada");
    let errors = [
        store.read(&key, Part::All).wait().unwrap_err(),
        store.read(&key, Part::Head).wait().unwrap_err(),
        put(&store, "ada", "b").unwrap_err(),
        store.write(&key, record(&key, "b"), Expect::Absent).wait().unwrap_err(),
        store.remove(&key, Expect::Any).wait().unwrap_err(),
        collect(store.keys(None)).remove(0).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("/ada"), "{error}");
    }
    assert_eq!(fs::read(file.join("precious")).unwrap(), b"data");
    assert!(temps(dir.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_record_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "ada", "a").unwrap();
    let (file, outside) = (file_of(dir.path(), "ada"), dir.path().join("outside"));
    fs::rename(&file, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &file).unwrap();
    assert!(get(&store, "ada").is_err());
    assert_eq!(collect(store.keys(None)).remove(0).unwrap_err().kind(), ErrorKind::Corrupt);
    // Writing replaces the link and leaves alone what it led to.
    let before = fs::read(&outside).unwrap();
    put(&store, "ada", "b").unwrap();
    assert_eq!(fs::read(&outside).unwrap(), before);
    assert_eq!(get(&store, "ada").unwrap().unwrap(), b"b");
}

#[test]
fn foreign_files_are_reported_once_and_the_listing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let keys: Vec<Key> = (0..50).map(|i| Key::from(format!("key {i}"))).collect();
    keys.iter().for_each(|key| _ = put(&store, key, "x").unwrap());
    let records = dir.path().join("records");
    let foreign = ["README", "00/Notes.TXT", "1f/~x", "20/#1", "3f/ada%2f"];
    for name in foreign {
        let path = records.join(name);
        _ = fs::create_dir(path.parent().unwrap());
        fs::write(path, "mine").unwrap();
    }
    let listed = collect(store.keys(None));
    let errors: Vec<_> = listed.iter().filter_map(|key| key.as_ref().err()).collect();
    assert_eq!(errors.len(), foreign.len());
    for (name, error) in foreign.iter().zip(errors) {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(fs::read(records.join(name)).unwrap(), b"mine");
    }
    assert_eq!(listed.iter().filter(|key| key.is_ok()).count(), keys.len());
    let again = open(dir.path());
    assert_eq!(get(&again, &keys[0]).unwrap().unwrap(), b"x");
    assert_eq!(fs::read(records.join("1f/~x")).unwrap(), b"mine", "no sweep takes it");
}

#[test]
fn a_store_that_went_away_is_no_absence() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("store");
    let store = open(&dir);
    put(&store, "ada", "x").unwrap();
    fs::rename(&dir, outer.path().join("elsewhere")).unwrap();
    assert_eq!(get(&store, "ada").unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(put(&store, "ada", "x").is_err());
    assert!(collect(store.keys(None)).remove(0).is_err());
    fs::rename(outer.path().join("elsewhere"), &dir).unwrap();
    assert_eq!(get(&store, "ada").unwrap().unwrap(), b"x");
}

fn open_error(dir: &Path) -> larder::Error {
    smol::block_on(Filesystem::open(dir)).unwrap_err()
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let outer = tempfile::tempdir().unwrap();
    let photos = outer.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("1.jpg"), "jpg").unwrap();
    let error = open_error(&photos);
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("1.jpg") && error.to_string().contains("empty"), "{error}");
    assert_eq!(files(outer.path()), [photos.join("1.jpg")]);

    let file = outer.path().join("file");
    fs::write(&file, "data").unwrap();
    assert_eq!(open_error(&file).kind(), ErrorKind::Invalid);
    assert_eq!(open_error(&photos.join("1.jpg")).kind(), ErrorKind::Invalid);
    assert_eq!(fs::read(&file).unwrap(), b"data");

    let store = outer.path().join("store");
    open(&store).close().wait().unwrap();
    let descriptor = store.join("larder-store");
    for (text, hint) in [
        ("format: larder-pack\nversion: 1\n", "larder-pack"),
        ("format: larder-filesystem\nversion: 2\n", "newer"),
        ("", "restore"),
        ("\u{0}\u{1}", "restore"),
    ] {
        fs::write(&descriptor, text).unwrap();
        let before = files(&store);
        let error = open_error(&store);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(hint), "{error}");
        assert_eq!(files(&store), before);
    }
    fs::remove_file(&descriptor).unwrap();
    let error = open_error(&store);
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("no descriptor"), "{error}");
    assert!(!descriptor.exists());
}

#[test]
fn without_create_nothing_is_made() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("store");
    let open_only = || smol::block_on(Filesystem::options().create(false).open(&dir));
    assert_eq!(open_only().unwrap_err().kind(), ErrorKind::Invalid);
    assert!(!dir.exists());
    fs::create_dir(&dir).unwrap();
    assert_eq!(open_only().unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    put(&open(&dir), "k", "v").unwrap();
    assert_eq!(get(&open_only().unwrap(), "k").unwrap().unwrap(), b"v");
    let volatile = Filesystem::options().durability(larder::Durability::Volatile);
    assert_eq!(smol::block_on(volatile.open(&dir)).unwrap_err().kind(), ErrorKind::Invalid);
}

/// Data that is streamed is compared with its checksum at its end: the stream then ends with an error.
#[test]
fn a_flipped_bit_in_a_large_binary_is_reported_at_the_end_of_its_stream() {
    let dir = tempfile::tempdir().unwrap();
    let larder = larder::Larder::new(open(dir.path()));
    smol::block_on(async {
        larder.bassoc("ada", vec![1; 3 << 20]).await.unwrap();
        let whole = larder.bget("ada").await.unwrap().unwrap().bytes().await.unwrap();
        assert_eq!(whole.len(), 3 << 20);
        let file = file_of(dir.path(), "ada");
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&file, bytes).unwrap();
        let damaged = larder.bget("ada").await.unwrap().unwrap();
        assert_eq!(damaged.bytes().await.unwrap_err().kind(), ErrorKind::Corrupt);
    });
}
