//! The suite on `larder-memory`, under two executors that are no runtimes.

use std::future::Future;

use larder::Result;
use larder_conformance::Harness;
use larder_memory::Memory;

struct UnderPollster;

impl Harness for UnderPollster {
    type Backend = Memory;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    async fn open(&self) -> Result<Memory> {
        Ok(Memory::new())
    }
}

mod under_pollster {
    larder_conformance::conformance_tests!(super::UnderPollster);
}

struct UnderFutures;

impl Harness for UnderFutures {
    type Backend = Memory<std::hash::RandomState>;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        futures::executor::block_on(future)
    }

    async fn open(&self) -> Result<Self::Backend> {
        Ok(Memory::with_hasher(std::hash::RandomState::new()))
    }
}

/// With the hasher for keys that nobody vouches for, too.
mod under_futures {
    larder_conformance::conformance_tests!(super::UnderFutures);
}
