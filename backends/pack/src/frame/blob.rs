//! What a blob record has in the place of its data.

use byteorder::{BigEndian, ByteOrder};

/// Names the file that holds the data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobRef {
    /// The number of the file.
    pub(crate) id: u64,
    /// The length of the data in bytes.
    pub(crate) len: u64,
}

impl BlobRef {
    /// The length of the encoding, in bytes.
    pub(crate) const LEN: usize = 16;

    pub(crate) fn encode(self) -> [u8; BlobRef::LEN] {
        let mut bytes = [0; BlobRef::LEN];
        BigEndian::write_u64(&mut bytes[..8], self.id);
        BigEndian::write_u64(&mut bytes[8..], self.len);
        bytes
    }

    /// `None` if it has not exactly [`LEN`](BlobRef::LEN) bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<BlobRef> {
        let bytes: &[u8; BlobRef::LEN] = bytes.try_into().ok()?;
        Some(BlobRef { id: BigEndian::read_u64(&bytes[..8]), len: BigEndian::read_u64(&bytes[8..]) })
    }
}
