//! The conformance suite behind a wrapper: without latency and faults the wrapper is invisible, in
//! virtual and in real time; and behind a realistic latency the backends still keep all they promise.

mod store_support;

use std::future::Future;
use std::sync::Arc;

use larder::{Durability, Result};
use larder_conformance::Harness;
use larder_filesystem::Filesystem;
use larder_memory::Memory;
use larder_simulated::latency::Profile;
use larder_simulated::store::Simulated;
use larder_simulated::time::{RealTimeline, Timeline};
use store_support::Virtual;
use tempfile::TempDir;

struct InMemory {
    time: Virtual,
    profile: Profile,
}

impl InMemory {
    fn behind(profile: Profile) -> InMemory {
        InMemory { time: Virtual::new(1), profile }
    }
}

impl Harness for InMemory {
    type Backend = Simulated<Memory>;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.time.block_on(future)
    }

    async fn open(&self) -> Result<Self::Backend> {
        let store = Simulated::builder(Memory::new(), self.time.timeline(), 1);
        Ok(store.profile(self.profile.clone()).build())
    }
}

struct InDirectory {
    dir: TempDir,
    time: Virtual,
    profile: Profile,
}

impl InDirectory {
    fn behind(profile: Profile) -> InDirectory {
        InDirectory { dir: store_support::scratch(), time: Virtual::new(1), profile }
    }
}

impl Harness for InDirectory {
    type Backend = Simulated<Filesystem>;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.time.block_on(future)
    }

    async fn open(&self) -> Result<Self::Backend> {
        let inner = Filesystem::options().durability(Durability::Flushed).inline();
        let inner = inner.open(self.dir.path()).await?;
        Ok(Simulated::builder(inner, self.time.timeline(), 1).profile(self.profile.clone()).build())
    }

    async fn reopen(&self) -> Option<Result<Self::Backend>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn larder_conformance::Tamper + '_>> {
        Some(Box::new(store_support::files::Files::of(self.dir.path())))
    }
}

struct InRealTime(Arc<dyn Timeline>);

impl Harness for InRealTime {
    type Backend = Simulated<Memory>;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    async fn open(&self) -> Result<Self::Backend> {
        Ok(Simulated::builder(Memory::new(), Arc::clone(&self.0), 1).build())
    }
}

mod memory_without_latency {
    use super::*;
    larder_conformance::conformance_tests!(InMemory::behind(Profile::none()));
}

mod memory_as_far_as_redis {
    use super::*;
    larder_conformance::conformance_tests!(InMemory::behind(Profile::named("redis-same-zone").unwrap()));
}

mod filesystem_without_latency {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::behind(Profile::none()));
}

mod filesystem_as_far_as_s3 {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::behind(
        Profile::named("s3-standard").unwrap().no_limits()
    ));
}

mod memory_in_real_time {
    use super::*;
    larder_conformance::conformance_tests!(InRealTime(Arc::new(RealTimeline::new().unwrap())));
}
