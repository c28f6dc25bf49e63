//! The descriptor: the small text file that makes a directory a store. It is checked before anything
//! is touched, so that nothing else is taken for a store.

use std::io;
use std::path::Path;

use larder::io::{Disk, EntryKind, Mode};
use larder::{Clock, Error, ErrorKind, Result};

use crate::failure;
use crate::layout::Layout;

const FORMAT: &str = "larder-filesystem";
const VERSION: &str = "1";

/// A descriptor is far shorter; of anything longer, the beginning tells enough.
const LONGEST: usize = 4096;

/// Checks that the directory is a store. Changes nothing.
///
/// # Errors
/// `Invalid` if it is something else, or (`Ok(false)` instead, if `create`) nothing yet.
pub(crate) fn check(disk: &dyn Disk, layout: &Layout, create: bool) -> Result<bool> {
    let root = layout.root();
    match read(disk, layout)? {
        Some(text) => {
            verify(&text, layout)?;
            return Ok(true);
        }
        None if create => {}
        None => {
            let root = root.display();
            return Err(invalid(format!("there is no store in {root}; open it with create to make one")));
        }
    }
    match disk.entry(root).map_err(|cause| failure::disk("cannot look at", root, cause))? {
        None => return Ok(false),
        Some(EntryKind::File) => {
            let root = root.display();
            return Err(invalid(format!("{root} is a file; a store needs a directory of its own")));
        }
        // A link to a directory is listed like one.
        Some(EntryKind::Dir | EntryKind::Other) => {}
    }
    let unreadable = |cause| failure::disk("cannot list", root, cause);
    for entry in disk.list(root).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.name;
        if !Layout::is_leftover_of_creation(&name) {
            return Err(invalid(format!(
                "{} holds {} but no descriptor of a store; name an empty or a new directory",
                root.display(),
                name.display(),
            )));
        }
    }
    Ok(false)
}

/// Writes the descriptor, durably. The caller holds the opening lock.
pub(crate) fn write(disk: &dyn Disk, layout: &Layout, clock: &dyn Clock) -> Result<()> {
    let (new, path) = (layout.new_descriptor(), layout.descriptor());
    let failed = |cause| failure::disk("cannot write", &path, cause);
    if disk.entry(&new).map_err(failed)?.is_some() {
        // Left over from a creation that was cut short: nobody else writes it under the lock.
        disk.remove(&new).map_err(failed)?;
    }
    let text = format!("format: {FORMAT}\nversion: {VERSION}\ncreated: {}\n", clock.wall());
    let file = disk.open(&new, Mode::Create).map_err(failed)?;
    file.write_all_at(text.as_bytes(), 0).map_err(failed)?;
    file.sync().map_err(failed)?;
    disk.rename(&new, &path).map_err(failed)?;
    disk.sync_dir(layout.root()).map_err(failed)
}

fn read(disk: &dyn Disk, layout: &Layout) -> Result<Option<Vec<u8>>> {
    let path = layout.descriptor();
    let failed = |cause| failure::disk("cannot read", &path, cause);
    let file = match disk.open(&path, Mode::Read) {
        Ok(file) => file,
        Err(cause) if is_absence(&cause) => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let mut text = vec![0; LONGEST];
    let length = file.read_full_at(&mut text, 0).map_err(failed)?;
    text.truncate(length);
    Ok(Some(text))
}

/// Whether the descriptor, or its directory, is not there. A file in the place of the directory is
/// found out afterwards.
fn is_absence(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn verify(text: &[u8], layout: &Layout) -> Result<()> {
    let path = layout.descriptor();
    let text = std::str::from_utf8(text).map_err(|_| unknown(&path))?;
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    match (field("format"), field("version")) {
        (Some(FORMAT), Some(VERSION)) => Ok(()),
        (Some(FORMAT), Some(version)) => Err(invalid(format!(
            "{} says version {version}, and this program knows version {VERSION}; open it with a newer one",
            path.display(),
        ))),
        (Some(format), _) => Err(invalid(format!(
            "{} says format {format}; open it with the backend of that format",
            path.display(),
        ))),
        (None, _) => Err(unknown(&path)),
    }
}

fn unknown(path: &Path) -> Error {
    invalid(format!(
        "{} is not the descriptor of a store; restore it from a copy, or name another directory",
        path.display()
    ))
}

fn invalid(message: String) -> Error {
    failure::error(ErrorKind::Invalid, message)
}
