//! A store with a bit of everything, on a simulated disk, and what is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::io::{Disk, Mode};
use larder::{Backend, Bytes, Data, Expect, Key, Kind, Meta, Part, Record, Timestamp, Write};
use larder_pack::tools::{self, Report, Saved};
use larder_pack::{Options, Pack};
use larder_simulated::disk::SimDisk;

/// Keys and the data under them.
pub(crate) type Model = BTreeMap<Key, Vec<u8>>;

pub(crate) const DIR: &str = "/store";
pub(crate) const SAVED: &str = "/saved";

/// A store, the disk that it is on, and what is in it.
pub(crate) struct Store {
    pub(crate) sim: SimDisk,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) model: Model,
}

pub(crate) fn options(disk: &Arc<dyn Disk>) -> Options {
    Pack::options().disk(Arc::clone(disk)).inline().segment_bytes(4096).checkpoint_bytes(16 * 1024)
}

pub(crate) fn open(disk: &Arc<dyn Disk>, dir: &str) -> Pack {
    pollster::block_on(options(disk).open(dir)).unwrap()
}

pub(crate) fn record(key: &Key, data: &[u8]) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_700_000_000_000));
    Record::new(&meta, Bytes::copy_from_slice(data)).unwrap()
}

pub(crate) fn key(number: usize) -> Key {
    Key::from(format!("key/{number:03}"))
}

impl Store {
    pub(crate) fn new() -> Store {
        let sim = SimDisk::new(5);
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        Store { sim, disk, model: Model::new() }
    }

    pub(crate) fn put(&mut self, pack: &Pack, number: usize, data: Vec<u8>) {
        let key = key(number);
        pack.write(&key, record(&key, &data), Expect::Any).wait().unwrap();
        self.model.insert(key, data);
    }

    pub(crate) fn remove(&mut self, pack: &Pack, number: usize) {
        pack.remove(&key(number), Expect::Any).wait().unwrap();
        self.model.remove(&key(number));
    }

    pub(crate) fn batch(&mut self, pack: &Pack, numbers: std::ops::Range<usize>, fill: u8) {
        let writes = numbers.map(|number| {
            let (key, data) = (key(number), vec![fill; 40 + number]);
            let record = Some(record(&key, &data));
            self.model.insert(key.clone(), data);
            Write { key, record, expect: Expect::Any }
        });
        let writes: Vec<Write> = writes.collect();
        pack.write_batch(writes).wait().unwrap();
    }

    /// Several segments, replaced and removed keys, batches, checkpoints, and a file of large data.
    pub(crate) fn with_everything() -> Store {
        let mut store = Store::new();
        let pack = open(&store.disk, DIR);
        for number in 0..60 {
            store.put(&pack, number, vec![number as u8; 100 + number * 7]);
        }
        for number in (0..60).step_by(3) {
            store.put(&pack, number, vec![0xaa; 30 + number]);
        }
        for number in (1..60).step_by(10) {
            store.remove(&pack, number);
        }
        store.batch(&pack, 70..80, 0xbb);
        store.put(&pack, 90, vec![0xcc; 1 << 20]);
        pack.compact().wait().unwrap();
        for number in (0..60).step_by(4) {
            store.put(&pack, number, vec![0xdd; 50 + number]);
        }
        store.batch(&pack, 72..76, 0xee);
        store.remove(&pack, 2);
        pack.close().wait().unwrap();
        store
    }

    /// The same store, to be damaged otherwise.
    pub(crate) fn copy(&self) -> Store {
        let sim = self.sim.fork();
        Store { disk: Arc::new(sim.clone()), sim, model: self.model.clone() }
    }

    pub(crate) fn verify(&self) -> Report {
        tools::verify(&self.disk, Path::new(DIR), &mut |_| {}).unwrap()
    }

    pub(crate) fn repair(&self) -> Saved {
        tools::repair(&self.disk, Path::new(DIR), Path::new(SAVED), &mut |_| {}).unwrap()
    }

    /// The paths of the segments, the oldest first.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        self.files(".log")
    }

    pub(crate) fn files(&self, end: &str) -> Vec<PathBuf> {
        let files = self.sim.files().into_iter().map(|(path, _)| path);
        files.filter(|path| path.starts_with(DIR) && path.to_str().unwrap().ends_with(end)).collect()
    }

    /// The frames as the dump tells: segment, offset, kind, key, state.
    pub(crate) fn frames(&self) -> Vec<(PathBuf, u64, String, String, String)> {
        let mut out = Vec::new();
        tools::dump(&self.disk, Path::new(DIR), &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let frame = |line: &str| {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 9, "{line}");
            let path = Path::new(DIR).join(fields[0]);
            (path, fields[1].parse().unwrap(), fields[2].into(), fields[3].into(), fields[8].into())
        };
        lines.lines().map(frame).collect()
    }

    /// Where the last frame of a key is.
    pub(crate) fn last(&self, key: &Key) -> (PathBuf, u64) {
        let frames = self.frames();
        let last = frames.iter().rfind(|frame| frame.3 == key.to_string()).unwrap();
        (last.0.clone(), last.1)
    }

    pub(crate) fn flip(&self, path: &Path, offset: u64) {
        let mut bytes = self.sim.bytes(path).unwrap();
        bytes[offset as usize] ^= 0x10;
        self.sim.replace(path, &bytes).unwrap();
    }

    pub(crate) fn remove_file(&self, path: &Path) {
        self.disk.remove(path).unwrap();
    }
}

/// What a store holds.
pub(crate) fn content(disk: &Arc<dyn Disk>, dir: &str) -> Model {
    let pack = open(disk, dir);
    let keys: Vec<Key> = pollster::block_on(futures::TryStreamExt::try_collect(pack.keys(None))).unwrap();
    let model = keys.into_iter().map(|key| {
        let stored = pack.read(&key, Part::All).wait().unwrap().unwrap();
        let data = match stored.data {
            Data::Bytes(data) => data.to_vec(),
            Data::Stream(stream) => {
                let chunks: Vec<Bytes> =
                    pollster::block_on(futures::TryStreamExt::try_collect(stream)).unwrap();
                chunks.concat()
            }
            Data::None => Vec::new(),
        };
        stored.head.vouch(&larder::DataSum::of(&data)).unwrap();
        (key, data)
    });
    let model = model.collect();
    pack.close().wait().unwrap();
    model
}

/// Whether nothing in the directory was changed.
pub(crate) fn bytes_below(sim: &SimDisk, dir: &str) -> Vec<(PathBuf, Vec<u8>)> {
    sim.files().into_iter().filter(|(path, _)| path.starts_with(dir)).collect()
}

pub(crate) fn len(disk: &Arc<dyn Disk>, path: &Path) -> u64 {
    disk.open(path, Mode::Read).unwrap().len().unwrap()
}
