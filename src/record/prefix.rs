//! The prefix of a record: which form it has, how long the meta is, and in which codecs.

use byteorder::{BigEndian, ByteOrder};

use super::head::corrupt;
use crate::error::{Error, ErrorKind, Result};
use crate::limits;

/// The layout version in byte 0.
pub(super) const LAYOUT: u8 = 1;
/// Byte 1: CBOR.
pub(super) const CBOR: u8 = 3;
/// The prefix of the short and of the plain form.
const SHORT_PREFIX: usize = 8;
/// The prefix of the long form.
const LONG_PREFIX: usize = 20;

const _: () = assert!(SHORT_PREFIX < LONG_PREFIX);

/// How the prefix of a record looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Eight bytes with the length of the meta in the last four. What larder writes.
    Short,
    /// The same and twelve zero bytes. What konserve writes.
    Long,
    /// Eight bytes that are nothing but the length of the meta: the guide to konserve's backends.
    Plain,
}

impl Form {
    pub(super) fn prefix(self) -> usize {
        if self == Form::Long { LONG_PREFIX } else { SHORT_PREFIX }
    }
}

/// The form and the length of the meta: `None` if the bytes end too early to tell.
pub(super) fn prefix(first: &[u8]) -> Result<Option<(Form, usize)>> {
    let Some(&layout) = first.first() else { return Ok(None) };
    if layout > LAYOUT {
        return Err(corrupt(format!("the layout version is {layout}, known are 0 and 1")));
    }
    if first.len() < SHORT_PREFIX {
        return Ok(None);
    }
    let (form, meta) = match layout {
        0 => (Form::Plain, BigEndian::read_u64(first)),
        _ => {
            let spare = &first[SHORT_PREFIX..first.len().min(LONG_PREFIX)];
            let zeros = spare.iter().take_while(|byte| **byte == 0).count();
            let form = match (zeros == spare.len(), spare.len()) {
                // A meta is a map, whose first byte is not zero.
                (true, n) if n < LONG_PREFIX - SHORT_PREFIX => return Ok(None),
                (true, _) => Form::Long,
                (false, _) => Form::Short,
            };
            (form, u64::from(BigEndian::read_u32(&first[4..8])))
        }
    };
    if meta > limits::META_BYTES as u64 {
        return Err(corrupt(format!(
            "the meta would have {meta} bytes, the limit is {}",
            limits::META_BYTES
        )));
    }
    Ok(Some((form, meta as usize)))
}

/// What to answer if the prefix asks for a codec that is not there.
pub(super) fn codecs(bytes: &[u8], form: Form) -> Option<Error> {
    match bytes {
        _ if form == Form::Plain => None,
        [_, CBOR, 0, 0, ..] => None,
        [_, serializer, compressor, encryptor, ..] => Some(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the record has serializer {serializer}, compressor {compressor}, encryptor {encryptor}; only 3, 0, 0 can be read"
            ),
        )),
        _ => None,
    }
}
