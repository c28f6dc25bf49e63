//! The whole conformance suite on a simulated disk, without threads, in segments so small that rotation,
//! checkpoints and compaction happen all the time: on a disk that nothing goes wrong with, and on one where little is
//! cached and reads and writes come in pieces.

#[path = "simulated/clock.rs"]
mod clock;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clock::TestClock;
use larder::{Clock, Durability, Head, Key, Origin, Result};
use larder_conformance::{Harness, Tamper};
use larder_pack::Pack;
use larder_simulated::disk::{Cached, Call, Fault, SimDisk};
use larder_simulated::draw::Ratio;

const STORE: &str = "/store";

/// A segment names all others at its beginning: with smaller ones, listings of ten thousand keys take minutes.
const SEGMENT: u64 = 64 << 10;

struct OnSimDisk {
    disk: SimDisk,
    clock: Arc<TestClock>,
    durability: Durability,
}

impl OnSimDisk {
    fn new(disk: SimDisk, durability: Durability) -> OnSimDisk {
        OnSimDisk { disk: disk.sector(4096), clock: TestClock::new(0), durability }
    }
}

impl Harness for OnSimDisk {
    type Backend = Pack;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    async fn open(&self) -> Result<Pack> {
        let options = Pack::options().inline().durability(self.durability);
        options
            .segment_bytes(SEGMENT)
            .checkpoint_bytes(SEGMENT)
            .disk(Arc::new(self.disk.clone()))
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .open(STORE)
            .await
    }

    async fn reopen(&self) -> Option<Result<Pack>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Log { disk: &self.disk, found: Mutex::default() }))
    }
}

/// The frames of the records: the last that is whole, or the one that was found before, if that is later.
struct Log<'a> {
    disk: &'a SimDisk,
    found: Mutex<HashMap<Key, (PathBuf, usize, usize)>>,
}

impl Log<'_> {
    /// The file, and where in it the record stands.
    fn place(&self, key: &Key) -> (PathBuf, usize, usize) {
        let mut found = self.found.lock().unwrap();
        let files = self.disk.files().into_iter();
        for (path, bytes) in files.filter(|(path, _)| path.extension().is_some_and(|end| end == "log")) {
            for at in (44..bytes.len()).filter(|at| at % 16 == 12) {
                if let Ok(Some(length)) = Head::length(&bytes[at..])
                    && let Some(head) = bytes.get(at..at + length)
                    && let Ok(head) = Head::parse(head.to_vec().into(), Origin::Larder)
                    && head.key_bytes() == key.as_cbor()
                {
                    let place = (path.clone(), at, at + length + head.size().unwrap() as usize);
                    let known = found.entry(key.clone()).or_insert_with(|| place.clone());
                    *known = place.max(known.clone());
                }
            }
        }
        found[key].clone()
    }
}

impl Tamper for Log<'_> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        let (path, start, end) = self.place(key);
        self.disk.bytes(&path).unwrap()[start..end].to_vec()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        let (path, start, end) = self.place(key);
        if bytes.len() != end - start {
            return false;
        }
        let mut all = self.disk.bytes(&path).unwrap();
        all[start..end].copy_from_slice(bytes);
        self.disk.replace(Path::new(&path), &all).is_ok()
    }
}

mod synced {
    use super::*;
    larder_conformance::conformance_tests!(OnSimDisk::new(SimDisk::new(1), Durability::Synced));
}

mod hard_to_please {
    use super::*;

    fn disk() -> SimDisk {
        let disk = SimDisk::new(2).cached(Cached::Sometimes(Ratio::percent(50))).without_sync_all();
        disk.inject(Fault::always().on(Call::ReadAt).on(Call::ReadAtCached).on(Call::WriteAt).shortens());
        disk
    }

    larder_conformance::conformance_tests!(OnSimDisk::new(disk(), Durability::Flushed));
}
