//! Tests of the index.

mod bytes;
mod changes;
mod crashes;
mod listing;
mod model;

use std::collections::BTreeMap;
use std::path::Path;

use larder::Key;
use larder::io::Disk;
use larder_simulated::disk::SimDisk;

use super::{Change, Checkpoint, Cursor, Index, Location};
use crate::place::Place;

pub(super) const SALT: u64 = 0x5a17;

pub(super) const DIR: &str = "/store";

pub(super) type Model = BTreeMap<Vec<u8>, Location>;

pub(super) fn disk() -> SimDisk {
    let disk = SimDisk::new(7);
    disk.create_dir(Path::new(DIR)).unwrap();
    disk.settle();
    disk
}

/// A frame of 64 bytes.
pub(super) fn at(segment: u32, unit: u32) -> Location {
    Location::new(segment, u64::from(unit) * 16, 64).unwrap()
}

pub(super) fn place(segment: u32, offset: u64) -> Place {
    Place { segment, offset }
}

/// A key of 24 characters.
pub(super) fn key(number: u32) -> Key {
    Key::from(format!("users/{number:018}"))
}

/// Four hashes for all keys.
pub(super) fn few_hashes(key: &[u8], _: u64) -> u64 {
    [0, 0x8000_0000_0000_0000, 0x8000_0000_0000_0100, u64::MAX]
        [key.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 4]
}

/// Hashes that begin with the same 8 bits.
pub(super) fn one_shard(key: &[u8], salt: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(key, salt) >> 8 | 0xff << 56
}

impl Index {
    pub(super) fn hashing(mut self, hasher: fn(&[u8], u64) -> u64) -> Index {
        self.hasher = hasher;
        self
    }

    pub(super) fn set(&self, key: &[u8], old: Option<Location>, new: Option<Location>) {
        self.apply(&[Change { hash: self.hash(key), key, old, new }]).unwrap();
    }

    pub(super) fn all(&self, prefix: Option<&str>, most: usize) -> larder::Result<Vec<Vec<u8>>> {
        let mut cursor = Cursor::new(prefix);
        let mut all = Vec::new();
        loop {
            let page = self.page(&mut cursor, most)?;
            assert!(page.len() <= most);
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page.iter().map(|key| key.as_cbor().to_vec()));
        }
    }

    /// Whether this holds what the model does; `Err` is an error that an operation gave.
    pub(super) fn compare(&self, model: &Model) -> larder::Result<()> {
        assert_eq!(self.len(), model.len() as u64);
        let mut listed = self.all(None, 7)?;
        listed.sort();
        assert!(listed.iter().eq(model.keys()), "other keys are listed");
        let mut hashes: BTreeMap<u64, Vec<Location>> = BTreeMap::new();
        for (key, location) in model {
            hashes.entry(self.hash(key)).or_default().push(*location);
        }
        for (hash, mut expected) in hashes {
            let found = self.find_waiting(hash)?;
            let mut found = found.locations().to_vec();
            for locations in [&mut found, &mut expected] {
                locations.sort_by_key(|location| (location.segment(), location.offset()));
            }
            assert_eq!(found, expected);
        }
        Ok(())
    }

    pub(super) fn assert_sound(&self) {
        for shard in &self.shards {
            assert!(super::read(shard).table.as_ref().is_none_or(super::table::Table::is_sound));
        }
    }
}

pub(super) fn open(disk: &SimDisk) -> Checkpoint {
    let (found, refused) = Index::open(disk, Path::new(DIR), SALT).unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    found.unwrap()
}

pub(super) fn write(index: &Index, disk: &SimDisk, number: u64) {
    index.checkpoint(disk, Path::new(DIR), number, place(number as u32, 16), b"extra").unwrap();
}
