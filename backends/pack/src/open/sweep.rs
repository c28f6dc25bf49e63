//! Removing blobs that nothing names.

use std::collections::BTreeSet;
use std::sync::Arc;

use larder::Result;

use crate::failure;
use crate::layout::parse_blob;
use crate::shared::Shared;

/// Removes the blobs that were replaced, and those that were written and never named: all blobs from `first` on
/// that are not in `named`. (Older ones are named by frames that the checkpoint covers.)
pub(super) fn blobs(shared: &Arc<Shared>, named: &BTreeSet<u64>, first: u64) -> Result<()> {
    let dir = shared.layout.blobs();
    larder::io::make_dir(&*shared.disk, dir).map_err(|error| error.in_backend(failure::NAME))?;
    let failed = |cause| failure::disk("cannot list", dir.display(), cause);
    let mut present = Vec::new();
    for entry in shared.disk.list(dir).map_err(failed)? {
        present.extend(entry.map_err(failed)?.name.to_str().and_then(parse_blob));
    }
    present.sort_unstable();
    for id in present {
        shared.skip_blobs(id.saturating_add(1));
        if id >= first && !named.contains(&id) {
            shared.doom(id);
        }
    }
    shared.doomed().into_iter().for_each(|blob| shared.remove_blob(blob));
    Ok(())
}
