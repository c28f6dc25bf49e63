//! The append-only file: a test for each row of what irmin-pack promises (`rows`), for its known
//! weaknesses and the crash matrix, against a model with faults, with every call failing in turn, beside
//! readers, after crashes, and on real files.

#[path = "../support/mod.rs"]
mod support;

mod crashes;
mod every_call;
mod matrix;
mod model;
mod preallocation;
mod property;
mod real_files;
mod rows;
mod weaknesses;

use std::sync::Arc;

use larder_pack::append_only_file::{AppendOnlyFile, AppendOnlyFileError, AutoFlush};
use support::FaultyDisk;

type File = AppendOnlyFile<FaultyDisk>;

/// Where the tests keep their file.
const PATH: &str = "/dir/file";

/// More than any of the tests appends.
const MUCH: usize = 1 << 20;

fn create_with(disk: &Arc<FaultyDisk>, threshold: usize, auto_flush: AutoFlush<FaultyDisk>) -> File {
    File::create_rw(Arc::clone(disk), PATH, false, threshold, auto_flush).unwrap()
}

/// A new file that flushes by itself from so many bytes on.
fn create(disk: &Arc<FaultyDisk>, threshold: usize) -> File {
    create_with(disk, threshold, AutoFlush::Internal)
}

/// A new file with these bytes, flushed.
fn create_of(disk: &Arc<FaultyDisk>, bytes: &[u8]) -> File {
    let mut file = create(disk, MUCH);
    file.append(bytes).unwrap();
    file.flush().unwrap();
    file
}

fn open_rw(disk: &Arc<FaultyDisk>, end_poff: u64, dead: u64) -> Result<File, AppendOnlyFileError> {
    File::open_rw(Arc::clone(disk), PATH, end_poff, dead, MUCH, AutoFlush::Internal)
}

fn open_ro(disk: &Arc<FaultyDisk>, end_poff: u64, dead: u64) -> Result<File, AppendOnlyFileError> {
    File::open_ro(Arc::clone(disk), PATH, end_poff, dead)
}

/// Asserts that a result is this error, and that the error names the path.
macro_rules! assert_error {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err(error @ $pattern) $(if $guard)? => {
                let line = error.to_string();
                assert!(line.contains(crate::PATH) && !line.contains('\n'), "{line}");
            }
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_error;
