//! Buffers for reading. Each thread keeps one, zeroed once, so that a read need not make one; data that
//! fills most of a buffer keeps it, and gives it back when it is dropped, so that it need not be copied.

use std::cell::Cell;
use std::ops::{Deref, DerefMut, Range};

use bytes::Bytes;

/// How long a buffer is: the head of a record and 64 KiB of data fit in.
pub const BUFFER_BYTES: usize = 72 * 1024;

thread_local! {
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer of at least [`BUFFER_BYTES`] bytes, in use. Its content is what the last user left.
#[derive(Debug)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// This thread's buffer, or a new one if it is in use.
    pub fn take() -> Buffer {
        let mut buffer = KEPT.try_with(Cell::take).unwrap_or_default();
        if buffer.len() < BUFFER_BYTES {
            buffer = vec![0; BUFFER_BYTES];
        }
        Buffer(buffer)
    }

    /// Some of its bytes (none that it does not have): copied, unless that would keep a buffer for less than
    /// half of it or cost more than it saves.
    pub fn into_bytes(self, range: Range<usize>) -> Bytes {
        if range.len() < BUFFER_BYTES / 2 {
            return Bytes::copy_from_slice(self.0.get(range).unwrap_or_default());
        }
        Bytes::from_owner(Part { buffer: self, range })
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.len() == BUFFER_BYTES {
            let buffer = std::mem::take(&mut self.0);
            // The thread may be ending.
            _ = KEPT.try_with(|kept| kept.set(buffer));
        }
    }
}

/// The part of a buffer that someone reads.
struct Part {
    buffer: Buffer,
    range: Range<usize>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self.buffer.0.get(self.range.clone()).unwrap_or_default()
    }
}
