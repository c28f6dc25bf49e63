//! The conformance suite for every backend under every runtime: the libraries name none, so all of
//! them must do, and so must none at all.

#[path = "../backends/pack/tests/support/tamper.rs"]
mod tamper;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use larder::{Bytes, Key, Origin, Record, Result};
use larder_conformance::{Harness, Tamper};
use larder_filesystem::Filesystem;
use larder_memory::Memory;
use larder_pack::Pack;
use tamper::{Files, Log};

/// A way to run futures.
trait Runtime: Sync {
    fn start() -> Self;
    fn run<T>(&self, future: impl Future<Output = T>) -> T;
}

struct AsyncStd;

impl Runtime for AsyncStd {
    fn start() -> AsyncStd {
        AsyncStd
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }
}

struct Smol;

impl Runtime for Smol {
    fn start() -> Smol {
        Smol
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}

struct TokioThreads(tokio::runtime::Runtime);

impl Runtime for TokioThreads {
    fn start() -> TokioThreads {
        TokioThreads(tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

struct TokioCurrent(tokio::runtime::Runtime);

impl Runtime for TokioCurrent {
    fn start() -> TokioCurrent {
        TokioCurrent(tokio::runtime::Builder::new_current_thread().build().unwrap())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

/// No runtime: a loop that polls and parks.
struct Bare;

impl Runtime for Bare {
    fn start() -> Bare {
        Bare
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }
}

struct InMemory<R>(R);

impl<R: Runtime> InMemory<R> {
    fn new() -> InMemory<R> {
        InMemory(R::start())
    }
}

impl<R: Runtime> Harness for InMemory<R> {
    type Backend = Memory;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.run(future)
    }

    async fn open(&self) -> Result<Memory> {
        Ok(Memory::new())
    }
}

struct OnFiles<R> {
    runtime: R,
    dir: tempfile::TempDir,
}

impl<R: Runtime> OnFiles<R> {
    fn new() -> OnFiles<R> {
        OnFiles { runtime: R::start(), dir: tempfile::tempdir().unwrap() }
    }
}

impl<R: Runtime> Harness for OnFiles<R> {
    type Backend = Filesystem;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.run(future)
    }

    async fn open(&self) -> Result<Filesystem> {
        Filesystem::open(self.dir.path()).await
    }

    async fn reopen(&self) -> Option<Result<Filesystem>> {
        Some(Filesystem::open(self.dir.path()).await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Places { dir: Some(self.dir.path()), ..Places::default() }))
    }
}

/// The record files of a store, found by what is in them.
#[derive(Default)]
struct Places<'a> {
    dir: Option<&'a Path>,
    /// Where each key was found: what was tampered with can no longer be recognised.
    known: Mutex<BTreeMap<Key, PathBuf>>,
}

impl Places<'_> {
    fn of(&self, key: &Key) -> PathBuf {
        let is_it = |path: &PathBuf| {
            let bytes = Bytes::from(std::fs::read(path).unwrap());
            Record::decode(bytes, Origin::Larder).is_ok_and(|(head, _)| head.key_bytes() == key.as_cbor())
        };
        let find =
            || files(self.dir.unwrap()).into_iter().find(is_it).expect("a file with the record of this key");
        self.known.lock().unwrap().entry(key.clone()).or_insert_with(find).clone()
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

impl Tamper for Places<'_> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        std::fs::read(self.of(key)).unwrap()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        std::fs::write(self.of(key), bytes).unwrap();
        true
    }
}

struct InPack<R> {
    runtime: R,
    dir: tempfile::TempDir,
}

impl<R: Runtime> InPack<R> {
    fn new() -> InPack<R> {
        InPack { runtime: R::start(), dir: tempfile::tempdir().unwrap() }
    }
}

impl<R: Runtime> Harness for InPack<R> {
    type Backend = Pack;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.run(future)
    }

    async fn open(&self) -> Result<Pack> {
        Pack::open(self.dir.path()).await
    }

    async fn reopen(&self) -> Option<Result<Pack>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Log::new(self.dir.path())))
    }
}

impl Files for &Path {
    fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = files(self).into_iter();
        files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> bool {
        std::fs::write(path, bytes).is_ok()
    }
}

macro_rules! matrix {
    ($($module:ident: $runtime:ident,)*) => {
        mod memory {$(
            mod $module {
                use crate::{InMemory, $runtime};
                larder_conformance::conformance_tests!(InMemory::<$runtime>::new());
            }
        )*}
        mod filesystem {$(
            mod $module {
                use crate::{OnFiles, $runtime};
                larder_conformance::conformance_tests!(OnFiles::<$runtime>::new());
            }
        )*}
        mod pack {$(
            mod $module {
                use crate::{InPack, $runtime};
                larder_conformance::conformance_tests!(InPack::<$runtime>::new());
            }
        )*}
    };
}

matrix! {
    async_std: AsyncStd,
    smol: Smol,
    tokio_threads: TokioThreads,
    tokio_current: TokioCurrent,
    bare: Bare,
}
