//! Small stores, damaged in every way that is one step: every bit, every length, every file. What is damaged is
//! reported, with the file, or does no harm: nobody reads an old value, misses a key that is there, or finds one
//! that was removed.
//!
//! A debug build thins this out beyond the first bytes of each file. A release build, or `LARDER_EVERY_BIT=1`, does it
//! all: every bit, and every length.

#[path = "support/records.rs"]
mod records;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::{Backend, Error};
use larder_pack::{Options, Pack};
use larder_simulated::disk::SimDisk;
use records::*;

const DIR: &str = "/store";

/// So many bytes at the beginning of each file are gone through one by one in any build.
const DENSE: usize = 128;

/// Whether nothing is left out.
fn is_thorough() -> bool {
    !cfg!(debug_assertions) || std::env::var_os("LARDER_EVERY_BIT").is_some()
}

/// How the store was left.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    Closed,
    Killed,
}

/// A store on a disk, and what is in it.
struct Store {
    disk: SimDisk,
    /// `None` for keys that were there once.
    content: BTreeMap<String, Option<Vec<u8>>>,
}

impl Store {
    /// Three segments, with every kind of frame in them, each of which replaces or removes what is in another one.
    fn new(left: Left, large: bool) -> Store {
        let disk = SimDisk::new(7);
        let pack = smol::block_on(options(&disk).compaction(large).open(DIR)).unwrap();
        let mut content = BTreeMap::new();
        {
            let mut set = |key: &str, data: Option<Vec<u8>>| {
                match &data {
                    Some(data) => put(&pack, key, data.clone()),
                    None => remove(&pack, key),
                }
                content.insert(key.to_owned(), data);
            };
            if large {
                set("large", Some(bytes(1, 1 << 20)));
                set("replaced", Some(bytes(2, (1 << 20) + 1)));
                set("removed", Some(bytes(3, (1 << 20) + 2)));
                set("replaced", Some(bytes(4, (1 << 20) + 3)));
                set("removed", None);
                set("small", Some(bytes(5, 10)));
            } else {
                for (round, (first, size)) in [(0, 700), (5, 700), (9, 60)].into_iter().enumerate() {
                    for i in first..first + 6 {
                        set(&format!("key {i}"), Some(bytes(round as u8 + 1, size + i)));
                    }
                    set(&format!("key {first}"), None);
                }
            }
        }
        if !large {
            batch(
                &pack,
                vec![
                    write("key 1", Some(bytes(9, 50))),
                    write("key 2", None),
                    write("new", Some(bytes(9, 60))),
                ],
            );
            content.insert("key 1".into(), Some(bytes(9, 50)));
            content.insert("key 2".into(), None);
            content.insert("new".into(), Some(bytes(9, 60)));
        }
        content.insert("never".into(), None);
        if left == Left::Closed {
            pack.close().wait().unwrap();
        }
        let store = Store { disk: disk.fork(), content };
        // It is what it should be, and as many segments.
        store.open(&store.disk.fork(), false).map(drop).unwrap();
        assert_eq!(store.files("log").len(), if large { 1 } else { 3 });
        store
    }

    /// The files whose names end so.
    fn files(&self, end: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = self.disk.files();
        files.retain(|(path, _)| path.to_str().unwrap().ends_with(end));
        files
    }

    /// Opens the store on a disk, and reads everything: what was refused, if anything; what is wrong is a panic.
    fn open(&self, disk: &SimDisk, reading: bool) -> Result<usize, Error> {
        let options = options(disk);
        let opened = if reading { options.open_read_only(DIR) } else { return self.open_writing(disk) };
        self.read(&smol::block_on(opened)?)
    }

    fn open_writing(&self, disk: &SimDisk) -> Result<usize, Error> {
        let pack = smol::block_on(options(disk).open(DIR))?;
        self.read(&pack)
    }

    /// Reads everything; answers with how many reads failed.
    fn read(&self, pack: &Pack) -> Result<usize, Error> {
        let mut refused = 0;
        for (key, expected) in &self.content {
            match get(pack, key) {
                Ok(found) => assert!(found == *expected, "{key}: {:?}", found.map(|data| data.len())),
                Err(error) => {
                    assert_named(&error);
                    refused += 1;
                }
            }
        }
        match keys(pack, None) {
            Ok(found) => {
                let there = self.content.iter().filter(|(_, data)| data.is_some());
                assert_eq!(found, there.map(|(key, _)| key.clone()).collect::<Vec<_>>());
            }
            Err(error) => {
                assert_named(&error);
                refused += 1;
            }
        }
        Ok(refused)
    }

    /// Judges the store with this damage, whatever opens it.
    fn judge(&self, what: &str, path: &Path, damage: impl Fn(&SimDisk), seen: &mut Seen) {
        let _told = Told(format!("{what} of {}", path.display()));
        for reading in [true, false] {
            let disk = self.disk.fork();
            damage(&disk);
            match self.open(&disk, reading) {
                Ok(0) => seen.harmless += 1,
                Ok(_) => seen.unread += 1,
                Err(error) => {
                    assert_named(&error);
                    seen.refused += 1;
                }
            }
        }
    }

    fn flip(&self, path: &Path, at: usize, mask: u8, seen: &mut Seen) {
        let what = format!("byte {at}, bits {mask:02x}");
        self.judge(&what, path, |disk| assert!(disk.rot(path, at as u64, mask).unwrap()), seen);
    }
}

/// What became of the damage.
#[derive(Debug, Default)]
struct Seen {
    harmless: usize,
    unread: usize,
    refused: usize,
}

/// Says what was damaged, if the test fails.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("damage: {}", self.0);
        }
    }
}

fn options(disk: &SimDisk) -> Options {
    let options = Pack::options().disk(Arc::new(disk.clone())).inline();
    options.segment_bytes(4096).checkpoint_bytes(4096).compaction(false)
}

fn bytes(of: u8, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u8).wrapping_mul(31) ^ of).collect()
}

/// Whoever reads the error knows where to look: in a file of the store, in its directory if that has no control file,
/// or at a record that is not what its checksum says.
fn assert_named(error: &Error) {
    let text = format!("{error} {error:?}");
    let named = [".log", ".index", ".blob", "control"].iter().any(|name| text.contains(name));
    assert!(named || text.contains("no pack in /store") || text.contains("checksum"), "{text}");
}

/// The bits of a byte to be flipped.
fn bits(at: usize) -> Range<usize> {
    match at {
        _ if is_thorough() || at < DENSE => 0..8,
        _ if at.is_multiple_of(5) => at % 8..at % 8 + 1,
        _ => 0..0,
    }
}

/// Flips the bits of a file.
fn flip_bits(store: &Store, (path, bytes): &(PathBuf, Vec<u8>)) -> Seen {
    let mut seen = Seen::default();
    for at in 0..bytes.len() {
        for bit in bits(at) {
            store.flip(path, at, 1 << bit, &mut seen);
        }
    }
    println!("{}: {seen:?}", path.display());
    seen
}

fn flip_segment(left: Left, number: usize) {
    let store = Store::new(left, false);
    let file = &store.files(".log")[number];
    let seen = flip_bits(&store, file);
    assert!(seen.harmless > 0 && seen.refused + seen.unread > 400, "{seen:?}");
}

#[test]
fn bits_of_the_oldest_segment_of_a_closed_store() {
    flip_segment(Left::Closed, 0);
}

#[test]
fn bits_of_the_second_segment_of_a_closed_store() {
    flip_segment(Left::Closed, 1);
}

#[test]
fn bits_of_the_newest_segment_of_a_closed_store() {
    flip_segment(Left::Closed, 2);
}

#[test]
fn bits_of_the_oldest_segment_after_a_kill() {
    flip_segment(Left::Killed, 0);
}

#[test]
fn bits_of_the_second_segment_after_a_kill() {
    flip_segment(Left::Killed, 1);
}

#[test]
fn bits_of_the_newest_segment_after_a_kill() {
    flip_segment(Left::Killed, 2);
}

/// Of the control file only the two slots mean anything.
fn flip_control(left: Left) {
    let store = Store::new(left, false);
    let (path, bytes) = &store.files("control")[0];
    let mut seen = Seen::default();
    for at in 0..bytes.len() {
        let used = at % 4096 < 64;
        let masks: &[u8] = if used { &[1, 2, 4, 8, 16, 32, 64, 128] } else { &[0xff] };
        if used || is_thorough() || at % 64 == 0 {
            masks.iter().for_each(|mask| store.flip(path, at, *mask, &mut seen));
        }
    }
    println!("control, {left:?}: {seen:?}");
    // A store that is opened for writing needs one slot only.
    assert!(seen.harmless >= 2 * 64 * 8, "{seen:?}");
}

#[test]
fn bits_of_the_control_file_of_a_closed_store() {
    flip_control(Left::Closed);
}

#[test]
fn bits_of_the_control_file_after_a_kill() {
    flip_control(Left::Killed);
}

fn flip_index(left: Left) {
    let store = Store::new(left, false);
    for file in store.files(".index") {
        assert!(flip_bits(&store, &file).harmless > 0);
    }
}

#[test]
fn bits_of_the_index_of_a_closed_store() {
    flip_index(Left::Closed);
}

#[test]
fn bits_of_the_index_after_a_kill() {
    flip_index(Left::Killed);
}

/// A file of a mebibyte is read once for every bit, so of its bits some must do.
#[test]
fn bits_of_large_data_and_of_what_names_it() {
    for left in [Left::Closed, Left::Killed] {
        let store = Store::new(left, true);
        let log = &store.files(".log")[0];
        let mut seen = Seen::default();
        for at in (0..log.1.len()).step_by(3) {
            store.flip(&log.0, at, 1 << (at % 8), &mut seen);
        }
        let blobs = store.files(".blob");
        assert_eq!(blobs.len(), 2);
        for (path, bytes) in &blobs {
            for at in [0, 1, 4095, 4096, bytes.len() / 2, bytes.len() - 1] {
                let mut seen = Seen::default();
                store.flip(path, at, 1 << (at % 8), &mut seen);
                assert_eq!(seen.unread, 2, "{seen:?}");
            }
        }
        println!("{left:?}: {seen:?}");
    }
}

/// Shortens a file to every length. Frames, and so what can be taken for an end, are at multiples of 16.
fn cut(store: &Store, (path, bytes): &(PathBuf, Vec<u8>)) -> Seen {
    let small = bytes.len() < 1 << 20;
    let dense = |len: usize| len < DENSE || len + DENSE > bytes.len() || len % 4096 < 65;
    let is_due = |len: &usize| dense(*len) || matches!(len % 16, 0 | 7);
    let mut seen = Seen::default();
    for len in
        (0..bytes.len()).filter(|len| if small { is_thorough() || is_due(len) } else { len % 100_003 == 0 })
    {
        let damage = |disk: &SimDisk| disk.replace(path, &bytes[..len]).unwrap();
        store.judge(&format!("the first {len} bytes"), path, damage, &mut seen);
    }
    println!("{}: {seen:?}", path.display());
    seen
}

/// What the frames of a segment take: it may be followed by zeros.
fn content_of(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    &bytes[..(last + 1).next_multiple_of(16)]
}

fn cut_logs(left: Left) {
    let store = Store::new(left, false);
    for file in store.files(".log") {
        // Of a killed store, the newest is followed by zeros, which mean nothing.
        let content = content_of(&file.1);
        let cut_into = (file.0.clone(), content.to_vec());
        let seen = cut(&store, &cut_into);
        assert_eq!((seen.harmless, seen.unread), (0, 0), "{}", file.0.display());
        let mut seen = Seen::default();
        for len in content.len()..file.1.len() {
            let damage = |disk: &SimDisk| disk.replace(&file.0, &file.1[..len]).unwrap();
            store.judge(&format!("the first {len} bytes"), &file.0, damage, &mut seen);
        }
        assert_eq!((seen.unread, seen.refused), (0, 0), "{}", file.0.display());
        assert_eq!(seen.harmless > 0, left == Left::Killed && file.0.ends_with("00000003.log"));
    }
}

#[test]
fn every_length_of_every_segment_of_a_closed_store() {
    cut_logs(Left::Closed);
}

#[test]
fn every_length_of_every_segment_after_a_kill() {
    cut_logs(Left::Killed);
}

fn cut_derived(left: Left) {
    let store = Store::new(left, false);
    for file in store.files(".index").into_iter().chain(store.files("control")) {
        cut(&store, &file);
    }
}

#[test]
fn every_length_of_the_index_and_of_the_control_file_of_a_closed_store() {
    cut_derived(Left::Closed);
}

#[test]
fn every_length_of_the_index_and_of_the_control_file_after_a_kill() {
    cut_derived(Left::Killed);
}

#[test]
fn some_lengths_of_large_data() {
    for left in [Left::Closed, Left::Killed] {
        let store = Store::new(left, true);
        for file in store.files(".blob") {
            let seen = cut(&store, &file);
            assert_eq!((seen.harmless, seen.refused), (0, 0));
        }
    }
}

#[test]
fn every_file_missing() {
    for left in [Left::Closed, Left::Killed] {
        for large in [false, true] {
            let store = Store::new(left, large);
            for (path, _) in store.disk.files() {
                let mut seen = Seen::default();
                let damage = |disk: &SimDisk| larder::io::Disk::remove(disk, &path).unwrap();
                store.judge("all", &path, damage, &mut seen);
                println!("{left:?} {}: {seen:?}", path.display());
                let name = path.to_str().unwrap();
                let harmless = name.ends_with(".index") || name.contains("lock");
                assert_eq!(seen.harmless, if harmless { 2 } else { 0 }, "{name}: {seen:?}");
            }
        }
    }
}

/// Bytes that nobody wrote, at the end of each file.
#[test]
fn every_file_longer_than_it_was() {
    for left in [Left::Closed, Left::Killed] {
        let store = Store::new(left, false);
        for (path, bytes) in store.disk.files() {
            for (byte, more) in [(0, 1), (0, 16), (0, 5000), (0xf5, 1), (0xf5, 16), (0xf5, 5000)] {
                let longer = [&bytes[..], &vec![byte; more]].concat();
                let damage = |disk: &SimDisk| disk.replace(&path, &longer).unwrap();
                store.judge(&format!("{more} more bytes"), &path, damage, &mut Seen::default());
            }
        }
    }
}

/// The bytes of one file in the place of another of its kind.
#[test]
fn every_file_in_the_place_of_another() {
    for left in [Left::Closed, Left::Killed] {
        let store = Store::new(left, false);
        let logs = store.files(".log");
        for (path, own) in &logs {
            for (_, bytes) in logs.iter().filter(|(_, bytes)| bytes != own) {
                let damage = |disk: &SimDisk| disk.replace(path, bytes).unwrap();
                let mut seen = Seen::default();
                store.judge("all, another segment", path, damage, &mut seen);
                assert_eq!(seen.harmless, 0);
            }
        }
    }
}

/// After harmless damage the store goes on, also when it is opened again.
#[test]
fn a_store_whose_index_and_one_slot_are_damaged_goes_on() {
    for left in [Left::Closed, Left::Killed] {
        for slot in [0, 4096] {
            let mut store = Store::new(left, false);
            for (path, _) in store.files(".index") {
                store.disk.rot(&path, 9, 1).unwrap();
            }
            store.disk.rot(&Path::new(DIR).join("control"), slot + 20, 1).unwrap();
            for round in 0..3 {
                let pack = smol::block_on(options(&store.disk).open(DIR)).unwrap();
                assert_eq!(store.read(&pack).unwrap(), 0);
                for i in 0..10 {
                    let key = format!("key {}", i + round);
                    put(&pack, &key, bytes(100 + round, 200));
                    store.content.insert(key, Some(bytes(100 + round, 200)));
                }
                pack.compact().wait().unwrap();
                assert_eq!(store.read(&pack).unwrap(), 0);
                pack.close().wait().unwrap();
                assert_eq!(store.open(&store.disk, true).unwrap(), 0);
            }
        }
    }
}
