//! [`MappedDisk`]: the operating system's files, read through memory maps where a read must not wait. The
//! only `unsafe` code of larder is here.

use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::disk::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode};
use super::real_disk::RealDisk;

/// A file that is shorter may grow to this many bytes within its map. It is address space, not memory.
const MAP_BYTES: u64 = 256 << 20;

/// [`RealDisk`], whose files answer [`DiskFile::read_at_cached`] from a map of the file: no call of the
/// system, and no copy but the one into the caller's buffer.
///
/// It is for stores whose files are written once and read often, on media that can be trusted:
///
/// - A page that is not in memory is waited for by the thread that reads, as in every store that maps its
///   files. Under an executor, the other tasks of that thread wait too.
/// - If the medium cannot read a page, or somebody cuts the file while it is open, the process ends by
///   `SIGBUS`, where [`RealDisk`] gives an error.
///
/// Where files cannot be mapped, it reads as [`RealDisk`] does.
#[derive(Clone, Copy, Debug, Default)]
pub struct MappedDisk;

impl Disk for MappedDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let file = RealDisk::open_file(path, mode)?;
        Ok(Box::new(MappedFile { file, map: OnceLock::new(), len: AtomicU64::new(0) }))
    }

    fn open_cached(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        // What is opened for one read is not worth a map.
        RealDisk.open_cached(path)
    }

    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        RealDisk.entry(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>> {
        RealDisk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }

    fn syncer(&self, dir: &Path) -> io::Result<Box<dyn DiskSync>> {
        RealDisk.syncer(dir)
    }

    fn lock_file(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        RealDisk.lock_file(path)
    }
}

#[derive(Debug)]
struct MappedFile {
    file: super::real_disk::RealFile,
    /// Made by the first read; `None` if it cannot be.
    map: OnceLock<Option<MmapRaw>>,
    /// The file has at least so many bytes.
    len: AtomicU64,
}

impl MappedFile {
    fn map(&self) -> Option<&MmapRaw> {
        let map = || {
            let len = usize::try_from(self.file.len().ok()?.max(MAP_BYTES)).ok()?;
            if cfg!(not(target_pointer_width = "64")) {
                return None;
            }
            MmapOptions::new().len(len).map_raw_read_only(self.file.as_file()).ok()
        };
        self.map.get_or_init(map).as_ref()
    }

    /// Whether the file reaches to this offset.
    fn reaches(&self, end: u64) -> bool {
        if end <= self.len.load(Ordering::Acquire) {
            return true;
        }
        let Ok(len) = self.file.len() else { return false };
        self.len.store(len, Ordering::Release);
        end <= len
    }
}

impl DiskFile for MappedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    #[inline]
    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let reached = offset.checked_add(buffer.len() as u64).is_some_and(|end| self.reaches(end));
        match self.map() {
            Some(map) if reached && copy(map, buffer, offset) => Ok(Some(buffer.len())),
            _ => self.file.read_at_cached(buffer, offset),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn write_vectored_at(&self, pieces: &[io::IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.file.write_vectored_at(pieces, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // Before and after: nobody who looks from now on may take the length from before.
        self.len.store(0, Ordering::Release);
        let set = self.file.set_len(len);
        self.len.store(0, Ordering::Release);
        set
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Fills the buffer from an offset of the map, if all of it lies within.
#[inline]
fn copy(map: &MmapRaw, buffer: &mut [u8], offset: u64) -> bool {
    let Ok(offset) = usize::try_from(offset) else { return false };
    if offset.checked_add(buffer.len()).is_none_or(|end| end > map.len()) {
        return false;
    }
    #[expect(unsafe_code, reason = "a map can be read by its address only; the proof is below")]
    // SAFETY:
    // - The source, `offset..offset + buffer.len()`, lies within the map, as was just checked; the map was
    //   made readable and lives as long as the borrow of `map`. No page of it is unmapped or protected before.
    // - The destination is an exclusive slice of initialized bytes of this length. It cannot overlap the
    //   source: the map was given out by the system and never lent to anybody as a slice.
    // - No reference to the mapped bytes is ever made, so nobody assumes that they stay as they are: who
    //   writes the file meanwhile changes what is read, which checksums tell, and nothing else.
    // - Pages of the map that the file does not reach would raise SIGBUS. The file reached to the end of the
    //   source when that was looked up; that it is not cut meanwhile is what the documentation of
    //   `MappedDisk` asks for.
    unsafe {
        std::ptr::copy_nonoverlapping(map.as_ptr().add(offset), buffer.as_mut_ptr(), buffer.len());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_after_the_map_was_made_is_read_through_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = MappedDisk.open(&path, Mode::Create).unwrap();
        file.write_all_at(b"one", 0).unwrap();
        let mut buffer = [0; 3];
        assert_eq!(file.read_at_cached(&mut buffer, 0).unwrap(), Some(3));
        assert_eq!(&buffer, b"one");
        file.write_all_at(&[7; 10_000], 3).unwrap();
        let mut buffer = [0; 10_000];
        assert_eq!(file.read_at_cached(&mut buffer, 3).unwrap(), Some(10_000));
        assert_eq!(buffer, [7; 10_000]);
    }

    #[test]
    fn nothing_is_read_beyond_the_end_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = MappedDisk.open(&path, Mode::Create).unwrap();
        let mut buffer = [0; 8];
        assert!(matches!(file.read_at_cached(&mut buffer, 0).unwrap(), None | Some(0)));
        file.write_all_at(&[1; 20_000], 0).unwrap();
        assert_eq!(file.read_at_cached(&mut buffer, 19_992).unwrap(), Some(8));
        assert!(file.read_at_cached(&mut buffer, 19_996).unwrap().is_none_or(|read| read == 4));
        file.set_len(5000).unwrap();
        assert!(file.read_at_cached(&mut buffer, 19_992).unwrap().is_none_or(|read| read == 0));
        assert!(file.read_at_cached(&mut buffer, MAP_BYTES + 1).unwrap().is_none_or(|read| read == 0));
        assert!(
            file.read_at_cached(&mut buffer, u64::MAX - 2).is_ok_and(|read| read.is_none()) || cfg!(unix)
        );
    }
}
