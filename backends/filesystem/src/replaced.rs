//! Files that have lost their name: kept open, and let go by another thread than the one whose answer is waited for.
//! The system frees a file with its last user, and a file system that tells the medium of freed blocks at once (ext4
//! without a journal, mounted with `discard`) waits for it then.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::io::{Disk, DiskFile, Mode, Workers};

/// No more files than this are kept: each has a descriptor.
const MOST: usize = 64;

/// No larger data than this is kept from being freed.
const LARGEST: u64 = 128 * 1024;

/// How many files are kept.
#[derive(Debug, Default)]
pub(crate) struct Replaced(Arc<AtomicUsize>);

/// An open file that is about to lose its name.
#[derive(Debug)]
pub(crate) struct Kept {
    _file: Box<dyn DiskFile>,
    kept: Arc<AtomicUsize>,
}

impl Replaced {
    /// Opens a file and keeps it, if it is there.
    pub(crate) fn open(&self, disk: &dyn Disk, path: &Path) -> Option<Kept> {
        // Elsewhere an open file may be in the way of a rename.
        if !cfg!(unix) || self.0.load(Ordering::Relaxed) >= MOST {
            return None;
        }
        let file = disk.open(path, Mode::Read).ok()?;
        let size = file.len().ok()?;
        self.keep(file, size)
    }

    /// Keeps a file whose data has this size open, unless it is large or there are many already.
    pub(crate) fn keep(&self, file: Box<dyn DiskFile>, size: u64) -> Option<Kept> {
        let room = |kept| (kept < MOST).then_some(kept + 1);
        if size > LARGEST {
            return None;
        }
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Kept { _file: file, kept: Arc::clone(&self.0) })
    }
}

/// Has a thread let them go, soon.
pub(crate) fn let_go(kept: Vec<Kept>, workers: &Workers) {
    if !kept.is_empty() {
        drop(workers.run(move || {
            drop(kept);
            Ok(())
        }));
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.kept.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io;
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    /// Tells who let it go.
    #[derive(Debug)]
    struct Told(mpsc::Sender<ThreadId>);

    impl DiskFile for Told {
        fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
            Ok(0)
        }

        fn read_at_cached(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<Option<usize>> {
            Ok(None)
        }

        fn write_at(&self, bytes: &[u8], _offset: u64) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn set_len(&self, _len: u64) -> io::Result<()> {
            Ok(())
        }

        fn len(&self) -> io::Result<u64> {
            Ok(0)
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Drop for Told {
        fn drop(&mut self) {
            _ = self.0.send(thread::current().id());
        }
    }

    #[test]
    fn another_thread_lets_files_go_and_none_is_counted_any_more() {
        let (told, who) = mpsc::channel();
        let (replaced, workers) = (Replaced::default(), Workers::new("test", 1).unwrap());
        let kept: Vec<_> = (0..2).filter_map(|_| replaced.keep(Box::new(Told(told.clone())), 10)).collect();
        assert_eq!((kept.len(), replaced.0.load(Ordering::Relaxed)), (2, 2));
        assert!(who.try_recv().is_err(), "kept files are open");
        let_go(kept, &workers);
        workers.close();
        let who: Vec<_> = who.try_iter().collect();
        assert!(who.len() == 2 && who.iter().all(|who| *who != thread::current().id()), "{who:?}");
        assert_eq!(replaced.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn many_files_and_large_ones_are_let_go_at_once() {
        let (told, who) = mpsc::channel();
        let replaced = Replaced::default();
        let mut kept: Vec<_> =
            (0..MOST + 3).map(|_| replaced.keep(Box::new(Told(told.clone())), LARGEST)).collect();
        assert_eq!((kept.iter().flatten().count(), who.try_iter().count()), (MOST, 3));
        kept.clear();
        assert_eq!(who.try_iter().count(), MOST);
        assert!(replaced.keep(Box::new(Told(told)), LARGEST + 1).is_none());
        assert_eq!(who.try_iter().count(), 1);
    }

    /// While the threads that let files go are busy, whoever has written has his answer, and the old file is there.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_write_over_an_old_entry_does_not_wait_for_the_old_file_to_go() {
        use larder::{Backend, Expect, Key, Kind, Meta, Record, Timestamp};

        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let store = smol::block_on(crate::Filesystem::options().readers(1).open(&dir)).unwrap();
        let key = Key::from("ada");
        let put = || {
            let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1));
            let record = Record::new(&meta, b"x".to_vec().into()).unwrap();
            store.write(&key, record, Expect::Any).wait().unwrap();
        };
        let nameless = || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            let open = open.filter_map(|fd| fd.unwrap().path().read_link().ok());
            open.filter(|path| path.starts_with(&dir) && path.to_string_lossy().ends_with(" (deleted)"))
                .count()
        };
        put();
        let (go, wait) = mpsc::channel::<()>();
        let busy = store.0.shared.readers.run(move || {
            _ = wait.recv();
            Ok(())
        });
        put();
        assert_eq!(nameless(), 1);
        drop(go);
        busy.wait().unwrap();
        // The next job of the only reader comes after it.
        store.0.shared.readers.run(|| Ok(())).wait().unwrap();
        assert_eq!(nameless(), 0);
    }
}
