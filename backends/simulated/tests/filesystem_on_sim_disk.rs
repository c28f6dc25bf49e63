//! The whole conformance suite for the filesystem backend on a simulated disk, without threads of its
//! own: a disk that nothing goes wrong with is like any other, also where little is cached, where not
//! everything can be synced at once, and where reads and writes come in pieces.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::{Clock, Durability, Head, Key, Origin, Result, Timestamp};
use larder_conformance::{Harness, Tamper};
use larder_filesystem::Filesystem;
use larder_simulated::disk::{Cached, Call, Fault, SimDisk};
use larder_simulated::draw::{Draws, Ratio};

const STORE: &str = "/store";

struct OnSimDisk {
    disk: SimDisk,
    clock: Arc<Counting>,
    durability: Durability,
}

impl OnSimDisk {
    fn new(disk: SimDisk, durability: Durability) -> OnSimDisk {
        OnSimDisk { disk: disk.sector(4096), clock: Arc::default(), durability }
    }
}

/// Time and chance that move on whenever they are asked for.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }
    fn sleep(&self, _time: Duration) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
    fn random(&self) -> u64 {
        Draws::new(0).domain("clock").at(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl Harness for OnSimDisk {
    type Backend = Filesystem;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    async fn open(&self) -> Result<Filesystem> {
        let options = Filesystem::options().inline().durability(self.durability);
        options
            .disk(Arc::new(self.disk.clone()))
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .open(STORE)
            .await
    }

    async fn reopen(&self) -> Option<Result<Filesystem>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Files { disk: &self.disk, found: Mutex::default() }))
    }
}

/// The files of the records. Those once found stay known when they have been damaged.
struct Files<'a> {
    disk: &'a SimDisk,
    found: Mutex<HashMap<Key, PathBuf>>,
}

impl Files<'_> {
    fn path(&self, key: &Key) -> PathBuf {
        let mut found = self.found.lock().unwrap();
        if !found.contains_key(key) {
            for (path, bytes) in self.disk.files() {
                if path.starts_with(Path::new(STORE).join("records"))
                    && let Ok(Some(length)) = Head::length(&bytes)
                    && let Some(head) = bytes.get(..length)
                    && let Ok(head) = Head::parse(head.to_vec().into(), Origin::Larder)
                {
                    found.insert(head.key().unwrap(), path);
                }
            }
        }
        found[key].clone()
    }
}

impl Tamper for Files<'_> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        self.disk.bytes(&self.path(key)).unwrap()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        self.disk.replace(&self.path(key), bytes).is_ok()
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
