//! CBOR (RFC 8949) as bytes: walking, checking, splicing, deterministic encoding, and the bridge to
//! serde. Knows nothing of keys, records or stores.
//!
//! Nothing here panics on any input, recurses deeper than [`NESTING`](crate::limits::NESTING), or
//! allocates by a length that was not checked against the bytes that are there.

mod canonical;
mod codec;
mod diagnostic;
mod scan;
mod splice;
mod write;

pub(crate) use canonical::deterministic;
pub(crate) use codec::{decode, encode};
pub(crate) use diagnostic::diagnostic;
pub(crate) use scan::{
    ARRAY, BYTES, MAP, Malformed, NEGATIVE, TAG, TEXT, UNSIGNED, head, item_end, nesting, string_end,
};
pub(crate) use splice::{Obstacle, Spot, find, locate, nest};
pub(crate) use write::{put_bytes, put_display, put_head, put_text};

/// The encoding of `null`.
pub(crate) const NULL: u8 = 0xf6;
