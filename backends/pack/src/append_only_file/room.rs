//! Preallocation: the file is kept longer than its content, so that most flushes do not change its length.

use larder::io::{Disk, DiskFile};

use super::Result;
use super::error::AppendOnlyFileError;
use super::handle::AppendOnlyFile;
use super::reader::LONGEST;

/// The zeros that a file has beyond its content.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The length of the file is set to multiples of this; 0 if it is never set ahead.
    step: u64,
    /// The file is at least as long, as far as is known.
    until: u64,
    /// Whether the file may be longer than its content: even a call that failed may have made it so.
    ahead: bool,
}

impl Room {
    /// Sets the length of the file ahead if what is to be written up to this position does not fit. If that fails,
    /// it is not tried again: the writes extend the file, as they would without.
    pub(super) fn reserve(&mut self, file: &dyn DiskFile, to: u64) {
        if self.step == 0 || to <= self.until {
            return;
        }
        let Some(until) = to.checked_next_multiple_of(self.step).filter(|until| *until <= LONGEST) else {
            return;
        };
        self.ahead = true;
        match file.set_len(until) {
            Ok(()) => self.until = until,
            Err(_) => self.step = 0,
        }
    }

    /// The file was cut to this position.
    pub(super) fn cut(&mut self, position: u64) {
        self.until = position;
        self.ahead = false;
    }
}

impl<D: Disk + ?Sized> AppendOnlyFile<D> {
    /// From now on, a flush that goes beyond the length of the file first sets that ahead, to the next multiple of
    /// `step` bytes (its dead header counted); 0, the default, ends that. What lies between the flushed end and the
    /// end of the file is zeros, and takes no room on the medium. Syncing is faster by it, where a changed length has
    /// to go through the journal of the file system. If the length cannot be set ahead, flushes do without.
    ///
    /// Whoever opens the file must have its end on record, or tell it from the zeros. See [`trim`](Self::trim).
    ///
    /// # Errors
    ///
    /// `RoNotAllowed`; `Closed`; `Poisoned`.
    pub fn preallocate(&mut self, step: u64) -> Result<()> {
        self.writable()?.2.room.step = step;
        Ok(())
    }

    /// Cuts off what the file has beyond its flushed end: the zeros of [`preallocate`](Self::preallocate), and what a
    /// flush that failed left there. Whether there may have been anything. Durable with the next fsync.
    ///
    /// # Errors
    ///
    /// If it fails, it may be done again. `RoNotAllowed`; `Closed`; `Poisoned`; `Io`.
    pub fn trim(&mut self) -> Result<bool> {
        let (file, bounds, writing) = self.writable()?;
        let Some(position) = bounds.position(bounds.flushed()).filter(|_| writing.room.ahead || writing.torn)
        else {
            return Ok(false);
        };
        let failed =
            |doing| move |source| AppendOnlyFileError::Io { doing, path: bounds.path().to_owned(), source };
        // Where the length could not be set ahead, it is not set now either.
        if file.len().map_err(failed("ask for the length of"))? != position {
            file.set_len(position).map_err(failed("cut the end of"))?;
        }
        writing.torn = false;
        writing.room.cut(position);
        Ok(true)
    }
}
