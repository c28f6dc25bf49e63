//! The head of a record in a frame: compact and then the key, if it can be, otherwise as it is. What stands
//! there is told by the first byte.

use std::ops::Range;

use larder::{Bytes, COMPACT_HEAD_BYTES, Head, Key, Origin, Result};

use crate::failure;

/// What a frame that holds the data too is to hold of this head, and where the encoded key stands in it. `buffer`
/// is used for what is not there yet.
pub(crate) fn at_rest<'a>(head: &'a Head, buffer: &'a mut Vec<u8>) -> (Range<usize>, &'a [u8]) {
    let Some(compact) = head.compact() else { return (head.key_range(), head.as_bytes()) };
    buffer.clear();
    buffer.extend_from_slice(&compact);
    buffer.extend_from_slice(head.key_bytes());
    (COMPACT_HEAD_BYTES..buffer.len(), buffer)
}

/// The head of the record of this key, with data of this size, as it was written.
///
/// # Errors
/// `Corrupt` if it is damaged.
#[inline]
pub(crate) fn of_key(at_rest: &[u8], key: &Key, size: u64) -> Result<Head> {
    match at_rest.split_at_checked(COMPACT_HEAD_BYTES) {
        Some((compact, stored)) if Head::is_compact(compact) && stored == key.as_cbor() => {
            Head::from_compact(compact, key, size)
        }
        _ => Head::parse(Bytes::copy_from_slice(at_rest), Origin::Larder),
    }
}

/// The same, of whatever key it names.
///
/// # Errors
/// `Corrupt` if it is damaged.
pub(crate) fn of_any(at_rest: &[u8], size: u64) -> Result<Head> {
    if !Head::is_compact(at_rest) {
        return match Head::length(at_rest)? {
            Some(len) if len == at_rest.len() => Head::parse(Bytes::copy_from_slice(at_rest), Origin::Larder),
            _ => Err(failure::error(larder::ErrorKind::Corrupt, "the record's head has another length")),
        };
    }
    let key = Key::from_cbor(at_rest.get(COMPACT_HEAD_BYTES..).unwrap_or_default())?;
    of_key(at_rest, &key, size)
}
