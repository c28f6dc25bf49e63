//! A file whose unreadable parts are read as zeros, which are never valid: so they are damage like any other.

use std::io;

use larder::io::DiskFile;

/// What cannot be read at once is read in parts of this size; no medium fails in smaller ones.
const PART: usize = 4096;

#[derive(Debug)]
pub(super) struct Lenient(pub(super) Box<dyn DiskFile>);

impl DiskFile for Lenient {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.0.read_at(buffer, offset) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {}
            read => return read,
        }
        // As far as the next part begins, so that parts are those of the medium.
        let part = PART - (offset % PART as u64) as usize;
        let len = buffer.len().min(part);
        let there = usize::try_from(self.0.len()?.saturating_sub(offset)).unwrap_or(usize::MAX).min(len);
        let buffer = &mut buffer[..there];
        match self.0.read_full_at(buffer, offset) {
            Ok(read) => Ok(read),
            Err(_) => {
                buffer.fill(0);
                Ok(there)
            }
        }
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        self.read_at(buffer, offset).map(Some)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
