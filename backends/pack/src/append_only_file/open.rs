//! Creating and opening.

use std::io;
use std::path::Path;
use std::sync::Arc;

use larder::io::{Disk, DiskFile, EntryKind, Mode};

use super::Result;
use super::buffer::Buffer;
use super::error::AppendOnlyFileError;
use super::handle::{AppendOnlyFile, Writing};
use super::options::AutoFlush;
use super::reader::Bounds;
use super::room::Room;

impl<D: Disk + ?Sized> AppendOnlyFile<D> {
    /// Creates a file, for writing. Its end is 0, and it has no dead header.
    ///
    /// `overwrite`: a file that stands there is emptied, at once and for everyone who has it open; take the
    /// store's lock before. An append that makes the buffer reach `auto_flush_threshold` bytes flushes it as
    /// `auto_flush_procedure` says; 0 is as 1.
    ///
    /// # Errors
    ///
    /// `FileExists` if anything stands there and `overwrite` is not set; `NotAFile` if it is set, and no file
    /// stands there; `Io`.
    pub fn create_rw(
        disk: Arc<D>,
        path: impl AsRef<Path>,
        overwrite: bool,
        auto_flush_threshold: usize,
        auto_flush_procedure: AutoFlush<D>,
    ) -> Result<AppendOnlyFile<D>> {
        let path = path.as_ref();
        let file = match disk.open(path, Mode::Create) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !overwrite {
                    return Err(AppendOnlyFileError::FileExists { path: path.to_owned() });
                }
                let file = open(&*disk, path, Mode::Write)?;
                file.set_len(0).map_err(|cause| failed("empty", path, cause))?;
                file
            }
            Err(error) => return Err(failed("create", path, error)),
        };
        let writing = Writing::new(disk, auto_flush_threshold, auto_flush_procedure);
        Ok(AppendOnlyFile::new(file, Bounds::new(path, 0, 0), Some(writing), 0))
    }

    /// Opens a file that is there, for writing at `end_poff`, which is the end on record, in bytes from the
    /// end of a dead header of `dead_header_size` bytes. What the file has beyond is cut off (how much that
    /// was says [`tail_at_open`](Self::tail_at_open)); take the store's lock before, and look at the tail
    /// before if it may be worth something. For the rest see [`create_rw`](Self::create_rw).
    ///
    /// # Errors
    ///
    /// `NoSuchFileOrDirectory`; `NotAFile`; `InconsistentStore` if the file is shorter than that; `Io`.
    pub fn open_rw(
        disk: Arc<D>,
        path: impl AsRef<Path>,
        end_poff: u64,
        dead_header_size: u64,
        auto_flush_threshold: usize,
        auto_flush_procedure: AutoFlush<D>,
    ) -> Result<AppendOnlyFile<D>> {
        let path = path.as_ref();
        let file = open(&*disk, path, Mode::Write)?;
        let tail = tail(&*file, path, end_poff, dead_header_size)?;
        if tail > 0 {
            // No sum of the two is larger than the file.
            let cut = file.set_len(dead_header_size + end_poff);
            cut.map_err(|cause| failed("cut the tail of", path, cause))?;
        }
        let writing = Writing::new(disk, auto_flush_threshold, auto_flush_procedure);
        Ok(AppendOnlyFile::new(file, Bounds::new(path, dead_header_size, end_poff), Some(writing), tail))
    }

    /// Opens a file that is there, for reading up to `end_poff`, until
    /// [`refresh_end_poff`](Self::refresh_end_poff) says more. What the file has beyond stays as it is.
    ///
    /// # Errors
    ///
    /// As for [`open_rw`](Self::open_rw).
    pub fn open_ro(
        disk: Arc<D>,
        path: impl AsRef<Path>,
        end_poff: u64,
        dead_header_size: u64,
    ) -> Result<AppendOnlyFile<D>> {
        let path = path.as_ref();
        let file = open(&*disk, path, Mode::Read)?;
        let tail = tail(&*file, path, end_poff, dead_header_size)?;
        Ok(AppendOnlyFile::new(file, Bounds::new(path, dead_header_size, end_poff), None, tail))
    }
}

impl<D: Disk + ?Sized> Writing<D> {
    fn new(disk: Arc<D>, threshold: usize, auto_flush: AutoFlush<D>) -> Writing<D> {
        Writing {
            disk,
            buffer: Buffer::new(threshold),
            auto_flush,
            in_procedure: false,
            torn: false,
            room: Room::default(),
            named: false,
            synced: 0,
            poisoned: false,
        }
    }
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> AppendOnlyFileError {
    AppendOnlyFileError::Io { doing, path: path.to_owned(), source }
}

/// Opens what is there, if it is a file.
fn open(disk: &(impl Disk + ?Sized), path: &Path, mode: Mode) -> Result<Box<dyn DiskFile>> {
    let no_such_file = || AppendOnlyFileError::NoSuchFileOrDirectory { path: path.to_owned() };
    let not_a_file = || AppendOnlyFileError::NotAFile { path: path.to_owned() };
    // A directory could be opened for reading.
    match disk.entry(path) {
        Ok(Some(EntryKind::File)) => {}
        Ok(Some(EntryKind::Dir | EntryKind::Other)) => return Err(not_a_file()),
        Ok(None) => return Err(no_such_file()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(no_such_file()),
        Err(error) => return Err(failed("look at", path, error)),
    }
    disk.open(path, mode).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => no_such_file(),
        io::ErrorKind::IsADirectory => not_a_file(),
        _ => failed("open", path, error),
    })
}

/// How many bytes the file has beyond the end; it must not have fewer.
fn tail(file: &dyn DiskFile, path: &Path, end_poff: u64, dead_header_size: u64) -> Result<u64> {
    let physical = file.len().map_err(|cause| failed("ask for the length of", path, cause))?;
    let end = dead_header_size.checked_add(end_poff);
    end.and_then(|end| physical.checked_sub(end)).ok_or_else(|| AppendOnlyFileError::InconsistentStore {
        path: path.to_owned(),
        end_poff,
        dead_header_size,
        physical,
    })
}
