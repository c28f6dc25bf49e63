//! The head of a record in a frame: compact and then the key, if it can be, otherwise as it is. What stands
//! there is told by the first byte.

use std::ops::Range;

use larder::{Bytes, COMPACT_HEAD_BYTES, Head, Key, Origin, Result};

use crate::failure;

/// What a frame is to hold of a head.
#[derive(Debug)]
pub(crate) enum AtRest {
    /// And then the key. The frame must say how long the data is.
    Compact([u8; COMPACT_HEAD_BYTES]),
    Full(Head),
}

impl AtRest {
    pub(crate) fn of(head: Head) -> AtRest {
        head.compact().map_or(AtRest::Full(head), AtRest::Compact)
    }

    /// The bytes, and where in them the encoded key stands. `buffer` is used for what is not there yet.
    pub(crate) fn bytes<'a>(&'a self, key: &Key, buffer: &'a mut Vec<u8>) -> (Range<usize>, &'a [u8]) {
        match self {
            AtRest::Compact(compact) => {
                buffer.clear();
                buffer.extend_from_slice(compact);
                buffer.extend_from_slice(key.as_cbor());
                (COMPACT_HEAD_BYTES..buffer.len(), buffer)
            }
            AtRest::Full(head) => (head.key_range(), head.as_bytes()),
        }
    }
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
