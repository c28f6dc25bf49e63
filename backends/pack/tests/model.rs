//! Long random runs against a map: writes, removals, conditions, batches, reads, listings; compaction, checkpoints
//! and segments that are begun all the time; closing and opening, and opening what a kill has left. A million
//! operations together. `LARDER_SEED` runs all of them from another seed.

#[path = "support/records.rs"]
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use larder::io::Disk;
use larder::{Backend, Batch, Durability, Expect, Key, Part, Removed, Version, Write, Written};
use larder_pack::{Options, Pack};
use larder_simulated::disk::SimDisk;
use records::*;

const DIR: &str = "/store";

/// A run: how many operations on how many keys, in what kind of store.
struct Run {
    seed: u64,
    operations: usize,
    keys: u64,
    /// Values are shorter than this, in bytes.
    longest: u64,
    segment_bytes: u64,
    compacts: bool,
    durability: Durability,
}

/// What stands under a key.
type Entry = (Vec<u8>, Version);

struct Model {
    run: Run,
    chance: Chance,
    disk: SimDisk,
    pack: Pack,
    content: BTreeMap<String, Entry>,
    /// Versions that were replaced.
    stale: Vec<Version>,
    reopened: usize,
}

impl Model {
    fn new(run: Run) -> Model {
        let chance = Chance::from_env(run.seed);
        let disk = SimDisk::new(run.seed);
        let pack = open(&run, &disk);
        Model { run, chance, disk, pack, content: BTreeMap::new(), stale: Vec::new(), reopened: 0 }
    }

    fn run(mut self) {
        for _ in 0..self.run.operations {
            match self.chance.below(1000) {
                0..400 => self.write(),
                400..550 => self.remove(),
                550..930 => self.read(),
                930..990 => self.batch(),
                990..996 => self.list(),
                _ => self.seldom(),
            }
        }
        self.check_all();
        self.pack.compact().wait().unwrap();
        self.check_all();
        println!(
            "{} keys at the end, opened {} times, {} bytes",
            self.content.len(),
            self.reopened,
            self.disk.used()
        );
    }

    fn key(&mut self) -> String {
        // Keys differ in length, and begin alike.
        let number = self.chance.below(self.run.keys);
        format!("{:?}/{number}", number % 7)
    }

    fn data(&mut self) -> Vec<u8> {
        let len = self.chance.below(self.run.longest);
        let first = self.chance.below(256) as u8;
        (0..len).map(|at| first.wrapping_add(at as u8)).collect()
    }

    /// An expectation, and whether it holds.
    fn expectation(&mut self, key: &str) -> (Expect, bool) {
        let current = self.content.get(key);
        match (self.chance.below(10), current) {
            (0, _) => (Expect::Absent, current.is_none()),
            (1 | 2, Some((_, version))) => (Expect::Version(version.clone()), true),
            (3, _) if !self.stale.is_empty() => {
                let at = self.chance.below(self.stale.len() as u64) as usize;
                (Expect::Version(self.stale[at].clone()), false)
            }
            _ => (Expect::Any, true),
        }
    }

    fn set(&mut self, key: String, entry: Option<Entry>) {
        let old = match entry {
            Some(entry) => self.content.insert(key, entry),
            None => self.content.remove(&key),
        };
        if let Some((_, version)) = old {
            self.stale.push(version);
            if self.stale.len() > 50 {
                self.stale.swap_remove(0);
            }
        }
    }

    fn write(&mut self) {
        let (key, data) = (self.key(), self.data());
        let (expect, holds) = self.expectation(&key);
        let at = Key::from(&key);
        let written = self.pack.write(&at, record(&at, data.clone()), expect).wait().unwrap();
        match written {
            Written::Done(version) => {
                assert!(holds, "{key}");
                self.set(key, Some((data, version)));
            }
            Written::Unmet => assert!(!holds, "{key}"),
        }
    }

    fn remove(&mut self) {
        let key = self.key();
        let (expect, holds) = self.expectation(&key);
        let there = self.content.contains_key(&key);
        let expected = match (&expect, there) {
            (Expect::Any | Expect::Absent, false) => Removed::Absent,
            _ if holds => Removed::Done,
            _ => Removed::Unmet,
        };
        assert_eq!(self.pack.remove(&key.as_str().into(), expect).wait().unwrap(), expected, "{key}");
        if expected == Removed::Done {
            self.set(key, None);
        }
    }

    fn read(&mut self) {
        let key = self.key();
        let found = self.pack.read(&key.as_str().into(), Part::All).wait().unwrap();
        let found = found.map(|stored| (stored.version.clone(), verified(stored).unwrap()));
        let expected = self.content.get(&key).map(|(data, version)| (version.clone(), data.clone()));
        assert!(found == expected, "{key}: {found:?}, not {expected:?}");
    }

    fn batch(&mut self) {
        let count = 1 + self.chance.below(12);
        let mut writes = BTreeMap::new();
        let mut met = true;
        for _ in 0..count {
            let key = self.key();
            // Most batches shall happen.
            let (expect, holds) =
                if self.chance.below(8) == 0 { self.expectation(&key) } else { (Expect::Any, true) };
            let data = (self.chance.below(3) > 0).then(|| self.data());
            if writes.contains_key(&key) {
                continue;
            }
            met &= holds;
            writes.insert(key, (expect, data));
        }
        let existed: Vec<bool> = writes.keys().map(|key| self.content.contains_key(key)).collect();
        let batch = writes.iter().map(|(key, (expect, data))| {
            let key = Key::from(key);
            Write { record: data.clone().map(|data| record(&key, data)), key, expect: expect.clone() }
        });
        let done = self.pack.write_batch(batch.collect()).wait().unwrap();
        assert_eq!(done, if met { Batch::Done(existed) } else { Batch::Unmet });
        if met {
            for (key, (_, data)) in writes {
                let entry = data.map(|data| (data, self.version(&key)));
                self.set(key, entry);
            }
        }
    }

    fn version(&self, key: &str) -> Version {
        self.pack.read(&key.into(), Part::Head).wait().unwrap().unwrap().version
    }

    fn list(&mut self) {
        let prefix = match self.chance.below(4) {
            0 => None,
            1 => Some(format!("{}", self.chance.below(8))),
            _ => Some(format!("{}/{}", self.chance.below(7), self.chance.below(10))),
        };
        let found = keys(&self.pack, prefix.as_deref()).unwrap();
        let begins = |key: &&String| prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix));
        assert!(found.iter().eq(self.content.keys().filter(begins)), "{prefix:?}");
    }

    fn seldom(&mut self) {
        match self.chance.below(100) {
            0..8 => self.pack.compact().wait().unwrap(),
            8..16 => self.pack.sync().wait().unwrap(),
            16..20 => {
                self.pack.close().wait().unwrap();
                self.reopen();
            }
            20..24 => {
                // A kill: what was acknowledged is in the files, synced or not.
                self.disk = self.disk.fork();
                if self.chance.below(2) == 0 {
                    // The index can be made again from the log.
                    self.remove_checkpoints();
                }
                self.reopen();
            }
            24..28 => {
                let reading = smol::block_on(options(&self.run, &self.disk).open_read_only(DIR)).unwrap();
                self.check(&reading);
            }
            _ => {}
        }
    }

    fn remove_checkpoints(&self) {
        for (path, _) in self.disk.files() {
            if path.extension().is_some_and(|end| end == "index") {
                self.disk.remove(&path).unwrap();
            }
        }
    }

    fn reopen(&mut self) {
        self.pack = open(&self.run, &self.disk);
        self.reopened += 1;
        self.check_all();
    }

    fn check_all(&self) {
        self.check(&self.pack);
    }

    fn check(&self, pack: &Pack) {
        assert!(keys(pack, None).unwrap().iter().eq(self.content.keys()));
        for (key, (data, version)) in &self.content {
            let stored = pack.read(&key.into(), Part::All).wait().unwrap().expect(key);
            assert_eq!(stored.version, *version, "{key}");
            assert!(verified(stored).unwrap() == *data, "{key}");
        }
    }
}

fn options(run: &Run, disk: &SimDisk) -> Options {
    let options = Pack::options().disk(Arc::new(disk.clone())).inline().durability(run.durability);
    options.segment_bytes(run.segment_bytes).checkpoint_bytes(16 << 10).compaction(run.compacts)
}

fn open(run: &Run, disk: &SimDisk) -> Pack {
    smol::block_on(options(run, disk).open(DIR)).unwrap()
}

fn flushed(seed: u64, operations: usize, keys: u64) -> Run {
    Run {
        seed,
        operations,
        keys,
        longest: 60,
        segment_bytes: 64 << 10,
        compacts: true,
        durability: Durability::Flushed,
    }
}

#[test]
fn many_operations_on_few_keys() {
    Model::new(flushed(1, 300_000, 50)).run();
}

#[test]
fn many_operations_on_some_keys() {
    Model::new(flushed(2, 250_000, 700)).run();
}

#[test]
fn many_operations_in_tiny_segments() {
    Model::new(Run { segment_bytes: 4096, ..flushed(3, 150_000, 100) }).run();
}

#[test]
fn many_operations_that_are_compacted_when_asked_only() {
    Model::new(Run { compacts: false, ..flushed(4, 150_000, 200) }).run();
}

#[test]
fn many_operations_that_are_synced() {
    Model::new(Run { durability: Durability::Synced, ..flushed(5, 100_000, 200) }).run();
}

#[test]
fn longer_values_in_tiny_segments() {
    Model::new(Run { longest: 3000, segment_bytes: 4096, ..flushed(6, 50_000, 30) }).run();
}
