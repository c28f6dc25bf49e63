//! [`Encoded`]: the bytes of a head, and where the parts of fixed width stand in them.

use byteorder::{BigEndian, ByteOrder};
use bytes::Bytes;

use super::prefix::{CBOR, Form, LAYOUT};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::meta::{Meta, Places};

/// The bytes, and what stands where.
#[derive(Clone)]
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    /// The head's own checksum.
    pub(super) sum: Option<u32>,
    /// Where the values of `:size` and `:sum` begin; 0 if they are not there.
    pub(super) size_at: u32,
    pub(super) sums_at: u32,
    /// Where the key stands; an empty range if there is none.
    pub(super) key: (u32, u32),
}

impl Encoded {
    pub(super) fn new(meta: &Meta, form: Form) -> Result<Encoded> {
        let (bytes, places) = encode(meta, form);
        let len = bytes.len() - form.prefix();
        if len > limits::META_BYTES {
            let limit = limits::META_BYTES;
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the meta has {len} bytes, the limit is {limit}"),
            ));
        }
        let own = meta.size.zip(meta.sums);
        let encoded = Encoded::placed(bytes, &places, own.is_some());
        Ok(Encoded { sum: own.map(|(_, sums)| sums.head), ..encoded })
    }

    pub(super) fn placed(bytes: Vec<u8>, places: &Places, own: bool) -> Encoded {
        Encoded {
            bytes: bytes.into(),
            sum: own.then_some(0),
            size_at: places.size as u32,
            sums_at: places.sums as u32,
            key: (places.key.start as u32, places.key.end as u32),
        }
    }

    /// The same with these values and the checksum over them.
    pub(super) fn sealed(self, size: u64, data_sum: u32) -> Encoded {
        let mut bytes = Vec::from(self.bytes);
        let (size_at, sums_at) = (self.size_at as usize, self.sums_at as usize);
        BigEndian::write_u64(&mut bytes[size_at..], size);
        BigEndian::write_u32(&mut bytes[sums_at + 4..], data_sum);
        let sum = sum_of_head(&bytes, sums_at);
        BigEndian::write_u32(&mut bytes[sums_at..], sum);
        Encoded { bytes: bytes.into(), sum: Some(sum), ..self }
    }
}

/// Prefix and meta; the checksum is still to be filled in.
pub(super) fn encode(meta: &Meta, form: Form) -> (Vec<u8>, Places) {
    let mut bytes = Vec::with_capacity(192);
    bytes.resize(form.prefix(), 0);
    let places = meta.encode(&mut bytes);
    let len = bytes.len() - form.prefix();
    if form == Form::Plain {
        BigEndian::write_u64(&mut bytes, len as u64);
    } else {
        (bytes[0], bytes[1]) = (LAYOUT, CBOR);
        BigEndian::write_u32(&mut bytes[4..8], len as u32);
    }
    (bytes, places)
}

/// The checksum of prefix and meta, with its own four bytes, at `sums_at`, as zero.
pub(super) fn sum_of_head(bytes: &[u8], sums_at: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..sums_at]);
    hasher.update(&[0; 4]);
    hasher.update(&bytes[sums_at + 4..]);
    hasher.finalize()
}
