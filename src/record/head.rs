//! [`Head`]: prefix and meta, as encoded: how its form is told, what is read of it, and how it is
//! verified.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use byteorder::{BigEndian, ByteOrder};
use bytes::Bytes;

use super::data_sum::DataSum;
use super::encoded::{Encoded, encode, sum_of_head};
use super::prefix::{Form, codecs, prefix};
use crate::cbor::{self, Malformed};
use crate::clock::Timestamp;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, Sums, name};

/// Who is expected to have written a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// larder: the short form, with checksums. Anything else is damage.
    Larder,
    /// Anyone: all three forms, with checksums in the short form only.
    Foreign,
}

/// The head of a record: prefix and meta, with what is needed of them at hand. Cloning shares it.
///
/// A head without entries of the user's is encoded when somebody asks for its bytes, and once: who keeps it
/// [compact](Head::compact), or in memory, never does.
#[derive(Clone)]
pub struct Head(Arc<Fields>);

struct Fields {
    form: Form,
    kind: Kind,
    rev: u64,
    last_write: Timestamp,
    size: Option<u64>,
    /// The checksum of the data.
    data_sum: Option<u32>,
    /// What the bytes are made of if they are not there yet: all that is not in the other fields.
    key: Option<Key>,
    encoded: OnceLock<Encoded>,
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
        if form == Form::Short
            && let Some(Head(fields)) = Head::unencoded(meta)
        {
            // Not sealed: its checksum is the one of the meta.
            _ = fields.encoded.set(Encoded::new(meta, form)?);
            return Ok(Head(fields));
        }
        let bare;
        let meta = if form == Form::Short {
            meta
        } else {
            bare = Meta { size: None, sums: None, ..meta.clone() };
            &bare
        };
        let encoded = Encoded::new(meta, form)?;
        // Neither is written without the other.
        let own = meta.size.zip(meta.sums);
        Ok(Head(Arc::new(Fields {
            form,
            kind: meta.kind,
            rev: if form == Form::Short { meta.rev } else { 0 },
            last_write: meta.last_write,
            size: own.map(|(size, _)| size),
            data_sum: own.map(|(_, sums)| sums.data),
            key: None,
            encoded: OnceLock::from(encoded),
        })))
    }

    /// The head of this meta over this data.
    ///
    /// # Errors
    /// `TooLarge` past [`limits::META_BYTES`].
    pub(super) fn sealed(meta: &Meta, data: &DataSum) -> Result<Head> {
        match Head::unencoded(meta) {
            Some(Head(mut fields)) => {
                if let Some(fields) = Arc::get_mut(&mut fields) {
                    (fields.size, fields.data_sum) = (Some(data.len()), Some(data.crc()));
                }
                Ok(Head(fields))
            }
            None => Ok(Head::new(meta)?.seal(data)),
        }
    }

    /// The head of this meta, if all that is in it has a field.
    fn unencoded(meta: &Meta) -> Option<Head> {
        let (size, sums) = meta.size.zip(meta.sums)?;
        let fits = meta.user.is_empty() && meta.key.as_cbor().len() <= limits::KEY_BYTES;
        fits.then(|| Head::of_fields(meta.key.clone(), meta.kind, meta.last_write, meta.rev, size, sums.data))
    }

    /// A head in larder's own form, of an entry to which the user added nothing.
    pub(super) fn of_fields(
        key: Key,
        kind: Kind,
        last_write: Timestamp,
        rev: u64,
        size: u64,
        data_sum: u32,
    ) -> Head {
        Head(Arc::new(Fields {
            form: Form::Short,
            kind,
            rev,
            last_write,
            size: Some(size),
            data_sum: Some(data_sum),
            key: Some(key),
            encoded: OnceLock::new(),
        }))
    }

    /// The key of a head that was made of its fields: then there is nothing in it but these.
    pub(super) fn only_fields(&self) -> Option<&Key> {
        self.0.key.as_ref()
    }

    fn encoded(&self) -> &Encoded {
        self.0.encoded.get_or_init(|| self.0.encode())
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

    /// This head with the size and the checksum of its data, and its own checksum, filled in. Its
    /// length does not change. Forms without checksums stay as they are.
    #[must_use]
    pub fn seal(&self, data: &DataSum) -> Head {
        let fields = &*self.0;
        if fields.size.is_none() || fields.data_sum.is_none() {
            return self.clone();
        }
        let (size, data_sum) = (data.len(), data.crc());
        if let Some(key) = &fields.key {
            return Head::of_fields(key.clone(), fields.kind, fields.last_write, fields.rev, size, data_sum);
        }
        Head(Arc::new(Fields {
            size: Some(size),
            data_sum: Some(data_sum),
            encoded: OnceLock::from(self.encoded().clone().sealed(size, data_sum)),
            key: None,
            ..*fields
        }))
    }

    /// The bytes: prefix and meta.
    pub fn as_bytes(&self) -> &Bytes {
        &self.encoded().bytes
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
        self.0.size
    }

    /// The checksums (`None` in the forms that have none).
    pub fn sums(&self) -> Option<Sums> {
        let data = self.0.data_sum?;
        Some(Sums { head: self.encoded().sum?, data })
    }

    /// The checksum of the data (`None` in the forms that have none).
    pub fn data_sum(&self) -> Option<u32> {
        self.0.data_sum
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
        match &self.0.key {
            Some(key) => key.as_cbor(),
            None => &self.as_bytes()[self.key_range()],
        }
    }

    /// Where the encoded key stands in the bytes of the head; an empty range if there is none.
    pub fn key_range(&self) -> Range<usize> {
        let (start, end) = self.encoded().key;
        start as usize..end as usize
    }

    /// The key.
    ///
    /// # Errors
    /// `Corrupt` if there is none, or none that is valid.
    pub fn key(&self) -> Result<Key> {
        match &self.0.key {
            Some(key) => Ok(key.clone()),
            None => Key::from_cbor(self.key_bytes())
                .map_err(|why| corrupt("the meta has no valid key").with_source(why)),
        }
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
        if let Some(key) = &self.0.key {
            return Ok(self.0.meta(key.clone(), self.sums(), BTreeMap::new()));
        }
        let mut bytes = self.as_bytes().slice(self.0.form.prefix()..);
        if self.encoded().sum.is_none() || cbor::head(&bytes, 0).is_ok_and(|map| map.is_indefinite()) {
            // Nobody vouches for it: it may be in any encoding, or malformed.
            let document = Document::from_cbor(bytes).map_err(|why| corrupt("the meta").with_source(why))?;
            bytes = document.as_cbor().clone();
        }
        let bytes = &bytes;
        let map = cbor::head(bytes, 0).map_err(damaged)?;
        let mut user = BTreeMap::new();
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
        Ok(self.0.meta(self.key()?, self.sums(), user))
    }

    /// Checks a data part that was read against what the head says of it.
    ///
    /// # Errors
    /// `Corrupt` if length or checksum differ.
    pub fn vouch(&self, data: &DataSum) -> Result<()> {
        if let Some(size) = self.size().filter(|size| *size != data.len()) {
            return Err(corrupt(format!("the data has {} bytes, the meta says {size}", data.len())));
        }
        if let Some(stored) = self.data_sum().filter(|stored| *stored != data.crc()) {
            let computed = data.crc();
            return Err(corrupt(format!(
                "the checksum of the data is {computed:08x}, stored is {stored:08x}"
            )));
        }
        Ok(())
    }
}

impl Fields {
    fn meta(&self, key: Key, sums: Option<Sums>, user: BTreeMap<Key, Document>) -> Meta {
        let Fields { kind, last_write, size, rev, .. } = *self;
        Meta { key, kind, last_write, size, rev, sums, user }
    }

    /// The bytes of a head that is nothing but its fields; empty for any other.
    fn encode(&self) -> Encoded {
        let (Some(key), Some(size), Some(data)) = (&self.key, self.size, self.data_sum) else {
            return Encoded { bytes: Bytes::new(), sum: None, size_at: 0, sums_at: 0, key: (0, 0) };
        };
        let sums = Sums { head: 0, data };
        let meta = self.meta(key.clone(), Some(sums), BTreeMap::new());
        let (bytes, places) = encode(&meta, Form::Short);
        Encoded::placed(bytes, &places, true).sealed(size, data)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Head {}

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
