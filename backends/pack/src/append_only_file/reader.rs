//! Reading: positions, bounds, and a handle of its own for those who read beside the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::io::DiskFile;

use super::Result;
use super::error::{AppendOnlyFileError, Bound};

/// No file is longer: systems count in signed numbers.
pub(super) const LONGEST: u64 = i64::MAX as u64;

/// What the writer shares with the readers of a file.
#[derive(Debug)]
pub(super) struct Bounds {
    path: PathBuf,
    dead_header_size: u64,
    /// Stored (release) after the bytes below it were written, so that whoever loads it (acquire) finds
    /// them in the file.
    flushed: AtomicU64,
}

impl Bounds {
    pub(super) fn new(path: &Path, dead_header_size: u64, flushed: u64) -> Bounds {
        Bounds { path: path.to_owned(), dead_header_size, flushed: AtomicU64::new(flushed) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn flushed(&self) -> u64 {
        self.flushed.load(Ordering::Acquire)
    }

    pub(super) fn set_flushed(&self, end: u64) {
        self.flushed.store(end, Ordering::Release);
    }

    /// Where in the file an offset is: `None` where no file reaches to.
    pub(super) fn position(&self, off: u64) -> Option<u64> {
        self.dead_header_size.checked_add(off).filter(|position| *position <= LONGEST)
    }

    /// The position in the file of the range, if it is below the flushed end.
    fn locate(&self, off: u64, len: usize) -> Result<u64> {
        let end = self.flushed();
        let Some(to) = off.checked_add(len as u64).filter(|to| *to <= end) else {
            return Err(self.out_of_bounds(off, len, end, Bound::Flushed));
        };
        // An end that a read-only handle was given may be anywhere.
        match (self.position(off), self.position(to)) {
            (Some(position), Some(_)) => Ok(position),
            _ => Err(self.out_of_bounds(off, len, off, Bound::File)),
        }
    }

    fn out_of_bounds(&self, off: u64, len: usize, end: u64, bound: Bound) -> AppendOnlyFileError {
        AppendOnlyFileError::ReadOutOfBounds { path: self.path.clone(), off, len, end, bound }
    }

    fn failed(&self, source: io::Error) -> AppendOnlyFileError {
        AppendOnlyFileError::Io { doing: "read", path: self.path.clone(), source }
    }

    pub(super) fn read(&self, file: &dyn DiskFile, off: u64, len: usize) -> Result<Vec<u8>> {
        // Nothing is allocated for a length that has not been checked.
        self.locate(off, len)?;
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(len).map_err(|_| self.failed(io::ErrorKind::OutOfMemory.into()))?;
        buffer.resize(len, 0);
        self.read_exact_at(file, &mut buffer, off)?;
        Ok(buffer)
    }

    pub(super) fn read_exact_at(&self, file: &dyn DiskFile, buffer: &mut [u8], off: u64) -> Result<()> {
        let position = self.locate(off, buffer.len())?;
        let filled = file.read_full_at(buffer, position).map_err(|cause| self.failed(cause))?;
        if filled < buffer.len() {
            return Err(self.out_of_bounds(off, buffer.len(), off + filled as u64, Bound::File));
        }
        Ok(())
    }

    pub(super) fn read_exact_at_cached(
        &self,
        file: &dyn DiskFile,
        buffer: &mut [u8],
        off: u64,
    ) -> Result<bool> {
        let position = self.locate(off, buffer.len())?;
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at_cached(&mut buffer[filled..], position + filled as u64) {
                // At the end of the file, too, the other way of reading has the last word.
                Ok(None | Some(0)) => return Ok(false),
                Ok(Some(read)) => filled += read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => return Ok(false),
                Err(cause) => return Err(self.failed(cause)),
            }
        }
        Ok(true)
    }
}

/// Reads an [`AppendOnlyFile`](super::AppendOnlyFile) beside whoever writes it.
///
/// Cheap to clone. It follows the flushed end of the handle that it was made from (of a read-only handle:
/// the end as last refreshed), and takes no lock. It is a handle of its own: it goes on reading after the
/// other one was closed, and keeps the file open as long as it lives, also when the file was removed.
#[derive(Clone, Debug)]
pub struct Reader {
    file: Arc<dyn DiskFile>,
    bounds: Arc<Bounds>,
}

impl Reader {
    pub(super) fn new(file: Arc<dyn DiskFile>, bounds: Arc<Bounds>) -> Reader {
        Reader { file, bounds }
    }

    /// The offset behind the last byte that can be read.
    pub fn flushed_end_poff(&self) -> u64 {
        self.bounds.flushed()
    }

    /// The path by which the file was opened.
    pub fn path(&self) -> &Path {
        self.bounds.path()
    }

    /// See [`AppendOnlyFile::read`](super::AppendOnlyFile::read).
    ///
    /// # Errors
    ///
    /// `ReadOutOfBounds`, `Io`.
    pub fn read(&self, off: u64, len: usize) -> Result<Vec<u8>> {
        self.bounds.read(&*self.file, off, len)
    }

    /// See [`AppendOnlyFile::read_exact_at`](super::AppendOnlyFile::read_exact_at).
    ///
    /// # Errors
    ///
    /// `ReadOutOfBounds`, `Io`.
    pub fn read_exact_at(&self, buffer: &mut [u8], off: u64) -> Result<()> {
        self.bounds.read_exact_at(&*self.file, buffer, off)
    }

    /// See [`AppendOnlyFile::read_exact_at_cached`](super::AppendOnlyFile::read_exact_at_cached).
    ///
    /// # Errors
    ///
    /// `ReadOutOfBounds`, `Io`.
    pub fn read_exact_at_cached(&self, buffer: &mut [u8], off: u64) -> Result<bool> {
        self.bounds.read_exact_at_cached(&*self.file, buffer, off)
    }
}
