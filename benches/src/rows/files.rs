//! Where the files of a run lie, who runs the futures, and how writes of new keys are timed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::runtime::Runtime;

use super::Failure;
use crate::peers::stores::Store;
use crate::time::{Clock, Sample};

/// A directory for each contender. Nothing is removed before the run is over: after many removals
/// ext4 makes files many times slower for a while.
#[derive(Debug)]
pub struct Files {
    root: tempfile::TempDir,
    made: AtomicUsize,
}

impl Files {
    /// Within this directory.
    pub fn within(dir: &Path) -> Result<Files, Failure> {
        let root = tempfile::Builder::new().prefix("larder-benches-").tempdir_in(dir)?;
        Ok(Files { root, made: AtomicUsize::new(0) })
    }

    /// A new, empty directory.
    pub fn fresh(&self) -> Result<PathBuf, Failure> {
        let dir = self.root.path().join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&dir)?;
        Ok(dir)
    }
}

/// Who runs the futures.
#[derive(Clone, Copy, Debug)]
pub enum On<'a> {
    /// The calling thread alone, under `pollster::block_on`.
    Pollster,
    /// A multi-threaded tokio: the calling thread waits in its `block_on`, tasks are spawned.
    Tokio(&'a Runtime),
}

impl On<'_> {
    /// Runs a future to its end.
    pub fn run<T>(self, future: impl Future<Output = T>) -> T {
        match self {
            On::Pollster => pollster::block_on(future),
            On::Tokio(runtime) => runtime.block_on(future),
        }
    }

    /// Runs so many tasks side by side; `each` makes the future of the task with this number.
    pub fn tasks<F>(self, tasks: usize, each: impl Fn(usize) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        match self {
            On::Pollster => pollster::block_on(try_join_all((0..tasks).map(each))).map(drop),
            On::Tokio(runtime) => runtime.block_on(async {
                let tasks: Vec<_> = (0..tasks).map(each).map(|task| tokio::spawn(finish(task))).collect();
                for task in tasks {
                    task.await??;
                }
                Ok(())
            }),
        }
    }
}

/// A task's error, in a form that may cross threads.
async fn finish(task: impl Future<Output = Result<(), Failure>>) -> Result<(), String> {
    task.await.map_err(|failure| failure.to_string())
}

/// The runtime of the peers that need tokio.
pub fn tokio() -> Result<Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Writes entries whose keys were never used before, or the same few again and again.
#[derive(Debug)]
pub struct Writer {
    store: Arc<Store>,
    bytes: Bytes,
    next: AtomicUsize,
    /// So many keys; `usize::MAX` is a new one each time.
    keys: usize,
}

impl Writer {
    /// Writes `bytes` under new keys, into a store that has `already` so many entries: one in use has
    /// made its directories and opened its lock files.
    pub fn of_new(store: Store, bytes: Bytes, already: u64, on: On<'_>) -> Result<Arc<Writer>, Failure> {
        const TASKS: u64 = 64;
        let writer = Writer { store: Arc::new(store), bytes, next: AtomicUsize::new(0), keys: usize::MAX };
        let writer = Arc::new(writer);
        on.tasks(TASKS as usize, |_| boxed(Arc::clone(&writer), already.div_ceil(TASKS)))?;
        Ok(writer)
    }

    /// Writes `bytes` under so many keys, each of which is there already.
    pub fn of_old(store: Store, bytes: Bytes, keys: usize, on: On<'_>) -> Result<Arc<Writer>, Failure> {
        let writer = Writer { store: Arc::new(store), bytes, next: AtomicUsize::new(0), keys };
        let writer = Arc::new(writer);
        on.run(Arc::clone(&writer).write(keys as u64))?;
        Ok(writer)
    }

    async fn write(self: Arc<Writer>, count: u64) -> Result<(), Failure> {
        for _ in 0..count {
            let key = format!("entry-{:08}", self.next.fetch_add(1, Ordering::Relaxed) % self.keys);
            self.store.put(&key, self.bytes.clone()).await?;
        }
        Ok(())
    }

    /// One after the other.
    pub fn alone(self: &Arc<Writer>, clock: Clock, on: On<'_>, count: u64) -> Sample {
        clock.time(count, || stop_on_failure(on.run(Arc::clone(self).write(count))))
    }

    /// By so many tasks, each writing `count`.
    pub fn together(self: &Arc<Writer>, clock: Clock, on: On<'_>, tasks: usize, count: u64) -> Sample {
        clock.time(tasks as u64 * count, || {
            stop_on_failure(on.tasks(tasks, |_| boxed(Arc::clone(self), count)));
        })
    }
}

/// The future of some peers is `Send` only behind a name.
fn boxed(writer: Arc<Writer>, count: u64) -> futures::future::BoxFuture<'static, Result<(), Failure>> {
    Box::pin(async move { writer.write(count).await })
}

/// A measurement of something that failed would be none.
pub fn stop_on_failure<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(done) => done,
        Err(failure) => panic!("a contender failed: {failure}"),
    }
}
