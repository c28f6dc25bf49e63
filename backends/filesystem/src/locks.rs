//! The locks that keep the writers of several processes apart: one lock file for each record
//! directory, held while records in it are compared and replaced. A crashed process holds none, since
//! the system lets a dead process's locks go.
//!
//! Deadlock is impossible: whoever holds a lock only tries others, and waits for one only while it
//! holds none.

use std::collections::BTreeMap;
use std::io;

use larder::Result;
use larder::io::{Disk, DiskLock};

use crate::failure;
use crate::layout::Layout;

/// So many lock files are kept open between rounds.
const KEPT_OPEN: usize = crate::names::FAN_OUT;

/// The lock files of a store that one thread uses.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    idle: BTreeMap<u8, Box<dyn DiskLock>>,
}

/// The locks that are held. Dropping them lets them go, also if the thread panics.
#[derive(Debug, Default)]
pub(crate) struct Held {
    locks: BTreeMap<u8, Box<dyn DiskLock>>,
}

impl Locks {
    /// Takes a lock if it is free; tells whether it is held now.
    pub(crate) fn try_hold(
        &mut self,
        disk: &dyn Disk,
        layout: &Layout,
        dir: u8,
        held: &mut Held,
    ) -> Result<bool> {
        if held.locks.contains_key(&dir) {
            return Ok(true);
        }
        let lock = self.open(disk, layout, dir)?;
        let taken = lock.try_lock().map_err(|cause| cannot_lock(layout, dir, cause))?;
        if taken {
            held.locks.insert(dir, lock);
        } else {
            self.idle.insert(dir, lock);
        }
        Ok(taken)
    }

    /// Takes a lock, waiting for it. Only while none is held.
    pub(crate) fn hold(&mut self, disk: &dyn Disk, layout: &Layout, dir: u8, held: &mut Held) -> Result<()> {
        debug_assert!(held.locks.is_empty(), "whoever waits for a lock holds none");
        let lock = self.open(disk, layout, dir)?;
        lock.lock().map_err(|cause| cannot_lock(layout, dir, cause))?;
        held.locks.insert(dir, lock);
        Ok(())
    }

    /// Lets the locks go.
    pub(crate) fn release(&mut self, held: Held) {
        for (dir, lock) in held.locks {
            // A lock that cannot be let go is closed, which lets it go too.
            if self.idle.len() < KEPT_OPEN && lock.unlock().is_ok() {
                self.idle.insert(dir, lock);
            }
        }
    }

    fn open(&mut self, disk: &dyn Disk, layout: &Layout, dir: u8) -> Result<Box<dyn DiskLock>> {
        match self.idle.remove(&dir) {
            Some(lock) => Ok(lock),
            None => disk.lock_file(&layout.lock(dir)).map_err(|cause| cannot_lock(layout, dir, cause)),
        }
    }
}

fn cannot_lock(layout: &Layout, dir: u8, cause: io::Error) -> larder::Error {
    failure::disk("cannot lock", &layout.lock(dir), cause)
}
