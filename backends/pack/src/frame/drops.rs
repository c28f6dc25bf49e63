//! The payload of a drop: ids of segments.

use byteorder::{BigEndian, ByteOrder};

/// The payload that names these segments.
pub(crate) fn encode_ids(ids: &[u32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_be_bytes()).collect()
}

/// The segments that a payload names; `None` if it is no whole number of ids.
pub(crate) fn decode_ids(payload: &[u8]) -> Option<Vec<u32>> {
    payload.len().is_multiple_of(4).then(|| payload.chunks_exact(4).map(BigEndian::read_u32).collect())
}
