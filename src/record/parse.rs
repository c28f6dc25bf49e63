//! Reading a head from its bytes, and verifying it.

use std::sync::{Arc, OnceLock};

use byteorder::{BigEndian, ByteOrder};
use bytes::Bytes;

use super::encoded::{Encoded, sum_of_head};
use super::head::{Fields, Head, corrupt, damaged};
use super::prefix::{Form, codecs, prefix};
use crate::cbor::{self, Malformed};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::meta::{Kind, name};

/// Who is expected to have written a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// larder: the short form, with checksums. Anything else is damage.
    Larder,
    /// Anyone: all three forms, with checksums in the short form only.
    Foreign,
}

impl Head {
    /// How long the head is, from the first bytes of the record: `None` if more of them (20 at the
    /// most) are needed to tell.
    ///
    /// # Errors
    /// `Corrupt` if this cannot be the beginning of a record.
    pub fn length(first: &[u8]) -> Result<Option<usize>> {
        let Some((form, meta)) = prefix(first)? else { return Ok(None) };
        Ok(Some(form.prefix() + meta))
    }

    /// Reads a head and verifies its checksum.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged, `Unsupported` if it asks for a serializer, a compressor or an
    /// encryptor that is not there.
    pub fn parse(bytes: Bytes, origin: Origin) -> Result<Head> {
        let Some((form, meta)) = prefix(&bytes)? else {
            return Err(corrupt("the record is cut off within its prefix"));
        };
        if bytes.len() != form.prefix() + meta {
            return Err(corrupt("the record is cut off within its meta"));
        }
        if origin == Origin::Larder && form != Form::Short {
            return Err(corrupt("the prefix is not one that larder writes"));
        }
        let unsupported = codecs(&bytes, form);
        let head = match (Head::read(bytes, form), unsupported.clone()) {
            // What another program wrote in a codec of its own need not look like a map.
            (Err(_), Some(unsupported)) if origin == Origin::Foreign => return Err(unsupported),
            (read, _) => read.map_err(damaged)?,
        };
        let encoded = head.encoded();
        if let Some(stored) = encoded.sum {
            let computed = sum_of_head(&encoded.bytes, encoded.sums_at as usize);
            if computed != stored {
                return Err(corrupt(format!(
                    "the checksum of the meta is {computed:08x}, stored is {stored:08x}"
                )));
            }
        }
        // Only now: a flipped bit in these bytes is damage, not a request for another codec.
        if let Some(unsupported) = unsupported {
            return Err(unsupported);
        }
        if origin == Origin::Larder {
            if encoded.sum.is_none() || head.0.size.is_none() {
                return Err(corrupt("the meta has no checksum"));
            }
            if encoded.key.0 == encoded.key.1 {
                return Err(corrupt("the meta has no key"));
            }
        }
        Ok(head)
    }

    /// Reads the structure; verifies nothing.
    fn read(bytes: Bytes, form: Form) -> Result<Head, Malformed> {
        let start = form.prefix();
        let map = cbor::head(&bytes, start)?;
        if map.major != cbor::MAP {
            return Err(Malformed { at: start, what: "a meta that is no map" });
        }
        let (mut size, mut sum, mut data_sum, mut key) = (None, None, None, (0, 0));
        let (mut size_at, mut sums_at) = (0, 0);
        let (mut kind, mut rev, mut last_write) = (Kind::Document, 0, Timestamp::default());
        let mut at = map.content;
        let mut left = map.arg;
        loop {
            if map.is_indefinite() {
                let next = cbor::head(&bytes, at)?;
                if next.is_break() {
                    at = next.content;
                    break;
                }
            } else if left == 0 {
                break;
            }
            left = left.saturating_sub(1);
            let value = cbor::item_end(&bytes, at)?;
            let end = cbor::item_end(&bytes, value)?;
            match &bytes[at..value] {
                name::KEY => key = (value as u32, end as u32),
                name::TYPE => kind = Kind::from_encoding(&bytes[value..end]).unwrap_or(Kind::Document),
                name::LAST_WRITE => last_write = time(&bytes[value..end]).unwrap_or_default(),
                // In the other forms larder's entries are leftovers that konserve carried along.
                name::REV if form == Form::Short => {
                    rev = Some(cbor::head(&bytes, value)?)
                        .filter(|item| item.major == cbor::UNSIGNED)
                        .map_or(0, |item| item.arg);
                }
                name::SIZE if form == Form::Short && end - value == 9 && bytes[value] == 0x1b => {
                    size = Some(BigEndian::read_u64(&bytes[value + 1..end]));
                    size_at = value as u32 + 1;
                }
                name::SUM if form == Form::Short && end - value == 9 && bytes[value] == 0x48 => {
                    sum = Some(BigEndian::read_u32(&bytes[value + 1..]));
                    data_sum = Some(BigEndian::read_u32(&bytes[value + 5..]));
                    sums_at = value as u32 + 1;
                }
                _ => {}
            }
            at = end;
        }
        if at != bytes.len() {
            return Err(Malformed { at, what: "more bytes after the meta" });
        }
        let encoded = OnceLock::from(Encoded { bytes, sum, size_at, sums_at, key });
        Ok(Head(Arc::new(Fields { form, kind, rev, last_write, size, data_sum, key: None, encoded })))
    }
}

/// A time as konserve writes it (tag 0, text), or as others may (tag 1, seconds).
fn time(bytes: &[u8]) -> Option<Timestamp> {
    let tag = cbor::head(bytes, 0).ok().filter(|head| head.major == cbor::TAG)?;
    let inner = &bytes[tag.content..];
    match tag.arg {
        0 => {
            let text = cbor::head(inner, 0).ok().filter(|text| text.major == cbor::TEXT)?;
            Timestamp::parse(std::str::from_utf8(inner.get(text.content..)?).ok()?)
        }
        1 => match cbor::head(inner, 0).ok()? {
            seconds if seconds.major == cbor::UNSIGNED => {
                Some(Timestamp::from_millis(seconds.arg.saturating_mul(1000)))
            }
            _ => Some(Timestamp::from_millis((cbor::decode::<f64>(inner).ok()? * 1000.0) as u64)),
        },
        _ => None,
    }
}
