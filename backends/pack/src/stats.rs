//! How much there is in a store.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use larder::Result;
use larder::io::{Disk, Mode};

use crate::failure;
use crate::layout::{Layout, parse_blob};

/// How much there is in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many keys there are.
    pub keys: u64,
    /// Bytes of the log that hold the records of these keys.
    pub live_bytes: u64,
    /// The other bytes of the log; compaction reclaims most of them.
    pub dead_bytes: u64,
    /// Those of the dead bytes that say that keys were removed.
    pub removal_bytes: u64,
    /// How many files the log has.
    pub segments: u64,
    /// The number of the newest checkpoint of the index, if there is one.
    pub checkpoint: Option<u64>,
    /// Bytes of memory that the index takes.
    pub index_bytes: u64,
    /// The segment where the log ends.
    pub end_segment: u32,
    /// The offset in it.
    pub end_offset: u64,
    /// How many files of large data there are.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

impl fmt::Display for Stats {
    /// A line for each figure: its name, a tab, and the figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "keys\t{}", self.keys)?;
        writeln!(f, "live-bytes\t{}", self.live_bytes)?;
        writeln!(f, "dead-bytes\t{}", self.dead_bytes)?;
        writeln!(f, "removal-bytes\t{}", self.removal_bytes)?;
        writeln!(f, "segments\t{}", self.segments)?;
        match self.checkpoint {
            Some(number) => writeln!(f, "checkpoint\t{number}")?,
            None => writeln!(f, "checkpoint\tnone")?,
        }
        writeln!(f, "index-bytes\t{}", self.index_bytes)?;
        writeln!(f, "log-end\t{:08x}:{}", self.end_segment, self.end_offset)?;
        writeln!(f, "blobs\t{}", self.blobs)?;
        write!(f, "blob-bytes\t{}", self.blob_bytes)
    }
}

/// The numbers of the blobs whose files are there, and other files in their directory.
pub(crate) fn blobs(disk: &dyn Disk, layout: &Layout) -> Result<(BTreeSet<u64>, Vec<PathBuf>)> {
    let dir = layout.blobs();
    let failed = |cause| failure::disk("cannot list", dir.display(), cause);
    let (mut blobs, mut others) = (BTreeSet::new(), Vec::new());
    if disk.entry(dir).map_err(failed)?.is_none() {
        return Ok((blobs, others));
    }
    for entry in disk.list(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.name;
        match name.to_str().and_then(parse_blob) {
            Some(id) => _ = blobs.insert(id),
            None => others.push(dir.join(name)),
        }
    }
    Ok((blobs, others))
}

/// How many files of large data there are, and their bytes.
pub(crate) fn count(disk: &dyn Disk, layout: &Layout) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for id in blobs(disk, layout)?.0 {
        // One that is gone by now does not count.
        if let Ok(len) = disk.open(&layout.blob(id), Mode::Read).and_then(|file| file.len()) {
            files += 1;
            bytes += len;
        }
    }
    Ok((files, bytes))
}
