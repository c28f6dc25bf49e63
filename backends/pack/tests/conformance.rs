//! The conformance suite on this backend: durable and not, in segments so small that compaction and checkpoints
//! happen all the time. The matrix of runtimes is with the tests across crates.

#[path = "support/tamper.rs"]
mod tamper;

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};

use larder::{Durability, Result};
use larder_conformance::{Harness, Tamper};
use larder_pack::Pack;
use tamper::{Files, Log};
use tempfile::TempDir;

struct InDirectory {
    dir: TempDir,
    durability: Durability,
    segments: u64,
    mapped: bool,
}

impl InDirectory {
    fn new(durability: Durability, segments: u64) -> InDirectory {
        InDirectory { dir: tempfile::tempdir().unwrap(), durability, segments, mapped: false }
    }
}

impl Harness for InDirectory {
    type Backend = Pack;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    async fn open(&self) -> Result<Pack> {
        let options = Pack::options().durability(self.durability).mapped_reads(self.mapped);
        options.segment_bytes(self.segments).checkpoint_bytes(self.segments).open(self.dir.path()).await
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
        let files = fs::read_dir(self).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> bool {
        fs::write(path, bytes).is_ok()
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

mod mapped {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory {
        mapped: true,
        ..InDirectory::new(Durability::Flushed, 256 << 10)
    });
}

mod tiny_segments {
    use super::*;
    larder_conformance::conformance_tests!(InDirectory::new(Durability::Synced, 4096));
}
