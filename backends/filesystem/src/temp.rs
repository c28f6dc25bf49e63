//! Temporary files: a record while it is written, beside the place that it is renamed to. One that is
//! dropped without having been renamed is removed.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use larder::Result;
use larder::io::{Disk, DiskFile, Mode};

use crate::failure;
use crate::layout::Place;
use crate::owner::Owner;
use crate::shared::Shared;

/// A temporary file, open for writing.
#[derive(Debug)]
pub(crate) struct Temp {
    disk: Arc<dyn Disk>,
    owner: Arc<Owner>,
    path: PathBuf,
    dir: u8,
    file: Box<dyn DiskFile>,
    synced: AtomicBool,
    renamed: AtomicBool,
}

impl Temp {
    /// A new, empty file beside the place of a record.
    pub(crate) fn create(shared: &Shared, owner: &Arc<Owner>, place: &Place) -> Result<Temp> {
        let disk = &shared.disk;
        let path = place.path.with_file_name(owner.temp_name());
        let file = match disk.open(&path, Mode::Create) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                shared.make_dir(place.dir)?;
                disk.open(&path, Mode::Create)
            }
            opened => opened,
        };
        let file = match file {
            Ok(file) => file,
            Err(cause) => {
                // The call may have failed after it made the file.
                if cause.kind() != io::ErrorKind::AlreadyExists {
                    remove(&**disk, owner, place.dir, &path);
                }
                return Err(failure::disk("cannot create", &path, cause));
            }
        };
        Ok(Temp {
            disk: Arc::clone(disk),
            owner: Arc::clone(owner),
            path,
            dir: place.dir,
            file,
            synced: AtomicBool::new(false),
            renamed: AtomicBool::new(false),
        })
    }

    /// Writes these pieces, one after the other.
    pub(crate) fn write<const PIECES: usize>(&self, pieces: &[&[u8]; PIECES], offset: u64) -> Result<()> {
        self.file
            .write_all_vectored_at(&mut pieces.map(IoSlice::new), offset)
            .map_err(|cause| failure::disk("cannot write", &self.path, cause))
    }

    /// Makes the content durable. Nothing may be written after that.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync().map_err(|cause| failure::disk("cannot sync", &self.path, cause))?;
        self.set_synced();
        Ok(())
    }

    /// Notes that a sync of everything has made the content durable.
    pub(crate) fn set_synced(&self) {
        self.synced.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Relaxed)
    }

    /// Puts the file in its place, over whatever stands there.
    pub(crate) fn rename(&self, target: &Path) -> io::Result<()> {
        self.disk.rename(&self.path, target)?;
        self.renamed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.renamed.load(Ordering::Relaxed) {
            remove(&*self.disk, &self.owner, self.dir, &self.path);
        }
    }
}

fn remove(disk: &dyn Disk, owner: &Owner, dir: u8, path: &Path) {
    match disk.remove(path) {
        Ok(()) => owner.removed_from(dir),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        Err(_) => owner.leave_behind(),
    }
}
