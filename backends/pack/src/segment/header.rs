//! The header of a segment.

use byteorder::{BigEndian, ByteOrder};
use larder::io::DiskFile;
use larder::{ErrorKind, Result};

use super::names::file_name;
use crate::failure;
use crate::frame::ALIGN;

/// What a segment begins with. Nothing is appended to a segment before its header is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The id of the segment.
    pub(crate) id: u32,
    /// The salt of the store.
    pub(crate) salt: u64,
    /// The segments before this one that were live when it was made, ascending.
    pub(crate) live: Vec<Sealed>,
}

/// A segment to which nothing is appended any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Its id.
    pub(crate) id: u32,
    /// How long its file is, in bytes.
    pub(crate) len: u64,
}

impl Sealed {
    /// The length of the encoding, in bytes.
    const LEN: usize = 12;

    fn encode(&self) -> [u8; Sealed::LEN] {
        let mut bytes = [0; Sealed::LEN];
        BigEndian::write_u32(&mut bytes, self.id);
        BigEndian::write_u64(&mut bytes[4..], self.len);
        bytes
    }

    fn decode(bytes: &[u8; Sealed::LEN]) -> Sealed {
        Sealed { id: BigEndian::read_u32(bytes), len: BigEndian::read_u64(&bytes[4..]) }
    }
}

const MAGIC: [u8; 8] = *b"larderPS";
const VERSION: u32 = 1;
/// The part of fixed length, whose own checksum is its last field, in bytes.
const FIXED: usize = 32;
/// The most live segments that a header names.
const MAX_LIVE: usize = 1 << 20;

impl SegmentHeader {
    /// The bytes, with their padding.
    ///
    /// # Errors
    ///
    /// `TooLarge` if there are too many live segments; `Invalid` if they are not ascending, and before this one.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        if self.live.len() > MAX_LIVE {
            let message = format!("a pack has {MAX_LIVE} segments at the most, not {}", self.live.len());
            return Err(failure::error(ErrorKind::TooLarge, message));
        }
        if !self.is_ascending() {
            return Err(failure::error(ErrorKind::Invalid, "the live segments are not in ascending order"));
        }
        let mut bytes = vec![0; encoded_len(self.live.len())];
        bytes[..8].copy_from_slice(&MAGIC);
        BigEndian::write_u32(&mut bytes[8..], VERSION);
        BigEndian::write_u32(&mut bytes[12..], self.id);
        BigEndian::write_u64(&mut bytes[16..], self.salt);
        BigEndian::write_u32(&mut bytes[24..], self.live.len() as u32);
        let crc = crc32fast::hash(&bytes[..28]);
        BigEndian::write_u32(&mut bytes[28..], crc);
        let live = FIXED..FIXED + Sealed::LEN * self.live.len();
        for (place, sealed) in bytes[live.clone()].chunks_exact_mut(Sealed::LEN).zip(&self.live) {
            place.copy_from_slice(&sealed.encode());
        }
        let crc = crc32fast::hash(&bytes[live.clone()]);
        BigEndian::write_u32(&mut bytes[live.end..], crc);
        Ok(bytes)
    }

    /// How many bytes it takes: where the first frame begins.
    pub(crate) fn encoded_len(&self) -> u64 {
        encoded_len(self.live.len()) as u64
    }

    /// Reads the header of a segment; `None` if there is no whole one. Then the file may be one whose
    /// creation was not finished; it is none if it [holds frames](super::holds_frames). With a `salt`,
    /// only a segment of that store will do.
    ///
    /// # Errors
    ///
    /// `Unsupported` if its version is another; `Corrupt` if it is the header of another segment; those
    /// of reading.
    pub(crate) fn read(file: &dyn DiskFile, id: u32, salt: Option<u64>) -> Result<Option<SegmentHeader>> {
        let read_at = |buffer: &mut [u8], offset| {
            let read = file.read_full_at(buffer, offset);
            read.map(|read| read == buffer.len())
                .map_err(|cause| failure::disk("cannot read", file_name(id), cause))
        };
        let mut fixed = [0; FIXED];
        if !read_at(&mut fixed, 0)? || fixed[..8] != MAGIC || !ends_with_crc(&fixed) {
            return Ok(None);
        }
        let version = BigEndian::read_u32(&fixed[8..]);
        if version != VERSION {
            let message = format!(
                "{}: a segment of version {version}; this program knows version {VERSION}, use a newer one",
                file_name(id)
            );
            return Err(failure::error(ErrorKind::Unsupported, message));
        }
        let count = BigEndian::read_u32(&fixed[24..]) as usize;
        let len = file.len().map_err(|cause| failure::disk("cannot read", file_name(id), cause))?;
        if count > MAX_LIVE || encoded_len(count) as u64 > len {
            return Ok(None);
        }
        let mut rest = vec![0; Sealed::LEN * count + 4];
        if !read_at(&mut rest, FIXED as u64)? || !ends_with_crc(&rest) {
            return Ok(None);
        }
        let live = rest.as_chunks::<{ Sealed::LEN }>().0.iter().map(Sealed::decode).collect();
        let header = SegmentHeader {
            id: BigEndian::read_u32(&fixed[12..]),
            salt: BigEndian::read_u64(&fixed[16..]),
            live,
        };
        if header.id != id {
            let what = format!("it is segment {}; give it its name back", file_name(header.id));
            return Err(failure::corrupt(file_name(id), what));
        }
        if salt.is_some_and(|salt| salt != header.salt) {
            return Err(failure::corrupt(file_name(id), "a segment of another store; move it away"));
        }
        Ok(header.is_ascending().then_some(header))
    }

    fn is_ascending(&self) -> bool {
        self.live.is_sorted_by(|a, b| a.id < b.id) && self.live.last().is_none_or(|last| last.id < self.id)
    }
}

/// The length of a header that names so many segments, in bytes.
fn encoded_len(live: usize) -> usize {
    (FIXED + Sealed::LEN * live + 4).next_multiple_of(ALIGN as usize)
}

/// Whether the last four bytes are the checksum of those before.
fn ends_with_crc(bytes: &[u8]) -> bool {
    bytes.split_last_chunk::<4>().is_some_and(|(bytes, crc)| crc32fast::hash(bytes).to_be_bytes() == *crc)
}
