//! What the parts of an open store share: the disk, the places, and the state that all of them obey.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use larder::io::{Disk, DiskSync, Workers};
use larder::{Durability, Error, ErrorKind, Result};

use crate::failure;
use crate::layout::Layout;
use crate::names::FAN_OUT;
use crate::owner::Owner;
use crate::replaced::Replaced;

/// The state of an open store.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    /// Open since before anything was written, so that no failure is reported to others only.
    syncer: Box<dyn DiskSync>,
    pub(crate) layout: Layout,
    pub(crate) durability: Durability,
    /// Where reads go that would have to wait for the medium.
    pub(crate) readers: Arc<Workers>,
    pub(crate) replaced: Replaced,
    owner: Mutex<Option<Arc<Owner>>>,
    closed: AtomicBool,
    poisoned: AtomicBool,
    /// Whether the name of a record directory is known to be durable.
    durable_dirs: Box<[AtomicBool]>,
    /// Whether a record directory has been looked into: its blocks are then taken to be cached.
    warm: Box<[AtomicBool]>,
    /// For every record directory: odd while names in it change, and another number afterwards.
    changes: Box<[AtomicU64]>,
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        layout: Layout,
        durability: Durability,
        readers: Arc<Workers>,
        owner: Arc<Owner>,
        durable_dirs: [bool; FAN_OUT],
    ) -> Result<Shared> {
        let records = layout.records();
        let syncer = disk.syncer(records).map_err(|cause| failure::disk("cannot open", records, cause))?;
        Ok(Shared {
            disk,
            syncer,
            layout,
            durability,
            readers,
            replaced: Replaced::default(),
            owner: Mutex::new(Some(owner)),
            closed: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            durable_dirs: durable_dirs.into_iter().map(AtomicBool::new).collect(),
            warm: (0..FAN_OUT).map(|_| AtomicBool::new(false)).collect(),
            changes: (0..FAN_OUT).map(|_| AtomicU64::new(0)).collect(),
        })
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
        Err(failure::error(
            ErrorKind::Poisoned,
            format!(
                "a sync in {root} failed, so what is on the medium is not known; reopen the store to write"
            ),
        ))
    }

    /// After a failed sync nobody knows what is on the medium: no more writes until the store is
    /// reopened.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
        // A power cut may bring back a temporary file that was renamed: its owner's must be there then.
        if let Ok(owner) = self.owner() {
            owner.leave_behind();
        }
    }

    /// From now on everything is `Closed`.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Who owns the temporary files of this store.
    ///
    /// # Errors
    /// `Closed` after [`Shared::let_go`].
    pub(crate) fn owner(&self) -> Result<Arc<Owner>> {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        owner.as_ref().map(Arc::clone).ok_or_else(failure::closed)
    }

    /// Gives up the ownership of temporary files; files that are still being written keep it.
    pub(crate) fn let_go(&self) {
        drop(self.owner.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Runs a change of the names in a directory, so that a listing of it notices.
    pub(crate) fn change_names<T>(&self, dir: u8, change: impl FnOnce() -> T) -> T {
        let counter = &self.changes[usize::from(dir)];
        counter.fetch_add(1, Ordering::AcqRel);
        let outcome = change();
        counter.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    /// A number that changes with the names in a directory.
    pub(crate) fn changes(&self, dir: u8) -> u64 {
        self.changes[usize::from(dir)].load(Ordering::Acquire)
    }

    /// Makes a record directory. A record in it counts once its name is durable too.
    pub(crate) fn make_dir(&self, dir: u8) -> Result<()> {
        self.durable_dirs[usize::from(dir)].store(false, Ordering::Release);
        let path = self.layout.dir(dir);
        match self.disk.create_dir(&path) {
            // By another process, which may not have come to make it durable.
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            made => made.map_err(|cause| failure::disk("cannot make the directory", &path, cause)),
        }
    }

    /// Whether a lookup in this directory can be expected to wait for nothing.
    pub(crate) fn is_warm(&self, dir: u8) -> bool {
        self.warm[usize::from(dir)].load(Ordering::Relaxed)
    }

    /// Notes that a lookup has been made in this directory.
    pub(crate) fn set_warm(&self, dir: u8) {
        self.warm[usize::from(dir)].store(true, Ordering::Relaxed);
    }

    /// Whether the name of a record directory is known to be durable.
    pub(crate) fn is_durable(&self, dir: u8) -> bool {
        self.durable_dirs[usize::from(dir)].load(Ordering::Acquire)
    }

    /// Notes that the name of a record directory is durable.
    pub(crate) fn set_durable(&self, dir: u8) {
        self.durable_dirs[usize::from(dir)].store(true, Ordering::Release);
    }

    /// Syncs everything that is written, data and names, or says that it cannot be done at once.
    pub(crate) fn sync_all(&self) -> Result<bool, Error> {
        let records = self.layout.records();
        match self.syncer.sync_all() {
            Ok(()) => Ok(true),
            Err(cause) if cause.kind() == std::io::ErrorKind::Unsupported => Ok(false),
            Err(cause) => Err(failure::disk("cannot sync the file system of", records, cause)),
        }
    }

    /// Makes the names in a directory durable.
    pub(crate) fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.disk.sync_dir(dir).map_err(|cause| failure::disk("cannot sync", dir, cause))
    }
}
