//! Owners: who may still be writing which temporary files.
//!
//! Every open handle has a file in `owners/`, named by a random number, and holds its lock as long as
//! it lives; its temporary files carry that number. A lock that can be taken belongs to a dead
//! process, and its files may go. A live owner's files are never touched. Without a dead owner an
//! opening looks at no record directory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use larder::io::{Disk, DiskLock};
use larder::{Clock, Result};

use crate::failure;
use crate::layout::Layout;
use crate::names::{self, FAN_OUT, Name};

/// One open handle, as others see it. Its file goes with the last user: the store, or a temporary
/// file that outlives it.
#[derive(Debug)]
pub(crate) struct Owner {
    disk: Arc<dyn Disk>,
    name: String,
    path: PathBuf,
    _lock: Box<dyn DiskLock>,
    temps: AtomicU64,
    /// A temporary file could not be removed: the owner file stays, for the next opening to sweep.
    untidy: AtomicBool,
    /// The record directories from which temporary files were removed, one bit for each: a power cut may
    /// bring such a file back, and must not find its owner gone.
    removed: AtomicU64,
    layout: Layout,
    durable: bool,
}

const _: () = assert!(FAN_OUT <= u64::BITS as usize);

/// Owners whose processes are dead, with their locks, which keep others from sweeping too.
#[derive(Debug, Default)]
pub(crate) struct Dead(Vec<(String, Box<dyn DiskLock>)>);

impl Owner {
    /// Registers a new owner, and finds the dead ones. The caller holds the opening lock: between the
    /// making of an owner file and its locking it must not look dead to anyone.
    pub(crate) fn register(
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        clock: &dyn Clock,
        durable: bool,
    ) -> Result<(Owner, Dead)> {
        let owners = layout.owners();
        let mut dead = Dead::default();
        for entry in disk.list(&owners).map_err(|cause| failure::disk("cannot list", &owners, cause))? {
            let entry = entry.map_err(|cause| failure::disk("cannot list", &owners, cause))?;
            let Some(name) = entry.name.to_str().filter(|name| names::is_owner(name)) else { continue };
            let path = owners.join(name);
            // An owner that cannot be asked counts as alive.
            if let Ok(lock) = disk.lock_file(&path)
                && lock.try_lock().unwrap_or(false)
            {
                dead.0.push((name.to_owned(), lock));
            }
        }
        let name = names::owner(clock.random());
        let path = owners.join(&name);
        let failed = |cause| failure::disk("cannot lock", &path, cause);
        let lock = disk.lock_file(&path).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let owner = Owner {
            disk: Arc::clone(disk),
            name,
            path: path.clone(),
            _lock: lock,
            temps: AtomicU64::new(0),
            untidy: AtomicBool::new(false),
            removed: AtomicU64::new(0),
            layout: layout.clone(),
            durable,
        };
        if durable {
            // Temporary files that a power cut leaves behind need an owner to be found by.
            disk.sync_dir(&owners).map_err(|cause| failure::disk("cannot sync", &owners, cause))?;
        }
        Ok((owner, dead))
    }

    /// A name for a temporary file, used once.
    pub(crate) fn temp_name(&self) -> String {
        names::temp(&self.name, self.temps.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes that a temporary file was removed from this record directory.
    pub(crate) fn removed_from(&self, dir: u8) {
        self.removed.fetch_or(1 << dir, Ordering::Relaxed);
    }

    /// Notes that a temporary file stays behind.
    pub(crate) fn leave_behind(&self) {
        self.untidy.store(true, Ordering::Relaxed);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let removed = *self.removed.get_mut();
        let gone = !self.durable
            || (0..FAN_OUT)
                .filter(|dir| removed & (1 << dir) != 0)
                .all(|dir| self.disk.sync_dir(&self.layout.dir(dir as u8)).is_ok());
        if gone && !*self.untidy.get_mut() {
            // If this fails the next opening finds a dead owner with nothing to sweep.
            _ = self.disk.remove(&self.path);
        }
    }
}

impl Dead {
    /// Removes the temporary files of the dead, then their owner files. If the store is to be `durable`,
    /// what has become of the temporary files is made so in between, also where the dead themselves had
    /// renamed one: a power cut may bring it back, and must not find its owner gone. What cannot be
    /// removed now is left, with its owner file, to the next opening: it harms nobody.
    pub(crate) fn sweep(self, disk: &dyn Disk, layout: &Layout, durable: bool) {
        if self.0.is_empty() {
            return;
        }
        let owners = layout.owners();
        let is_dead = |owner: &str| {
            // An owner file is there before the first temporary file and goes after the last, so an
            // owner without one is dead too.
            self.0.iter().any(|(dead, _)| dead == owner)
                || matches!(disk.entry(&owners.join(owner)), Ok(None))
        };
        let mut complete = true;
        for dir in (0..FAN_OUT).map(|dir| dir as u8) {
            let path = layout.dir(dir);
            let entries = match disk.list(&path) {
                Ok(entries) => entries,
                Err(cause) => {
                    complete &= cause.kind() == io::ErrorKind::NotFound;
                    continue;
                }
            };
            for entry in entries {
                let Ok(entry) = entry else {
                    complete = false;
                    break;
                };
                let Some(name) = entry.name.to_str() else { continue };
                if let Name::Temp(owner) = names::decode(name, dir)
                    && is_dead(&owner)
                {
                    complete &= disk.remove(&path.join(name)).is_ok();
                }
            }
            if durable {
                complete &= disk.sync_dir(&path).is_ok();
            }
        }
        if complete {
            for (name, _lock) in &self.0 {
                _ = disk.remove(&owners.join(name));
            }
        }
    }
}
