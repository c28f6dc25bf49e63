//! What the parts of an open store share: the disk, the index, the segments, and the state that all of them
//! obey.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use larder::io::{Disk, Mode, Workers};
use larder::{Durability, ErrorKind, Result};

use crate::failure;
use crate::index::Index;
use crate::layout::Layout;
use crate::segments::Segments;

/// The state of an open store.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) durability: Durability,
    /// The store's own number, drawn when it was made: part of every check.
    pub(crate) salt: u64,
    pub(crate) index: Index,
    pub(crate) segments: Segments,
    /// Where reads go that would have to wait for the medium.
    pub(crate) readers: Arc<Workers>,
    next_blob: AtomicU64,
    /// Blobs that nothing names any more, and whose files may still be there.
    doomed: Mutex<BTreeSet<u64>>,
    /// Blobs that may not be on the medium yet, and must be before a frame that names them is.
    unsynced: Mutex<BTreeSet<u64>>,
    /// Whether blobs were removed since their directory was synced: a power cut may bring them back.
    removed: AtomicBool,
    closed: AtomicBool,
    poisoned: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        layout: Layout,
        durability: Durability,
        salt: u64,
        index: Index,
        readers: Arc<Workers>,
    ) -> Shared {
        Shared {
            disk,
            layout,
            durability,
            salt,
            index,
            segments: Segments::default(),
            readers,
            next_blob: AtomicU64::new(1),
            doomed: Mutex::default(),
            unsynced: Mutex::default(),
            removed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
        }
    }

    /// Whether acknowledged writes must be on stable storage.
    pub(crate) fn is_synced(&self) -> bool {
        self.durability == Durability::Synced
    }

    /// # Errors
    /// `Closed` once the store is closed.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(failure::closed()) } else { Ok(()) }
    }

    /// # Errors
    /// `Closed` once the store is closed, `Poisoned` once a sync has failed.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        self.check_sound()
    }

    /// # Errors
    /// `Poisoned` once a sync has failed.
    pub(crate) fn check_sound(&self) -> Result<()> {
        if !self.poisoned.load(Ordering::Acquire) {
            return Ok(());
        }
        let root = self.layout.root().display();
        let message = format!(
            "a sync in {root} failed, so what is on the medium is not known; reopen the store to write"
        );
        Err(failure::error(ErrorKind::Poisoned, message))
    }

    /// No more writes until the store is reopened.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// From now on everything is `Closed`.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// A number for a new blob, never given before.
    pub(crate) fn new_blob(&self) -> u64 {
        self.next_blob.fetch_add(1, Ordering::Relaxed)
    }

    /// The number that the next blob will have at least.
    pub(crate) fn next_blob(&self) -> u64 {
        self.next_blob.load(Ordering::Relaxed)
    }

    /// Makes sure that numbers up to this one are not given again.
    pub(crate) fn skip_blobs(&self, next: u64) {
        self.next_blob.fetch_max(next, Ordering::Relaxed);
    }

    /// Notes that nothing names this blob any more.
    pub(crate) fn doom(&self, blob: u64) {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner).insert(blob);
    }

    /// The blobs that nothing names any more.
    pub(crate) fn doomed(&self) -> Vec<u64> {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Removes the file of a blob that nothing names any more. What cannot be removed now is tried again when
    /// the store is opened.
    pub(crate) fn remove_blob(&self, blob: u64) {
        let path = self.layout.blob(blob);
        let removed = self.disk.remove(&path);
        if removed.is_ok() || removed.is_err_and(|cause| cause.kind() == std::io::ErrorKind::NotFound) {
            // Before it is taken from the list: it is in either, or in both.
            self.removed.store(true, Ordering::Release);
            self.doomed.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob);
        }
    }

    /// Notes that a frame names this blob after all.
    pub(crate) fn spare(&self, blob: u64) {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob);
    }

    /// Removes the blobs that nothing names, on an IO thread: that may take a while, if they are large. What was
    /// written instead of them must be on the medium.
    pub(crate) fn reap(self: &Arc<Shared>) {
        let doomed = self.doomed();
        if !doomed.is_empty() {
            let shared = Arc::clone(self);
            _ = self.readers.run(move || {
                doomed.into_iter().for_each(|blob| shared.remove_blob(blob));
                Ok(())
            });
        }
    }

    /// Makes durable that blobs were removed: before nothing in the log tells any more that they were replaced.
    pub(crate) fn sync_removals(&self) -> Result<()> {
        if !self.removed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let dir = self.layout.blobs();
        self.disk.sync_dir(dir).map_err(|cause| {
            self.removed.store(true, Ordering::Release);
            failure::disk("cannot sync", dir.display(), cause)
        })
    }

    /// Notes that a blob is not on the medium.
    pub(crate) fn sync_blob_later(&self, blob: u64) {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner).insert(blob);
    }

    /// Makes durable the blobs that are not.
    pub(crate) fn sync_blobs(&self) -> Result<()> {
        let blobs = std::mem::take(&mut *self.unsynced.lock().unwrap_or_else(PoisonError::into_inner));
        if blobs.is_empty() {
            return Ok(());
        }
        let synced = blobs.iter().try_for_each(|blob| {
            let path = self.layout.blob(*blob);
            match self.disk.open(&path, Mode::Write).and_then(|file| file.sync()) {
                // Replaced meanwhile.
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
                synced => synced.map_err(|cause| failure::disk("cannot sync", path.display(), cause)),
            }
        });
        let dir = self.layout.blobs();
        let named =
            || self.disk.sync_dir(dir).map_err(|cause| failure::disk("cannot sync", dir.display(), cause));
        synced.and_then(|()| named()).inspect_err(|_| self.poison())
    }
}
