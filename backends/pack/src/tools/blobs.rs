//! The files of large data.

use larder::io::{Disk, Mode};
use larder::{DataSum, Head, limits};

use crate::frame::BlobRef;
use crate::layout::Layout;

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
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Some("the file is missing".into());
        }
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
