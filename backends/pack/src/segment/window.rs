//! The part of a file that is being looked at, in memory.

use std::io;

use larder::io::DiskFile;

/// How many bytes are read at once, at least.
const CHUNK: usize = 1024 * 1024;

/// Reads a file from the beginning to the end in large chunks.
#[derive(Debug)]
pub(super) struct Window<'f> {
    file: &'f dyn DiskFile,
    /// What lies at this offset and beyond is not looked at.
    end: u64,
    /// The offset of the buffer in the file.
    start: u64,
    buffer: Vec<u8>,
}

impl<'f> Window<'f> {
    pub(super) fn new(file: &'f dyn DiskFile, end: u64) -> Window<'f> {
        Window { file, end, start: 0, buffer: Vec::new() }
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// These bytes; `None` if the file ends before. Takes memory for `len`: the caller has checked it.
    pub(super) fn bytes(&mut self, at: u64, len: usize) -> io::Result<Option<&[u8]>> {
        if at.checked_add(len as u64).is_none_or(|end| end > self.end) {
            return Ok(None);
        }
        if self.held(at, len).is_none() {
            self.fill(at, len)?;
        }
        Ok(self.held(at, len))
    }

    fn held(&self, at: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.buffer.get(from..from.checked_add(len)?)
    }

    fn fill(&mut self, at: u64, len: usize) -> io::Result<()> {
        let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
        self.start = at;
        self.buffer.resize(len.max(CHUNK).min(left), 0);
        match self.file.read_full_at(&mut self.buffer, at) {
            Ok(read) => self.buffer.truncate(read),
            Err(error) => {
                self.buffer.clear();
                return Err(error);
            }
        }
        Ok(())
    }
}
