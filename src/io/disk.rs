//! The file system as a trait: a dozen calls, all blocking, shaped like those of `std::fs`. Backends
//! that keep files use nothing else, so that a simulated disk can stand in its place.

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;

/// The file-system calls that backends need.
///
/// Errors are those of the operating system. Nothing is durable until a `sync` says so: data by
/// [`DiskFile::sync`], names by [`Disk::sync_dir`], both by [`DiskSync::sync_all`].
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Opens a file. Symbolic links at the end of the path are not followed.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading if that needs no waiting for the medium; `None` if it might.
    fn open_cached(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>>;

    /// What stands at this path: `None` if nothing does.
    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>>;

    /// Renames a file, replacing what stood at `to`, atomically.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory; its parent must be there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The entries of a directory, in no particular order, without `.` and `..`.
    fn list(&self, dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>>;

    /// Makes the names in this directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// A handle to sync the whole file system of this directory by. Open it before anything is
    /// written: it reports the failures that happen from then on, whoever else asks for them.
    fn syncer(&self, dir: &Path) -> io::Result<Box<dyn DiskSync>>;

    /// Opens a lock file, making it if it is missing. It is not locked yet.
    fn lock_file(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
}

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading.
    Read,
    /// For reading and writing; it must be there.
    Write,
    /// For reading and writing, new: it must not be there.
    Create,
}

/// An open file. It stays the same file whatever happens to its name.
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// Reads at an offset; fewer bytes than asked for only at the end of the file or if interrupted.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The same if it needs no waiting for the medium; `None` if it might.
    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>>;

    /// Writes at an offset; may write fewer bytes.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Writes these pieces one after the other, from an offset; may write fewer bytes. Files that
    /// cannot do that at once write of the first piece that is not empty.
    fn write_vectored_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        match pieces.iter().find(|piece| !piece.is_empty()) {
            Some(piece) => self.write_at(piece, offset),
            None => Ok(0),
        }
    }

    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Makes the data durable, and what is needed to find it again, but not the file's name.
    fn sync(&self) -> io::Result<()>;

    /// Fills the buffer from an offset, or as much of it as the file has.
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Writes all of the bytes.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_vectored_at(&mut [IoSlice::new(bytes)], offset)
    }

    /// Writes all of these pieces, one after the other. The slices are changed.
    fn write_all_vectored_at(&self, mut pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        // Drops what is empty at the beginning.
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            let written = match &*pieces {
                [one] => self.write_at(one, offset),
                many => self.write_vectored_at(many, offset),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut pieces, written);
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A handle on a whole file system.
pub trait DiskSync: fmt::Debug + Send + Sync + 'static {
    /// Makes everything durable, data and names; `Unsupported` where the system cannot, or would not
    /// report a failure.
    fn sync_all(&self) -> io::Result<()>;
}

/// An open lock file. The lock goes when this is dropped, and with the process, however it ends.
/// Two handles on the same path exclude each other, also within one process.
pub trait DiskLock: fmt::Debug + Send + Sync + 'static {
    /// Takes the lock, waiting for it.
    fn lock(&self) -> io::Result<()>;

    /// Takes the lock if it is free; tells whether it was.
    fn try_lock(&self) -> io::Result<bool>;

    /// Lets the lock go.
    fn unlock(&self) -> io::Result<()>;
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: std::ffi::OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Dir,
    /// Something else: a link, a socket.
    Other,
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Writes no more than this at once, and is interrupted before every second write.
    #[derive(Debug)]
    struct Slow {
        most: usize,
        content: Mutex<Vec<u8>>,
        calls: Mutex<u32>,
    }

    impl DiskFile for Slow {
        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Ok(0)
        }

        fn read_at_cached(&self, _: &mut [u8], _: u64) -> io::Result<Option<usize>> {
            Ok(None)
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            if calls.is_multiple_of(2) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let mut content = self.content.lock().unwrap();
            assert_eq!(content.len() as u64, offset);
            let written = bytes.len().min(self.most);
            content.extend_from_slice(&bytes[..written]);
            Ok(written)
        }

        fn set_len(&self, _: u64) -> io::Result<()> {
            Ok(())
        }

        fn len(&self) -> io::Result<u64> {
            Ok(self.content.lock().unwrap().len() as u64)
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn pieces_arrive_whole_and_in_order_however_little_is_written_at_once() {
        for most in [1, 2, 3, 5, 100] {
            let file = Slow { most, content: Mutex::default(), calls: Mutex::default() };
            let pieces: [&[u8]; 5] = [b"", b"one ", b"", b"and two", b""];
            file.write_all_vectored_at(&mut pieces.map(IoSlice::new), 0).unwrap();
            assert_eq!(*file.content.lock().unwrap(), b"one and two", "{most} at once");
        }
        let full = Slow { most: 0, content: Mutex::default(), calls: Mutex::default() };
        let error = full.write_all_at(b"x", 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
        assert!(full.write_all_at(b"", 0).is_ok());
    }
}
