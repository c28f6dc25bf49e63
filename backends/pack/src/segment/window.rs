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

    /// How many bytes from here on are zeros, of those that are in memory then. What the file does not have (any more)
    /// counts as zeros, up to the end.
    pub(super) fn zeros(&mut self, at: u64) -> io::Result<u64> {
        if at >= self.end {
            return Ok(0);
        }
        if self.held(at, 1).is_none() {
            self.fill(at, 1)?;
        }
        let from = at.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        Ok(match from.and_then(|from| self.buffer.get(from..)) {
            Some(held) if !held.is_empty() => leading_zeros(held) as u64,
            _ => self.end - at,
        })
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

/// How many bytes at the beginning are zeros.
fn leading_zeros(bytes: &[u8]) -> usize {
    // Whole pieces at a time: a file whose length was set ahead has many.
    let pieces = bytes.as_chunks::<256>().0;
    let whole = pieces.iter().take_while(|piece| piece.iter().fold(0, |any, byte| any | byte) == 0).count();
    let rest = &bytes[whole * 256..];
    whole * 256 + rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len())
}
