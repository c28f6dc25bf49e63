//! The whole conformance suite on a simulated disk, without threads, in segments so small that rotation,
//! checkpoints and compaction happen all the time: on a disk that nothing goes wrong with, and on one where little is
//! cached and reads and writes come in pieces.

#[path = "simulated/clock.rs"]
mod clock;
#[path = "support/tamper.rs"]
mod tamper;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::TestClock;
use larder::{Clock, Durability, Result};
use larder_conformance::{Harness, Tamper};
use larder_pack::Pack;
use larder_simulated::disk::{Cached, Call, Fault, SimDisk};
use larder_simulated::draw::Ratio;
use tamper::{Files, Log};

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
        Some(Box::new(Log::new(&self.disk)))
    }
}

impl Files for &SimDisk {
    fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.files().into_iter().collect()
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> bool {
        SimDisk::replace(self, path, bytes).is_ok()
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
