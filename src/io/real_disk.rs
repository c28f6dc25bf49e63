//! [`RealDisk`]: the operating system's files. What only Linux has (opening and reading what is
//! cached without waiting, syncing a whole file system) is used there and answered
//! `Unsupported`, or as not cached, elsewhere.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::disk::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode};

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealDisk::open_file(path, mode)?))
    }

    fn open_cached(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        Ok(linux::open(path)?.map(|file| Box::new(RealFile(file)) as Box<dyn DiskFile>))
    }

    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(kind(metadata.file_type()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>> {
        Ok(Box::new(std::fs::read_dir(dir)?.map(|entry| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), kind: kind(entry.file_type()?) })
        })))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn syncer(&self, dir: &Path) -> io::Result<Box<dyn DiskSync>> {
        Ok(Box::new(RealSync(File::open(dir)?)))
    }

    fn lock_file(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        only_files(&mut options);
        Ok(Box::new(RealLock(options.open(path)?)))
    }
}

impl RealDisk {
    pub(super) fn open_file(path: &Path, mode: Mode) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            Mode::Read => {}
            Mode::Write => _ = options.write(true),
            Mode::Create => _ = options.write(true).create_new(true),
        }
        only_files(&mut options);
        Ok(RealFile(options.open(path)?))
    }
}

fn kind(file_type: std::fs::FileType) -> EntryKind {
    match (file_type.is_file(), file_type.is_dir()) {
        (true, _) => EntryKind::File,
        (_, true) => EntryKind::Dir,
        _ => EntryKind::Other,
    }
}

/// Follows no symbolic link, and does not wait for the other end if a pipe stands where a file should.
#[cfg(target_os = "linux")]
fn only_files(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
}

#[cfg(not(target_os = "linux"))]
fn only_files(_options: &mut OpenOptions) {}

#[derive(Debug)]
pub(super) struct RealFile(File);

impl RealFile {
    pub(super) fn as_file(&self) -> &File {
        &self.0
    }
}

impl DiskFile for RealFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset)
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        linux::read_at(&self.0, buffer, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)
    }

    #[cfg(target_os = "linux")]
    fn write_vectored_at(&self, pieces: &[io::IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.0, pieces, offset)?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Any open file or directory of the file system.
#[derive(Debug)]
struct RealSync(File);

impl DiskSync for RealSync {
    fn sync_all(&self) -> io::Result<()> {
        linux::sync_all(&self.0)
    }
}

#[derive(Debug)]
struct RealLock(File);

impl DiskLock for RealLock {
    fn lock(&self) -> io::Result<()> {
        self.0.lock()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{self, IoSliceMut};
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
    use rustix::io::{Errno, ReadWriteFlags};

    /// Whether the kernel says "not without waiting", or does not know the question.
    fn would_wait(error: Errno) -> bool {
        matches!(error, Errno::AGAIN | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::INVAL)
    }

    pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(error) if would_wait(error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let mut buffers = [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            Err(error) if would_wait(error) || error == Errno::INTR => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn sync_all(file: &File) -> io::Result<()> {
        if !reports_failures() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(rustix::fs::syncfs(file)?)
    }

    /// Before Linux 5.8 `syncfs` said nothing of data that could not be written.
    fn reports_failures() -> bool {
        static KNOWN: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *KNOWN.get_or_init(|| {
            let uname = rustix::system::uname();
            let release = uname.release().to_string_lossy();
            let mut numbers =
                release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().unwrap_or(0));
            (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn open(_path: &Path) -> io::Result<Option<File>> {
        Ok(None)
    }

    pub(super) fn read_at(_file: &File, _buffer: &mut [u8], _offset: u64) -> io::Result<Option<usize>> {
        Ok(None)
    }

    pub(super) fn sync_all(_file: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
