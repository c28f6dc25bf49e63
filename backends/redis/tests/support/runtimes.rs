//! The ways to run futures under which the suite is run.

use std::future::Future;

/// A way to run futures.
pub(crate) trait Runtime: Sync {
    fn start() -> Self;
    fn run<T>(&self, future: impl Future<Output = T>) -> T;
}

pub(crate) struct AsyncStd;

impl Runtime for AsyncStd {
    fn start() -> AsyncStd {
        AsyncStd
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }
}

pub(crate) struct Smol;

impl Runtime for Smol {
    fn start() -> Smol {
        Smol
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}

pub(crate) struct TokioThreads(tokio::runtime::Runtime);

impl Runtime for TokioThreads {
    fn start() -> TokioThreads {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        TokioThreads(builder.worker_threads(2).enable_all().build().unwrap())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

pub(crate) struct TokioCurrent(tokio::runtime::Runtime);

impl Runtime for TokioCurrent {
    fn start() -> TokioCurrent {
        TokioCurrent(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

/// No runtime: a loop that polls and parks.
pub(crate) struct Bare;

impl Runtime for Bare {
    fn start() -> Bare {
        Bare
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }
}
