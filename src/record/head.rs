//! [`Head`]: prefix and meta, what they say, and what they vouch for.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use byteorder::{BigEndian, ByteOrder};
use bytes::Bytes;

use super::data_sum::DataSum;
use super::encoded::{Encoded, encode};
use super::prefix::Form;
use crate::cbor::{self, Malformed};
use crate::clock::Timestamp;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, Sums, name};

/// The head of a record: prefix and meta, with what is needed of them at hand. Cloning shares it.
///
/// A head without entries of the user's is encoded when somebody asks for its bytes, and once: who keeps it
/// [compact](Head::compact), or in memory, never does.
#[derive(Clone)]
pub struct Head(pub(super) Arc<Fields>);

pub(super) struct Fields {
    pub(super) form: Form,
    pub(super) kind: Kind,
    pub(super) rev: u64,
    pub(super) last_write: Timestamp,
    pub(super) size: Option<u64>,
    /// The checksum of the data.
    pub(super) data_sum: Option<u32>,
    /// What the bytes are made of if they are not there yet: all that is not in the other fields.
    pub(super) key: Option<Key>,
    pub(super) encoded: OnceLock<Encoded>,
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

    pub(super) fn encoded(&self) -> &Encoded {
        self.0.encoded.get_or_init(|| self.0.encode())
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

pub(super) fn corrupt(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

pub(super) fn damaged(malformed: Malformed) -> Error {
    corrupt("the meta is damaged").with_source(malformed)
}
