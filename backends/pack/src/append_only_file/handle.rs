//! The handle: what it holds, what it can be asked, reading, and closing.

use std::path::Path;
use std::sync::Arc;

use larder::io::{Disk, DiskFile, RealDisk};

use super::Result;
use super::buffer::Buffer;
use super::error::AppendOnlyFileError;
use super::options::AutoFlush;
use super::reader::{Bounds, Reader};
use super::room::Room;

/// A file that only grows; see the [module](super) for its states and guarantees.
///
/// All calls that touch the file block. Reading takes `&self`; [`reader`](AppendOnlyFile::reader) makes a
/// handle for those who read while this one is written.
#[derive(Debug)]
pub struct AppendOnlyFile<D: Disk + ?Sized = RealDisk> {
    /// None once closed.
    pub(super) file: Option<Arc<dyn DiskFile>>,
    pub(super) bounds: Arc<Bounds>,
    /// None if read-only.
    pub(super) writing: Option<Writing<D>>,
    pub(super) tail_at_open: u64,
}

/// What a handle needs to write.
#[derive(Debug)]
pub(super) struct Writing<D: Disk + ?Sized> {
    pub(super) disk: Arc<D>,
    pub(super) buffer: Buffer,
    pub(super) auto_flush: AutoFlush<D>,
    /// Whether the external procedure is under way.
    pub(super) in_procedure: bool,
    /// Whether a flush failed that may have left bytes beyond the flushed end.
    pub(super) torn: bool,
    pub(super) room: Room,
    /// Whether the directory was synced, so that the file's name is durable.
    pub(super) named: bool,
    pub(super) synced: u64,
    pub(super) poisoned: bool,
}

impl<D: Disk + ?Sized> AppendOnlyFile<D> {
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        bounds: Bounds,
        writing: Option<Writing<D>>,
        tail_at_open: u64,
    ) -> AppendOnlyFile<D> {
        AppendOnlyFile { file: Some(Arc::from(file)), bounds: Arc::new(bounds), writing, tail_at_open }
    }

    pub(super) fn file(&self) -> Result<&Arc<dyn DiskFile>> {
        self.file.as_ref().ok_or_else(|| AppendOnlyFileError::Closed { path: self.path().to_owned() })
    }

    fn buffered(&self) -> usize {
        self.writing.as_ref().map_or(0, |writing| writing.buffer.len())
    }

    /// Where the file ends. For writing: with the bytes that are only buffered, so it is the offset of the
    /// next append. Read-only: what it was last told ([`refresh_end_poff`](Self::refresh_end_poff)). Makes
    /// no call on the disk.
    pub fn end_poff(&self) -> u64 {
        // A file and a buffer together are far from where this would overflow.
        self.bounds.flushed() + self.buffered() as u64
    }

    /// The offset behind the last byte that can be read: `end_poff` without what is buffered.
    pub fn flushed_end_poff(&self) -> u64 {
        self.bounds.flushed()
    }

    /// The offset behind the last byte that an fsync through this handle has made durable. Zero before the
    /// first: a handle does not know what was synced before it was opened, and the first fsync covers all of
    /// that too. Always zero for read-only handles.
    pub fn synced_end_poff(&self) -> u64 {
        self.writing.as_ref().map_or(0, |writing| writing.synced)
    }

    /// How many bytes the file had beyond the end that was given when it was opened. Opened for writing,
    /// they were cut off.
    pub fn tail_at_open(&self) -> u64 {
        self.tail_at_open
    }

    /// Whether it was opened for reading only.
    pub fn readonly(&self) -> bool {
        self.writing.is_none()
    }

    /// So many buffered bytes make an append flush. `None` if read-only.
    pub fn auto_flush_threshold(&self) -> Option<usize> {
        self.writing.as_ref().map(|writing| writing.buffer.threshold())
    }

    /// Whether everything that was appended is flushed. Always so if read-only.
    pub fn empty_buffer(&self) -> bool {
        self.buffered() == 0
    }

    /// Whether an fsync has failed: nothing more can be written.
    pub fn is_poisoned(&self) -> bool {
        self.writing.as_ref().is_some_and(|writing| writing.poisoned)
    }

    /// The path by which it was opened.
    pub fn path(&self) -> &Path {
        self.bounds.path()
    }

    /// Reads `len` bytes at an offset.
    ///
    /// # Errors
    ///
    /// `ReadOutOfBounds` beyond [`flushed_end_poff`](Self::flushed_end_poff), which buffered bytes are, and if
    /// the file was cut by someone else; `Closed`; `Io`.
    pub fn read(&self, off: u64, len: usize) -> Result<Vec<u8>> {
        self.bounds.read(&**self.file()?, off, len)
    }

    /// Fills the buffer from an offset. If that fails, what the buffer holds is not defined.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_exact_at(&self, buffer: &mut [u8], off: u64) -> Result<()> {
        self.bounds.read_exact_at(&**self.file()?, buffer, off)
    }

    /// Fills the buffer from an offset, and answers `true`, if that needs no waiting for the medium; `false`
    /// if it might, or the disk cannot tell. The buffer then holds nothing of use.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub fn read_exact_at_cached(&self, buffer: &mut [u8], off: u64) -> Result<bool> {
        self.bounds.read_exact_at_cached(&**self.file()?, buffer, off)
    }

    /// A handle for reading beside the writer. See [`Reader`].
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn reader(&self) -> Result<Reader> {
        Ok(Reader::new(Arc::clone(self.file()?), Arc::clone(&self.bounds)))
    }

    /// Tells a read-only handle, and its readers, where the file ends now: the end that was last published.
    /// It is taken as it is, also if it is smaller than before (a writer that came back after a crash may
    /// have less). Whether the file is as long shows when it is read.
    ///
    /// # Errors
    ///
    /// `RwNotAllowed` if the handle is for writing; `Closed`.
    pub fn refresh_end_poff(&self, end_poff: u64) -> Result<()> {
        self.file()?;
        if !self.readonly() {
            return Err(AppendOnlyFileError::RwNotAllowed { path: self.path().to_owned() });
        }
        self.bounds.set_flushed(end_poff);
        Ok(())
    }

    /// Closes the handle. Neither flushes nor syncs, nor [trims](Self::trim). The file itself is closed when its last [`Reader`] is
    /// gone.
    ///
    /// # Errors
    ///
    /// `PendingFlush` if bytes are buffered: the handle stays open. (A poisoned one is closed all the same,
    /// since nobody can flush it.) `DoubleClose` if it was closed before.
    pub fn close(&mut self) -> Result<()> {
        if self.file.is_none() {
            return Err(AppendOnlyFileError::DoubleClose { path: self.path().to_owned() });
        }
        let buffered = self.buffered();
        if buffered > 0 && !self.is_poisoned() {
            return Err(AppendOnlyFileError::PendingFlush { path: self.path().to_owned(), buffered });
        }
        if let Some(writing) = &mut self.writing {
            writing.buffer.clear();
        }
        self.file = None;
        Ok(())
    }
}
