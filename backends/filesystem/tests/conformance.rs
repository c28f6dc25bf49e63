//! The conformance suite on this backend, durable and not. The matrix of runtimes is with the tests
//! across crates.

use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Mutex;

use larder::{Durability, Head, Key, Origin, Result};
use larder_conformance::{Harness, Tamper};
use larder_filesystem::Filesystem;
use tempfile::TempDir;

struct InDirectory {
    dir: TempDir,
    durability: Durability,
}

impl InDirectory {
    fn new(durability: Durability) -> InDirectory {
        InDirectory { dir: tempfile::tempdir().unwrap(), durability }
    }
}

impl Harness for InDirectory {
    type Backend = Filesystem;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    async fn open(&self) -> Result<Filesystem> {
        Filesystem::options().durability(self.durability).open(self.dir.path()).await
    }

    async fn reopen(&self) -> Option<Result<Filesystem>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Files { records: self.dir.path().join("records"), found: Mutex::default() }))
    }
}

/// The files of the records. Those once found stay known when they have been damaged.
struct Files {
    records: PathBuf,
    found: Mutex<HashMap<Key, PathBuf>>,
}

impl Files {
    fn path(&self, key: &Key) -> PathBuf {
        let mut found = self.found.lock().unwrap();
        if !found.contains_key(key) {
            for dir in fs::read_dir(&self.records).unwrap() {
                for file in fs::read_dir(dir.unwrap().path()).unwrap() {
                    let path = file.unwrap().path();
                    let bytes = fs::read(&path).unwrap();
                    if let Ok(Some(length)) = Head::length(&bytes)
                        && let Some(head) = bytes.get(..length)
                        && let Ok(head) = Head::parse(head.to_vec().into(), Origin::Larder)
                    {
                        found.insert(head.key().unwrap(), path);
                    }
                }
            }
        }
        found[key].clone()
    }
}

impl Tamper for Files {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        fs::read(self.path(key)).unwrap()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        fs::write(self.path(key), bytes).is_ok()
    }
}

mod synced {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::new(Durability::Synced));
}

mod flushed {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::new(Durability::Flushed));
}
