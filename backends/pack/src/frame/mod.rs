//! Frames: what a segment consists of. A [`Header`] of 44 bytes, a payload, and zeros up to the next
//! multiple of [`ALIGN`]. The bytes are in `docs/format.md`.

mod blob;
mod drops;
mod header;
#[cfg(test)]
mod tests;

pub(crate) use blob::BlobRef;
pub(crate) use drops::{decode_ids, encode_ids};
pub(crate) use header::{Batch, Header, Kind};

/// Frames begin at multiples of this many bytes.
pub(crate) const ALIGN: u64 = 16;

/// The longest payload, in bytes. A record that does not fit has its data in a blob.
pub(crate) const MAX_PAYLOAD: usize = 4 * 1024 * 1024;
