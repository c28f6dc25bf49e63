//! Appending, flushing, syncing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use larder::io::{Disk, DiskFile};

use super::Result;
use super::error::AppendOnlyFileError;
use super::handle::{AppendOnlyFile, Writing};
use super::options::{AutoFlush, Procedure};
use super::reader::Bounds;

impl<D: Disk + ?Sized> AppendOnlyFile<D> {
    /// Appends to the buffer, and answers with the offset at which the bytes begin. If the buffer reaches the
    /// threshold by it, it is flushed as the [`AutoFlush`] procedure says: the threshold is soft, one append
    /// may pass it.
    ///
    /// # Errors
    ///
    /// If it fails, nothing was appended, except for `AutoFlush` with `appended`; what was in the buffer
    /// before stays, and the same append may be made again. `RoNotAllowed`; `Closed`; `Poisoned`; of the
    /// automatic flush: `Io`, `AutoFlush`, `NotFlushed`.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        self.append_pieces(&[bytes])
    }

    /// Appends several pieces as one: none is flushed without the others, unless the disk fails.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    pub fn append_pieces(&mut self, pieces: &[&[u8]]) -> Result<u64> {
        let (_, bounds, writing) = self.writable()?;
        let flushed = bounds.flushed();
        let start = writing.buffer.len();
        writing.buffer.push(pieces).map_err(|cause| failed("append to", bounds, cause))?;
        if bounds.position(flushed + writing.buffer.len() as u64).is_none() {
            writing.buffer.truncate(start);
            return Err(failed("append to", bounds, io::ErrorKind::FileTooLarge.into()));
        }
        if writing.buffer.is_due() && !writing.in_procedure {
            self.auto_flush(flushed, start)?;
        }
        Ok(flushed + start as u64)
    }

    /// Runs the procedure. `flushed` is the flushed end before, and `start` the length of the buffer before
    /// this append, which is taken back if it is not flushed in the end.
    fn auto_flush(&mut self, flushed: u64, start: usize) -> Result<()> {
        let Some(writing) = &self.writing else { return Ok(()) };
        let result = match writing.auto_flush.clone() {
            AutoFlush::Internal => self.flush(),
            AutoFlush::External(procedure) => self.call(&procedure, flushed),
        };
        // A flush takes the whole buffer or nothing of it.
        if let Some(writing) = &mut self.writing
            && result.is_err()
            && self.bounds.flushed() == flushed
        {
            writing.buffer.truncate(start);
        }
        result
    }

    fn call(&mut self, procedure: &Procedure<D>, flushed: u64) -> Result<()> {
        let outcome = {
            // Ends also when the procedure panics.
            let running = InProcedure::begin(self);
            procedure(running.0)
        };
        let path = || self.path().to_owned();
        let appended = self.bounds.flushed() != flushed;
        match outcome {
            Ok(()) if !appended => Err(AppendOnlyFileError::NotFlushed { path: path() }),
            Ok(()) => Ok(()),
            Err(source) => Err(AppendOnlyFileError::AutoFlush { path: path(), appended, source }),
        }
    }

    /// Writes the buffer to the file, behind the flushed end, and moves that. Does not sync. All of the
    /// buffer is flushed, or nothing of it.
    ///
    /// # Errors
    ///
    /// If it fails, the buffer and the flushed end are as before, and the next flush writes the same bytes to
    /// the same place, after it has cut off what this one left there. `RoNotAllowed`; `Closed`; `Poisoned`;
    /// `Io`.
    pub fn flush(&mut self) -> Result<()> {
        let (file, bounds, writing) = self.writable()?;
        let flushed = bounds.flushed();
        let end = flushed + writing.buffer.len() as u64;
        // Appending has made sure that the file may become as long.
        let Some(position) = bounds.position(flushed) else { return Ok(()) };
        if writing.torn {
            file.set_len(position).map_err(|cause| failed("cut the torn end of", bounds, cause))?;
            writing.torn = false;
            writing.room.cut(position);
        }
        if writing.buffer.is_empty() {
            return Ok(());
        }
        // Appending has made sure that the sum is a position.
        writing.room.reserve(&**file, position + writing.buffer.len() as u64);
        writing.torn = true;
        file.write_all_at(writing.buffer.as_slice(), position)
            .map_err(|cause| failed("write to", bounds, cause))?;
        writing.torn = false;
        bounds.set_flushed(end);
        writing.buffer.clear();
        Ok(())
    }

    /// Makes durable what is flushed. Does not flush. The first fsync of a handle also makes the file's
    /// name durable.
    ///
    /// # Errors
    ///
    /// `Fsync`: it is not known what is durable beyond [`synced_end_poff`](Self::synced_end_poff), nothing
    /// more can be written through this handle, and no later fsync is to be believed. `RoNotAllowed`;
    /// `Closed`; `Poisoned`.
    pub fn fsync(&mut self) -> Result<()> {
        let (file, bounds, writing) = self.writable()?;
        let flushed = bounds.flushed();
        let path = bounds.path();
        let mut synced = file.sync().map_err(|source| (path, source));
        if synced.is_ok() && !writing.named {
            let dir = dir_of(path);
            synced = writing.disk.sync_dir(dir).map_err(|source| (dir, source));
        }
        if let Err((path, source)) = synced {
            writing.poisoned = true;
            return Err(AppendOnlyFileError::Fsync { path: path.to_owned(), source });
        }
        writing.named = true;
        writing.synced = flushed;
        Ok(())
    }

    /// Takes back the buffered bytes from an offset on, and answers where the file ends now: at `off`, or
    /// beyond it if bytes there were flushed already, which nothing takes back. A larger `off` changes
    /// nothing. Also possible if poisoned.
    ///
    /// # Errors
    ///
    /// `RoNotAllowed`; `Closed`.
    pub fn take_back(&mut self, off: u64) -> Result<u64> {
        let (_, bounds, writing) = self.writing()?;
        let kept = off.saturating_sub(bounds.flushed());
        writing.buffer.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        Ok(self.end_poff())
    }

    /// The parts, if the handle is open and for writing.
    fn writing(&mut self) -> Result<(&Arc<dyn DiskFile>, &Bounds, &mut Writing<D>)> {
        let path = || self.bounds.path().to_owned();
        match (&self.file, &mut self.writing) {
            (None, _) => Err(AppendOnlyFileError::Closed { path: path() }),
            (_, None) => Err(AppendOnlyFileError::RoNotAllowed { path: path() }),
            (Some(file), Some(writing)) => Ok((file, &self.bounds, writing)),
        }
    }

    /// The same, if it is not poisoned.
    pub(super) fn writable(&mut self) -> Result<(&Arc<dyn DiskFile>, &Bounds, &mut Writing<D>)> {
        let (file, bounds, writing) = self.writing()?;
        if writing.poisoned {
            return Err(AppendOnlyFileError::Poisoned { path: bounds.path().to_owned() });
        }
        Ok((file, bounds, writing))
    }
}

/// While it lives, appends start no procedure.
struct InProcedure<'a, D: Disk + ?Sized>(&'a mut AppendOnlyFile<D>);

impl<'a, D: Disk + ?Sized> InProcedure<'a, D> {
    fn begin(file: &'a mut AppendOnlyFile<D>) -> InProcedure<'a, D> {
        if let Some(writing) = &mut file.writing {
            writing.in_procedure = true;
        }
        InProcedure(file)
    }
}

impl<D: Disk + ?Sized> Drop for InProcedure<'_, D> {
    fn drop(&mut self) {
        if let Some(writing) = &mut self.0.writing {
            writing.in_procedure = false;
        }
    }
}

fn failed(doing: &'static str, bounds: &Bounds, source: io::Error) -> AppendOnlyFileError {
    AppendOnlyFileError::Io { doing, path: bounds.path().to_owned(), source }
}

/// The directory that has the file's name.
fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
