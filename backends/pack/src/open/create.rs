//! Making a store in a directory that holds nothing else.

use std::sync::Arc;

use larder::{Clock, ErrorKind, Result};

use super::{Base, Opened};
use crate::control::{Control, State};
use crate::failure;
use crate::index::Index;
use crate::layout::Layout;
use crate::log::Log;
use crate::segment;
use crate::shared::Shared;
use crate::usage::Usage;
use crate::writer::Checkpoints;
use larder::io::Disk;

/// The id of a store's first segment.
const FIRST: u32 = 1;

/// Makes a store; the lock is held. What an earlier attempt left unfinished is removed.
///
/// # Errors
/// `Invalid` if there is anything else in the directory; `Corrupt` if there are segments, but no control file.
pub(crate) fn create(at: Base, clock: &dyn Clock) -> Result<Opened> {
    let Base { disk, layout, durability, readers, ahead } = at;
    clear(&*disk, &layout)?;
    larder::io::make_dir(&*disk, layout.blobs()).map_err(|error| error.in_backend(failure::NAME))?;
    let salt = clock.random();
    let shared = Arc::new(Shared::new(disk, layout, durability, salt, Index::new(salt), readers));
    let log = Log::create(&shared, FIRST, Vec::new(), 1, ahead)?;
    let end = log.end();
    let state = State { salt, end, published: end.offset, clean: false, seq: 1 };
    // Last: a store is there when its control file is.
    let control = Control::create(&*shared.disk, shared.layout.root(), &state)?;
    let mut usage = Usage::default();
    usage.of(end.segment).total = end.offset;
    Ok(Opened { shared, log, control, usage, checkpoints: Checkpoints::new(1, None) })
}

/// Refuses a directory that holds something else than a store, before anything is put there.
///
/// # Errors
/// `Invalid` if it does; those of listing it.
pub(crate) fn refuse_foreign(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    let root = layout.root();
    let failed = |cause| failure::disk("cannot list", root.display(), cause);
    for entry in disk.list(root).map_err(failed)? {
        let name = entry.map_err(failed)?.name;
        let text = name.to_string_lossy();
        // Somebody else may be making the store at this moment.
        let ours = matches!(&*text, "lock" | "lock.holder" | "blobs" | "control" | "control.tmp")
            || [".log", ".index", ".index.tmp"].iter().any(|end| text.ends_with(end));
        if !ours {
            return Err(foreign(root, &name));
        }
    }
    Ok(())
}

fn foreign(root: &std::path::Path, name: &std::ffi::OsStr) -> larder::Error {
    let message = format!(
        "{} holds {}, which is not of a pack; choose a directory that is empty, or does not exist",
        root.display(),
        name.display()
    );
    failure::error(ErrorKind::Invalid, message)
}

/// Removes what an attempt to make a store has left.
fn clear(disk: &dyn Disk, layout: &Layout) -> Result<()> {
    let root = layout.root();
    let failed = |cause| failure::disk("cannot list", root.display(), cause);
    let mut segments = Vec::new();
    for entry in disk.list(root).map_err(failed)? {
        let name = entry.map_err(failed)?.name;
        match (name.to_str(), segment::parse_name(&name)) {
            (Some("lock" | "lock.holder" | "blobs" | "control.tmp"), _) => {}
            (_, Some(id)) => segments.push(id),
            _ => return Err(foreign(root, &name)),
        }
    }
    segments.sort_unstable();
    let holds_nothing = |id: &u32| -> Result<bool> {
        let path = layout.segment(*id);
        let failed = |cause| failure::disk("cannot read", path.display(), cause);
        let file = disk.open(&path, larder::io::Mode::Read).map_err(failed)?;
        // A header alone has 48 bytes.
        Ok(*id == FIRST && file.len().map_err(failed)? <= 48)
    };
    for id in &segments {
        if !holds_nothing(id)? {
            let what = "there are segments, but no control file; restore it from a copy, or repair the store";
            return Err(failure::corrupt(root.display(), what));
        }
        let path = layout.segment(*id);
        disk.remove(&path).map_err(|cause| failure::disk("cannot remove", path.display(), cause))?;
    }
    Ok(())
}
