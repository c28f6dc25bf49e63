//! The conformance suite on this backend: durable and not, in segments so small that compaction and checkpoints
//! happen all the time. The matrix of runtimes is with the tests across crates.

use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use larder::{Durability, Head, Key, Origin, Result};
use larder_conformance::{Harness, Tamper};
use larder_pack::Pack;
use tempfile::TempDir;

struct InDirectory {
    dir: TempDir,
    durability: Durability,
    segments: u64,
}

impl InDirectory {
    fn new(durability: Durability, segments: u64) -> InDirectory {
        InDirectory { dir: tempfile::tempdir().unwrap(), durability, segments }
    }
}

impl Harness for InDirectory {
    type Backend = Pack;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    async fn open(&self) -> Result<Pack> {
        let options = Pack::options().durability(self.durability);
        options.segment_bytes(self.segments).checkpoint_bytes(self.segments).open(self.dir.path()).await
    }

    async fn reopen(&self) -> Option<Result<Pack>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Log { dir: self.dir.path(), found: Mutex::default() }))
    }
}

/// The frames of the records: the last that is whole, or the one that was found before, if that is later.
struct Log<'a> {
    dir: &'a Path,
    found: Mutex<HashMap<Key, (PathBuf, usize, usize)>>,
}

impl Log<'_> {
    /// The file, and where in it the record stands.
    fn place(&self, key: &Key) -> (PathBuf, usize, usize) {
        let mut found = self.found.lock().unwrap();
        for file in fs::read_dir(self.dir).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|end| end != "log") {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
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
        fs::read(path).unwrap()[start..end].to_vec()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        let (path, start, end) = self.place(key);
        if bytes.len() != end - start {
            return false;
        }
        let mut all = fs::read(&path).unwrap();
        all[start..end].copy_from_slice(bytes);
        fs::write(path, all).is_ok()
    }
}

mod synced {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::new(Durability::Synced, 64 << 20));
}

mod flushed {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::new(Durability::Flushed, 64 << 20));
}

mod tiny_segments {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::new(Durability::Synced, 4096));
}
