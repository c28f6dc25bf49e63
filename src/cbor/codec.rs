//! serde to bytes and back. ciborium is the codec that decides; cbor4ii, which decodes the same
//! types several times faster, is asked first.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::canonical::into_deterministic;
use crate::limits::NESTING;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The deterministic encoding of a value.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Cause> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)?;
    Ok(into_deterministic(bytes)?)
}

/// Decodes one item. What cbor4ii cannot read (tags, units, some conversions) ciborium decides, so
/// that results and errors are ciborium's. (One exception: an empty array also passes as a unit.)
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Cause> {
    if let Ok(value) = cbor4ii::serde::from_slice(bytes) {
        return Ok(value);
    }
    // ciborium counts levels in its own way; twice the limit lets everything pass that we accept.
    Ok(ciborium::de::from_reader_with_recursion_limit(bytes, 2 * NESTING)?)
}
