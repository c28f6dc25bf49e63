//! [`Head`]: prefix and meta, as encoded: how its form is told, what is read of it, and how it is
//! verified.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use byteorder::{BigEndian, ByteOrder};
use bytes::Bytes;

use super::data_sum::DataSum;
use crate::cbor::{self, Malformed};
use crate::clock::Timestamp;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, Sums, name};

/// The layout version in byte 0.
const LAYOUT: u8 = 1;
/// Byte 1: CBOR.
const CBOR: u8 = 3;
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
    fn prefix(self) -> usize {
        if self == Form::Long { LONG_PREFIX } else { SHORT_PREFIX }
    }
}

/// Who is expected to have written a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// larder: the short form, with checksums. Anything else is damage.
    Larder,
    /// Anyone: all three forms, with checksums in the short form only.
    Foreign,
}

/// The head of a record: prefix and meta, as encoded, with what is needed of it at hand. Cloning
/// shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct Head(Arc<Fields>);

#[derive(Clone, PartialEq, Eq)]
struct Fields {
    bytes: Bytes,
    form: Form,
    kind: Kind,
    rev: u64,
    last_write: Timestamp,
    size: Option<Field<u64>>,
    sums: Option<Field<Sums>>,
    /// Where the key stands in `bytes`; an empty range if there is none.
    key: (u32, u32),
}

/// A value of fixed width, and where its bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field<T> {
    value: T,
    at: u32,
}

impl Head {
    /// The head for this meta, in larder's own form. Size and checksums are filled in by
    /// [`Head::seal`].
    ///
    /// # Errors
    /// `TooLarge` past [`limits::META_BYTES`].
    pub fn new(meta: &Meta) -> Result<Head> {
        Head::in_form(meta, Form::Short)
    }

    /// The head in any form. The long and the plain form carry none of larder's own entries.
    ///
    /// # Errors
    /// `TooLarge` past [`limits::META_BYTES`].
    pub fn in_form(meta: &Meta, form: Form) -> Result<Head> {
        let bare;
        let meta = if form == Form::Short {
            meta
        } else {
            bare = Meta { size: None, sums: None, ..meta.clone() };
            &bare
        };
        let mut bytes = Vec::with_capacity(192);
        bytes.resize(form.prefix(), 0);
        let places = meta.encode(&mut bytes);
        let len = bytes.len() - form.prefix();
        if len > limits::META_BYTES {
            let limit = limits::META_BYTES;
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the meta has {len} bytes, the limit is {limit}"),
            ));
        }
        if form == Form::Plain {
            BigEndian::write_u64(&mut bytes, len as u64);
        } else {
            (bytes[0], bytes[1]) = (LAYOUT, CBOR);
            BigEndian::write_u32(&mut bytes[4..8], len as u32);
        }
        let own = form == Form::Short;
        Ok(Head(Arc::new(Fields {
            bytes: bytes.into(),
            form,
            kind: meta.kind,
            rev: if own { meta.rev } else { 0 },
            last_write: meta.last_write,
            // Neither is written without the other.
            size: meta
                .size
                .filter(|_| meta.sums.is_some())
                .map(|value| Field { value, at: places.size as u32 }),
            sums: meta
                .sums
                .filter(|_| meta.size.is_some())
                .map(|value| Field { value, at: places.sums as u32 }),
            key: (places.key.start as u32, places.key.end as u32),
        })))
    }

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
        if let Some(sums) = head.0.sums {
            let computed = sum_of_head(&head.0.bytes, sums.at as usize);
            if computed != sums.value.head {
                let stored = sums.value.head;
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
            if head.0.sums.is_none() || head.0.size.is_none() {
                return Err(corrupt("the meta has no checksum"));
            }
            if head.0.key.0 == head.0.key.1 {
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
        let (mut size, mut sums, mut key) = (None, None, (0, 0));
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
                    size = Some(Field {
                        value: BigEndian::read_u64(&bytes[value + 1..end]),
                        at: value as u32 + 1,
                    });
                }
                name::SUM if form == Form::Short && end - value == 9 && bytes[value] == 0x48 => {
                    let (head, data) =
                        (BigEndian::read_u32(&bytes[value + 1..]), BigEndian::read_u32(&bytes[value + 5..]));
                    sums = Some(Field { value: Sums { head, data }, at: value as u32 + 1 });
                }
                _ => {}
            }
            at = end;
        }
        if at != bytes.len() {
            return Err(Malformed { at, what: "more bytes after the meta" });
        }
        Ok(Head(Arc::new(Fields { bytes, form, kind, rev, last_write, size, sums, key })))
    }

    /// This head with the size and the checksum of its data, and its own checksum, filled in. Its
    /// length does not change. Forms without checksums stay as they are.
    #[must_use]
    pub fn seal(&self, data: &DataSum) -> Head {
        let (Some(size), Some(sums)) = (self.0.size, self.0.sums) else {
            return self.clone();
        };
        let mut bytes = self.0.bytes.to_vec();
        let (size_at, sums_at) = (size.at as usize, sums.at as usize);
        let data_sum = data.crc();
        BigEndian::write_u64(&mut bytes[size_at..], data.len());
        BigEndian::write_u32(&mut bytes[sums_at + 4..], data_sum);
        let head_sum = sum_of_head(&bytes, sums_at);
        BigEndian::write_u32(&mut bytes[sums_at..], head_sum);
        Head(Arc::new(Fields {
            bytes: bytes.into(),
            size: Some(Field { value: data.len(), ..size }),
            sums: Some(Field { value: Sums { head: head_sum, data: data_sum }, ..sums }),
            ..*self.0
        }))
    }

    /// The bytes: prefix and meta.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// How the prefix looks.
    pub fn form(&self) -> Form {
        self.0.form
    }

    /// What kind of data follows.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The length of the data part (`None` in the forms that do not say).
    pub fn size(&self) -> Option<u64> {
        self.0.size.map(|field| field.value)
    }

    /// The checksums (`None` in the forms that have none).
    pub fn sums(&self) -> Option<Sums> {
        self.0.sums.map(|field| field.value)
    }

    /// The revision: 0 where none is stored.
    pub fn rev(&self) -> u64 {
        self.0.rev
    }

    /// The time of the last write.
    pub fn last_write(&self) -> Timestamp {
        self.0.last_write
    }

    /// The encoded key, as it stands in the meta; empty if there is none.
    pub fn key_bytes(&self) -> &[u8] {
        &self.0.bytes[self.key_range()]
    }

    /// Where the encoded key stands in the bytes of the head; an empty range if there is none.
    pub fn key_range(&self) -> Range<usize> {
        self.0.key.0 as usize..self.0.key.1 as usize
    }

    /// The key.
    ///
    /// # Errors
    /// `Corrupt` if there is none, or none that is valid.
    pub fn key(&self) -> Result<Key> {
        Key::from_cbor(self.key_bytes()).map_err(|why| corrupt("the meta has no valid key").with_source(why))
    }

    /// A token that differs between any two states of a record: its checksums and its revision.
    pub fn fingerprint(&self) -> [u8; 16] {
        let sums = self.sums().unwrap_or_default();
        let mut out = [0; 16];
        BigEndian::write_u32(&mut out, sums.head);
        BigEndian::write_u32(&mut out[4..], sums.data);
        BigEndian::write_u64(&mut out[8..], self.0.rev);
        out
    }

    /// The whole meta, decoded.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged.
    pub fn meta(&self) -> Result<Meta> {
        let mut bytes = self.0.bytes.slice(self.0.form.prefix()..);
        if self.0.sums.is_none() || cbor::head(&bytes, 0).is_ok_and(|map| map.is_indefinite()) {
            // Nobody vouches for it: it may be in any encoding, or malformed.
            let document = Document::from_cbor(bytes).map_err(|why| corrupt("the meta").with_source(why))?;
            bytes = document.as_cbor().clone();
        }
        let bytes = &bytes;
        let map = cbor::head(bytes, 0).map_err(damaged)?;
        let mut user = std::collections::BTreeMap::new();
        let mut at = map.content;
        for _ in 0..map.arg {
            let value = cbor::item_end(bytes, at).map_err(damaged)?;
            let end = cbor::item_end(bytes, value).map_err(damaged)?;
            if !name::ALL.contains(&&bytes[at..value]) {
                // The checksum says who wrote it, not in which encoding.
                let name =
                    Key::from_cbor(&bytes[at..value]).map_err(|why| corrupt("the meta").with_source(why))?;
                let document = Document::from_cbor(bytes.slice(value..end));
                let document = document.map_err(|why| corrupt("the meta").with_source(why))?;
                if user.insert(name, document).is_some() {
                    return Err(corrupt("the meta has a name that stands twice"));
                }
            }
            at = end;
        }
        Ok(Meta {
            key: self.key()?,
            kind: self.0.kind,
            last_write: self.0.last_write,
            size: self.size(),
            rev: self.0.rev,
            sums: self.sums(),
            user,
        })
    }

    /// Checks a data part that was read against what the head says of it.
    ///
    /// # Errors
    /// `Corrupt` if length or checksum differ.
    pub fn vouch(&self, data: &DataSum) -> Result<()> {
        if let Some(size) = self.size().filter(|size| *size != data.len()) {
            return Err(corrupt(format!("the data has {} bytes, the meta says {size}", data.len())));
        }
        if let Some(sums) = self.sums().filter(|sums| sums.data != data.crc()) {
            return Err(corrupt(format!(
                "the checksum of the data is {:08x}, stored is {:08x}",
                data.crc(),
                sums.data
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("form", &self.0.form)
            .field("kind", &self.0.kind)
            .field("rev", &self.0.rev)
            .field("size", &self.size())
            .field("key", &cbor::diagnostic(self.key_bytes()))
            .finish()
    }
}

/// The form and the length of the meta: `None` if the bytes end too early to tell.
fn prefix(first: &[u8]) -> Result<Option<(Form, usize)>> {
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
fn codecs(bytes: &[u8], form: Form) -> Option<Error> {
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

/// The checksum of prefix and meta, with its own four bytes, at `sums_at`, as zero.
fn sum_of_head(bytes: &[u8], sums_at: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..sums_at]);
    hasher.update(&[0; 4]);
    hasher.update(&bytes[sums_at + 4..]);
    hasher.finalize()
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

pub(super) fn corrupt(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

fn damaged(malformed: Malformed) -> Error {
    corrupt("the meta is damaged").with_source(malformed)
}
