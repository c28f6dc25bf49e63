//! Making directories durably.

use std::io;
use std::path::Path;

use super::{Disk, EntryKind};
use crate::error::{Error, ErrorKind, Result};

/// Makes a directory durably, and those that lead to it. Of those that are there, the last may have been
/// made by a process that was killed before it could make it durable; the others were durable before it.
///
/// # Errors
/// `Corrupt` if a file stands in the way; otherwise what the disk says.
pub fn make_dirs(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let looked = disk.entry(dir);
    let there =
        looked.map_err(|cause| Error::io(format!("cannot look at {}", dir.display()), cause))?.is_some();
    let parent =
        dir.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    if !there {
        if let Some(parent) = parent.filter(|parent| *parent != Path::new(".")) {
            make_dirs(disk, parent)?;
        }
        make_dir(disk, dir)?;
    }
    let Some(parent) = parent else { return Ok(()) };
    match disk.sync_dir(parent) {
        // Someone else's, who has not let us make anything in it either.
        Err(cause) if there && cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced.map_err(|cause| Error::io(format!("cannot sync {}", parent.display()), cause)),
    }
}

/// Makes a directory, unless it is there.
///
/// # Errors
/// As [`make_dirs`].
pub fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<()> {
    match disk.create_dir(dir) {
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => match disk.entry(dir) {
            Ok(Some(EntryKind::File)) => {
                let message = format!("{}: this file stands where a directory belongs", dir.display());
                Err(Error::new(ErrorKind::Corrupt, message))
            }
            // A link to a directory will do.
            _ => Ok(()),
        },
        Err(cause) => Err(Error::io(format!("cannot make the directory {}", dir.display()), cause)),
    }
}
