//! What was appended and not flushed.

use std::io;

/// The bytes between the flushed end and the end.
///
/// Invariant: it holds fewer bytes than the threshold whenever no append is under way, unless an external
/// procedure left more behind; its capacity is below twice the threshold, or what the last append took.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    threshold: usize,
}

impl Buffer {
    pub(super) fn new(threshold: usize) -> Buffer {
        Buffer { bytes: Vec::new(), threshold }
    }

    /// Adds all of these pieces, or none if there is no memory for them.
    pub(super) fn push(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let len = pieces.iter().try_fold(0_usize, |sum, piece| sum.checked_add(piece.len()));
        let reserved = len.map(|len| self.bytes.try_reserve(len));
        if !matches!(reserved, Some(Ok(()))) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        pieces.iter().for_each(|piece| self.bytes.extend_from_slice(piece));
        Ok(())
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn threshold(&self) -> usize {
        self.threshold
    }

    /// Whether an append has to flush. There is nothing to do for an empty buffer, even if the threshold
    /// is zero.
    pub(super) fn is_due(&self) -> bool {
        !self.is_empty() && self.len() >= self.threshold
    }

    /// Keeps the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.bound();
    }

    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// Gives back what an append larger than the threshold made it take.
    fn bound(&mut self) {
        if self.bytes.capacity() / 2 > self.threshold {
            self.bytes.shrink_to(self.threshold);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_append_does_not_keep_its_memory() {
        let mut buffer = Buffer::new(100);
        buffer.push(&[&[7; 1_000_000]]).unwrap();
        assert!(buffer.is_due());
        buffer.clear();
        assert!(buffer.bytes.capacity() <= 200, "{}", buffer.bytes.capacity());
    }

    #[test]
    fn small_appends_do_not_allocate_again_after_a_flush() {
        let mut buffer = Buffer::new(100);
        buffer.push(&[&[7; 99], &[7; 1]]).unwrap();
        let capacity = buffer.bytes.capacity();
        buffer.clear();
        assert_eq!(buffer.bytes.capacity(), capacity);
    }

    #[test]
    fn nothing_is_not_due() {
        let mut buffer = Buffer::new(0);
        assert!(!buffer.is_due());
        buffer.push(&[&[7]]).unwrap();
        assert!(buffer.is_due());
    }
}
