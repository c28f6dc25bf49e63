//! The files of large data.

use std::collections::BTreeSet;
use std::path::PathBuf;

use larder::io::{Disk, Mode};
use larder::{DataSum, Head, Result, limits};

use crate::failure;
use crate::frame::BlobRef;
use crate::layout::{Layout, parse_blob};

/// What is wrong with a blob, if anything is; `read` is told how many bytes were read.
pub(super) fn check(
    disk: &dyn Disk,
    layout: &Layout,
    head: &Head,
    blob: BlobRef,
    read: &mut dyn FnMut(u64),
) -> Option<String> {
    let file = match disk.open(&layout.blob(blob.id), Mode::Read) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Some("the file is missing".into()),
        Err(cause) => return Some(format!("the file cannot be opened: {cause}")),
    };
    match file.len() {
        Ok(len) if len == blob.len => {}
        Ok(len) => return Some(format!("the file has {len} bytes, the record says {}", blob.len)),
        Err(cause) => return Some(format!("the file cannot be read: {cause}")),
    }
    let mut sum = DataSum::new();
    let mut buffer = vec![0; limits::CHUNK_BYTES];
    let mut at = 0;
    while at < blob.len {
        match file.read_full_at(&mut buffer, at) {
            Ok(0) => return Some("the file is cut off".into()),
            Ok(len) => {
                sum.update(&buffer[..len]);
                at += len as u64;
                read(len as u64);
            }
            Err(cause) => return Some(format!("the file cannot be read: {cause}")),
        }
    }
    head.vouch(&sum).err().map(|error| error.to_string())
}

/// The numbers of the blobs whose files are there, and other files in their directory.
pub(super) fn list(disk: &dyn Disk, layout: &Layout) -> Result<(BTreeSet<u64>, Vec<PathBuf>)> {
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
    for id in list(disk, layout)?.0 {
        // One that is gone by now does not count.
        if let Ok(len) = disk.open(&layout.blob(id), Mode::Read).and_then(|file| file.len()) {
            files += 1;
            bytes += len;
        }
    }
    Ok((files, bytes))
}
