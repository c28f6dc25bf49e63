//! serde to bytes and back. ciborium is the codec that decides; cbor4ii, which decodes the same
//! types several times faster, is asked first.

use half::f16;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::canonical::into_deterministic;
use super::scan::{BYTES, SIMPLE, TEXT, head, string_end};
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
    // It reads a float of one width only where a type asks for one, and the deterministic encoding
    // shortens them.
    let wide = widened(bytes);
    if let Ok(value) = cbor4ii::serde::from_slice(wide.as_deref().unwrap_or(bytes)) {
        return Ok(value);
    }
    // ciborium counts levels in its own way; twice the limit lets everything pass that we accept.
    Ok(ciborium::de::from_reader_with_recursion_limit(bytes, 2 * NESTING)?)
}

/// The same item with every float in its longest form: `None` if they all are, or if the bytes are
/// malformed.
fn widened(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let item = head(bytes, at).ok()?;
        let value = match (item.major, item.info) {
            (BYTES | TEXT, info) if info != 31 => {
                at = string_end(bytes, item).ok()?;
                continue;
            }
            (SIMPLE, 25) => f16::from_bits(item.arg as u16).to_f64(),
            (SIMPLE, 26) => f64::from(f32::from_bits(item.arg as u32)),
            _ => {
                at = item.content;
                continue;
            }
        };
        let out = out.get_or_insert_with(|| Vec::with_capacity(bytes.len() + 64));
        out.extend_from_slice(&bytes[copied..at]);
        out.push((SIMPLE << 5) | 27);
        out.extend_from_slice(&value.to_be_bytes());
        at = item.content;
        copied = at;
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(&bytes[copied..]);
    }
    out
}
