//! The compact head: what is left of a head when everything is taken out that follows from the rest. Most
//! heads are nothing but their fields; a backend that puts frames of its own around records can keep those,
//! which are an eighth of the bytes, and hand out the very head that was written.
//!
//! ```text
//! byte 0        2 document, 3 binary, 4 head of an append log
//! bytes 1-6     :last-write, milliseconds since 1970, big-endian
//! bytes 7-10    :rev, big-endian
//! bytes 11-14   the checksum of the data in :sum, big-endian
//! bytes 15-18   CRC-32 (IEEE, big-endian) of: the size of the data in 8 bytes, big-endian;
//!               bytes 0 to 14; the encoded key
//! ```
//!
//! Key and size are kept by the backend. No record begins with these values of byte 0.

use byteorder::{BigEndian, ByteOrder};

use super::head::{Head, corrupt};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::key::Key;
use crate::meta::Kind;

/// The length of a compact head, in bytes.
pub const COMPACT_HEAD_BYTES: usize = 19;

const SUM_AT: usize = 15;

/// Byte 0 of each kind.
const KINDS: [(u8, Kind); 3] = [(2, Kind::Document), (3, Kind::Binary), (4, Kind::AppendLog)];

/// Six bytes of milliseconds are enough for every time that there is.
const _: () = assert!(Timestamp::MAX.as_millis() < 1 << 48);

impl Head {
    /// This head, which must be sealed, in compact form, if it has one: the user added nothing to the meta, and it
    /// was made by this process or read from a compact one.
    pub fn compact(&self) -> Option<[u8; COMPACT_HEAD_BYTES]> {
        let key = self.only_fields()?;
        let (kind, _) = KINDS.iter().find(|(_, kind)| *kind == self.kind())?;
        let rev = u32::try_from(self.rev()).ok()?;
        let mut bytes = [0; COMPACT_HEAD_BYTES];
        bytes[0] = *kind;
        BigEndian::write_u48(&mut bytes[1..], self.last_write().as_millis());
        BigEndian::write_u32(&mut bytes[7..], rev);
        BigEndian::write_u32(&mut bytes[11..], self.data_sum()?);
        let sum = sum(&bytes, key, self.size()?);
        BigEndian::write_u32(&mut bytes[SUM_AT..], sum);
        Some(bytes)
    }

    /// Whether this may be the beginning of a compact head: then it is no other record.
    pub fn is_compact(first: &[u8]) -> bool {
        first.first().is_some_and(|first| KINDS.iter().any(|(byte, _)| byte == first))
    }

    /// The head that is compact in these bytes (all that come after it are ignored), of the record of this key
    /// with data of this size.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged, or belongs to another key or size.
    pub fn from_compact(bytes: &[u8], key: &Key, size: u64) -> Result<Head> {
        let Some(bytes) = bytes.first_chunk::<COMPACT_HEAD_BYTES>() else {
            return Err(corrupt("the compact head is cut off"));
        };
        let (computed, stored) = (sum(bytes, key, size), BigEndian::read_u32(&bytes[SUM_AT..]));
        if computed != stored {
            let message =
                format!("the checksum of the compact head is {computed:08x}, stored is {stored:08x}");
            return Err(corrupt(message));
        }
        let kind = KINDS.iter().find(|(byte, _)| *byte == bytes[0]);
        let (_, kind) = *kind.ok_or_else(|| corrupt("the compact head is of no kind that there is"))?;
        let last_write = Timestamp::from_millis(BigEndian::read_u48(&bytes[1..]));
        let rev = u64::from(BigEndian::read_u32(&bytes[7..]));
        let data_sum = BigEndian::read_u32(&bytes[11..]);
        Ok(Head::of_fields(key.clone(), kind, last_write, rev, size, data_sum))
    }
}

fn sum(bytes: &[u8; COMPACT_HEAD_BYTES], key: &Key, size: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&size.to_be_bytes());
    hasher.update(&bytes[..SUM_AT]);
    hasher.update(key.as_cbor());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;
    use crate::meta::{Meta, MetaUpdate};
    use crate::record::{DataSum, Origin, Record};

    fn head(kind: Kind, millis: u64, rev: u64, data: &[u8]) -> Head {
        let mut meta = Meta::new("ada".into(), kind, Timestamp::from_millis(millis));
        meta.rev = rev;
        Head::sealed(&meta, &DataSum::of(data)).unwrap()
    }

    proptest! {
        #[test]
        fn a_compact_head_is_the_very_head_that_was_written(
            text in ".{0,60}", kind in 0..3usize, millis in any::<u64>(), rev in any::<u32>(), data: Vec<u8>,
        ) {
            let key = Key::from(text);
            let mut meta = Meta::new(key.clone(), KINDS[kind].1, Timestamp::from_millis(millis));
            meta.rev = u64::from(rev);
            let (head, _) = Record::new(&meta, data.clone().into()).unwrap().into_parts();
            let compact = head.compact().unwrap();
            prop_assert!(Head::is_compact(&compact));
            let read = Head::from_compact(&compact, &key, data.len() as u64).unwrap();
            let parsed = Head::parse(head.as_bytes().clone(), Origin::Larder).unwrap();
            for other in [&read, &parsed] {
                prop_assert_eq!(other.as_bytes(), head.as_bytes());
                prop_assert_eq!(other.meta().unwrap(), head.meta().unwrap());
                prop_assert_eq!(other.fingerprint(), head.fingerprint());
                prop_assert_eq!(other.key_bytes(), key.as_cbor());
            }
        }
    }

    #[test]
    fn every_flipped_bit_and_every_other_key_and_size_is_reported() {
        let key = Key::from("ada");
        let whole = head(Kind::Binary, 1_795_260_480_123, 7, b"data").compact().unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole;
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = Head::from_compact(&damaged, &key, 4).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}: {error}");
        }
        assert!(Head::from_compact(&whole, &"adb".into(), 4).is_err());
        assert!(Head::from_compact(&whole, &key, 5).is_err());
        assert!(Head::from_compact(&whole[..18], &key, 4).is_err());
        assert!(Head::from_compact(&whole, &key, 4).is_ok());
    }

    #[test]
    fn what_has_no_field_is_not_compact() {
        let mut meta = Meta::new("ada".into(), Kind::Document, Timestamp::from_millis(0));
        assert!(Head::new(&meta).unwrap().compact().is_some());
        meta.rev = 1 << 32;
        assert_eq!(Head::new(&meta).unwrap().compact(), None);
        meta.rev = 1;
        meta.apply(&MetaUpdate::new().set("owner", "me").unwrap());
        assert_eq!(Head::new(&meta).unwrap().compact(), None);
    }

    #[test]
    fn no_record_looks_like_a_compact_head() {
        for first in 0..=1 {
            assert!(!Head::is_compact(&[first]));
        }
        assert!(!Head::is_compact(&[]));
    }
}
