//! The header of a frame.

use std::ops::Range;

use byteorder::{BigEndian, ByteOrder};
use crc32fast::Hasher;
use larder::{ErrorKind, Result};

use super::{ALIGN, BlobRef, MAX_PAYLOAD};
use crate::failure;
use crate::place::Place;

/// What a frame says. The numbers are those at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key has this record: the payload is the record's head, then its data.
    Record = 1,
    /// A key has this record, whose data is in a file of its own: head, then a [`BlobRef`].
    Blob = 2,
    /// A key is absent: the payload is the encoded key.
    Remove = 3,
    /// These segments are no longer part of the log: the payload is their ids.
    Drop = 4,
}

/// Whether a frame is part of a batch. The numbers are those at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// It stands for itself.
    Alone = 0,
    /// It counts only if the last one of its batch is there, and more come before that.
    Member = 1,
    /// The last one of its batch.
    Last = 2,
}

/// The header of a frame: all but the salt and the place, which are only in its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) batch: Batch,
    /// Where the encoded key begins in the payload.
    pub(crate) key_at: u32,
    /// The length of the encoded key in bytes.
    pub(crate) key_len: u32,
    /// The length of the record's head, with which the payload begins; 0 if there is none.
    pub(crate) head_len: u32,
    /// The length of the rest of the payload.
    pub(crate) data_len: u32,
    /// The number of this state of the key. Whoever copies the frame keeps it.
    pub(crate) seq: u64,
    /// Everything in this segment before this offset, and all segments before it, was synced when the
    /// frame was written. What is at rest is a multiple of [`ALIGN`], rounded down.
    pub(crate) durable: u64,
    /// CRC-32 of the payload.
    pub(crate) payload_crc: u32,
}

const MAGIC: [u8; 4] = [0xf5, b'L', b'P', b'1'];

impl Header {
    /// The length at rest, in bytes.
    pub(crate) const LEN: usize = 44;

    /// The frame of a record. `key` is where the encoded key is in the head. `durable` is 0: the writer
    /// sets it.
    ///
    /// # Errors
    ///
    /// `TooLarge` if it does not fit a frame; `Invalid` if the key is not within the head.
    pub(crate) fn record(
        seq: u64,
        key: Range<usize>,
        head: &[u8],
        data: &[u8],
        batch: Batch,
    ) -> Result<Header> {
        Header::of(Kind::Record, batch, seq, key, head, data)
    }

    /// The frame of a record whose data is in a file of its own. Otherwise as [`record`](Header::record).
    pub(crate) fn blob(
        seq: u64,
        key: Range<usize>,
        head: &[u8],
        blob: BlobRef,
        batch: Batch,
    ) -> Result<Header> {
        Header::of(Kind::Blob, batch, seq, key, head, &blob.encode())
    }

    /// The frame of a removal; its payload is the encoded key. `TooLarge` if it does not fit a frame.
    pub(crate) fn removal(seq: u64, key: &[u8], batch: Batch) -> Result<Header> {
        Header::of(Kind::Remove, batch, seq, 0..key.len(), &[], key)
    }

    /// The frame of a drop; its payload comes from [`encode_ids`](super::encode_ids). `TooLarge` if it does
    /// not fit a frame; `Invalid` if it is no whole number of ids.
    pub(crate) fn drop(seq: u64, ids: &[u8]) -> Result<Header> {
        Header::of(Kind::Drop, Batch::Alone, seq, 0..0, &[], ids)
    }

    fn of(kind: Kind, batch: Batch, seq: u64, key: Range<usize>, head: &[u8], data: &[u8]) -> Result<Header> {
        let too_large = || {
            let message = format!("a frame holds {MAX_PAYLOAD} bytes, not {} and {}", head.len(), data.len());
            failure::error(ErrorKind::TooLarge, message)
        };
        let small = |len: usize| u32::try_from(len).map_err(|_| too_large());
        let (head_len, data_len) = (small(head.len())?, small(data.len())?);
        if u64::from(head_len) + u64::from(data_len) > MAX_PAYLOAD as u64 {
            return Err(too_large());
        }
        let mut crc = Hasher::new();
        crc.update(head);
        crc.update(data);
        let header = Header {
            kind,
            batch,
            key_at: small(key.start)?,
            key_len: small(key.len())?,
            head_len,
            data_len,
            seq,
            durable: 0,
            payload_crc: crc.finalize(),
        };
        let fits = header.key_at as usize + key.len() == key.end && header.is_consistent();
        fits.then_some(header)
            .ok_or_else(|| failure::error(ErrorKind::Invalid, "the parts of a frame do not fit together"))
    }

    /// The bytes of this header at this place of the store with this salt. A `durable` beyond the place, or
    /// beyond what the field holds (64 GiB), is written as that: it claims less.
    pub(crate) fn encode(&self, salt: u64, place: Place) -> [u8; Header::LEN] {
        let durable = self.durable.min(place.offset);
        let mut bytes = [0; Header::LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind as u8;
        bytes[5] = self.batch as u8;
        BigEndian::write_u32(&mut bytes[8..], self.key_at);
        BigEndian::write_u32(&mut bytes[12..], self.key_len);
        BigEndian::write_u32(&mut bytes[16..], self.head_len);
        BigEndian::write_u32(&mut bytes[20..], self.data_len);
        BigEndian::write_u64(&mut bytes[24..], self.seq);
        BigEndian::write_u32(&mut bytes[32..], u32::try_from(durable / ALIGN).unwrap_or(u32::MAX));
        BigEndian::write_u32(&mut bytes[36..], self.payload_crc);
        let crc = crc_at(salt, place, &bytes[..40]);
        BigEndian::write_u32(&mut bytes[40..], crc);
        bytes
    }

    /// The header that begins these bytes, if it is one of this place in the store with this salt.
    pub(crate) fn decode(bytes: &[u8], salt: u64, place: Place) -> Option<Header> {
        let bytes: &[u8; Header::LEN] = bytes.get(..Header::LEN)?.try_into().ok()?;
        if bytes[..4] != MAGIC || BigEndian::read_u32(&bytes[40..]) != crc_at(salt, place, &bytes[..40]) {
            return None;
        }
        let header = Header {
            kind: match bytes[4] {
                1 => Kind::Record,
                2 => Kind::Blob,
                3 => Kind::Remove,
                4 => Kind::Drop,
                _ => return None,
            },
            batch: match bytes[5] {
                0 => Batch::Alone,
                1 => Batch::Member,
                2 => Batch::Last,
                _ => return None,
            },
            key_at: BigEndian::read_u32(&bytes[8..]),
            key_len: BigEndian::read_u32(&bytes[12..]),
            head_len: BigEndian::read_u32(&bytes[16..]),
            data_len: BigEndian::read_u32(&bytes[20..]),
            seq: BigEndian::read_u64(&bytes[24..]),
            durable: u64::from(BigEndian::read_u32(&bytes[32..])) * ALIGN,
            payload_crc: BigEndian::read_u32(&bytes[36..]),
        };
        let valid = bytes[6..8] == [0, 0] && header.durable <= place.offset && header.is_consistent();
        valid.then_some(header)
    }

    /// Whether the lengths are within bounds and agree with the kind.
    fn is_consistent(&self) -> bool {
        let (key_at, key_len) = (u64::from(self.key_at), u64::from(self.key_len));
        let (head, data) = (u64::from(self.head_len), u64::from(self.data_len));
        let within_head = key_len > 0 && key_at + key_len <= head;
        head + data <= MAX_PAYLOAD as u64
            && match self.kind {
                Kind::Record => within_head,
                Kind::Blob => within_head && data == BlobRef::LEN as u64,
                Kind::Remove => head == 0 && key_at == 0 && key_len > 0 && key_len == data,
                Kind::Drop => head == 0 && key_at == 0 && key_len == 0 && data > 0 && data.is_multiple_of(4),
            }
    }

    /// The length of the payload in bytes.
    pub(crate) fn payload_len(&self) -> usize {
        self.head_len as usize + self.data_len as usize
    }

    /// The length of the frame in bytes: header, payload and padding.
    pub(crate) fn frame_len(&self) -> u64 {
        (Header::LEN as u64 + self.payload_len() as u64).next_multiple_of(ALIGN)
    }

    /// How many zeros follow the payload.
    pub(crate) fn padding(&self) -> usize {
        (Header::LEN + self.payload_len()).next_multiple_of(ALIGN as usize) - Header::LEN - self.payload_len()
    }

    /// The encoded key in the payload of this frame; empty for a drop, or if this is another payload.
    pub(crate) fn key_of<'p>(&self, payload: &'p [u8]) -> &'p [u8] {
        let from = self.key_at as usize;
        payload.get(from..from + self.key_len as usize).unwrap_or_default()
    }

    /// Whether this is the payload that the header vouches for.
    pub(crate) fn vouches_for(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload_len() && crc32fast::hash(payload) == self.payload_crc
    }
}

/// The checksum of a header: it begins with what names the place, which is not at rest.
fn crc_at(salt: u64, place: Place, bytes: &[u8]) -> u32 {
    let mut seed = [0; 20];
    BigEndian::write_u64(&mut seed[..8], salt);
    BigEndian::write_u32(&mut seed[8..12], place.segment);
    BigEndian::write_u64(&mut seed[12..], place.offset);
    let mut crc = Hasher::new();
    crc.update(&seed);
    crc.update(bytes);
    crc.finalize()
}
