//! [`Document`]: a value, kept encoded and decoded only on demand.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::cbor::{self, Malformed, Obstacle, Spot};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;

/// A CBOR value, kept encoded. Cloning shares the bytes; reading a part decodes that part only.
///
/// Whatever it is made from, its encoding is the deterministic one. It prints in diagnostic
/// notation.
///
/// ```
/// use larder::Document;
/// let ada = Document::encode(&serde_json::json!({"name": "Ada", "tags": ["a", "b"]}))?;
/// let tag: String = ada.get_in(&["tags".into(), 1.into()])?.unwrap().decode()?;
/// assert_eq!(tag, "b");
/// let ada = ada.assoc_in(&["born".into(), "year".into()], &Document::encode(&1815)?)?;
/// assert_eq!(ada.to_string(), r#"{"born": {"year": 1815}, "name": "Ada", "tags": ["a", "b"]}"#);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document(Bytes);

impl Document {
    /// The document `null`.
    pub const fn null() -> Document {
        Document(Bytes::from_static(&[cbor::NULL]))
    }

    /// Encodes any value that serde can serialize.
    ///
    /// # Errors
    /// `Invalid` if it cannot be encoded, `TooLarge` past [`limits::DOCUMENT_BYTES`].
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Document> {
        let bytes = cbor::encode(value).map_err(|cause| {
            Error::new(ErrorKind::Invalid, format!("the value cannot be stored: {cause}"))
        })?;
        Document(bytes.into()).within_limits()
    }

    /// A document from CBOR bytes, which are checked, and made deterministic if they are not.
    ///
    /// # Errors
    /// `Invalid` if they are not exactly one well-formed item, `TooLarge` past
    /// [`limits::DOCUMENT_BYTES`].
    pub fn from_cbor(bytes: impl Into<Bytes>) -> Result<Document> {
        let bytes = bytes.into();
        let better = match cbor::deterministic(&bytes) {
            Ok(std::borrow::Cow::Borrowed(_)) => None,
            Ok(std::borrow::Cow::Owned(better)) => Some(better.into()),
            Err(malformed) => {
                return Err(Error::new(ErrorKind::Invalid, "not a document").with_source(malformed));
            }
        };
        Document(better.unwrap_or(bytes)).within_limits()
    }

    /// Bytes that a record vouches for. They are trusted to be one item, but nothing breaks if not.
    pub(crate) fn stored(bytes: Bytes) -> Document {
        Document(bytes)
    }

    /// The encoding.
    pub fn as_cbor(&self) -> &Bytes {
        &self.0
    }

    /// Decodes the whole.
    ///
    /// # Errors
    /// `Decode` if it does not fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        cbor::decode(&self.0).map_err(|cause| {
            let wanted = std::any::type_name::<T>();
            Error::new(ErrorKind::Decode, format!("the document does not fit {wanted}: {cause}"))
        })
    }

    /// The part that the segments lead to, sharing this document's bytes. A missing step, or one
    /// into a scalar, is `None`.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are damaged.
    pub fn get_in(&self, segments: &[Key]) -> Result<Option<Document>> {
        let found = cbor::find(&self.0, segments).map_err(damaged)?;
        Ok(found.map(|range| Document(self.0.slice(range))))
    }

    /// This document with `value` where the segments lead. Missing maps on the way are made; an
    /// index just past the end appends to an array.
    ///
    /// # Errors
    /// `InvalidPath` past the end of an array or through a scalar, `TooLarge` past the limits.
    pub fn assoc_in(&self, segments: &[Key], value: &Document) -> Result<Document> {
        self.spot(segments)?.set(value)
    }

    /// This document without what the segments lead to: `None` if nothing is there. No segments
    /// name the whole, which cannot be taken out of itself: `None` too.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are damaged.
    pub fn dissoc_in(&self, segments: &[Key]) -> Result<Option<Document>> {
        match cbor::locate(&self.0, segments) {
            Ok(spot) => Ok(spot.remove(&self.0).map_err(damaged)?.map(|bytes| Document(bytes.into()))),
            Err(Obstacle::Malformed(malformed)) => Err(damaged(malformed)),
            Err(_) => Ok(None),
        }
    }

    /// The elements of an array, or nothing if it is none.
    pub(crate) fn elements(&self) -> Result<Vec<Document>> {
        let outer = cbor::head(&self.0, 0).map_err(damaged)?;
        let mut elements = Vec::new();
        let mut at = outer.content;
        while outer.major == cbor::ARRAY && (elements.len() as u64) < outer.arg {
            let end = cbor::item_end(&self.0, at).map_err(damaged)?;
            elements.push(Document(self.0.slice(at..end)));
            at = end;
        }
        Ok(elements)
    }

    /// A document that holds `value` inside one map per segment.
    pub(crate) fn nested(segments: &[Key], value: &Document) -> Result<Document> {
        let mut out = Vec::with_capacity(value.0.len() + 16 * segments.len());
        cbor::nest(&mut out, segments.iter(), &value.0);
        fits(segments, value)?;
        Document(out.into()).within_limits()
    }

    /// The place that the segments name, found once, to be read and then written.
    pub(crate) fn spot<'a>(&'a self, segments: &'a [Key]) -> Result<DocumentSpot<'a>> {
        match cbor::locate(&self.0, segments) {
            Ok(spot) => Ok(DocumentSpot { document: self, segments, spot }),
            Err(obstacle) => Err(blocked(segments, obstacle)),
        }
    }

    fn within_limits(self) -> Result<Document> {
        if self.0.len() as u64 > limits::DOCUMENT_BYTES {
            let (len, limit) = (self.0.len(), limits::DOCUMENT_BYTES);
            let message = format!("the document has {len} bytes, the limit is {limit}; store it as a binary");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(self)
    }
}

/// A place inside a document, found once.
pub(crate) struct DocumentSpot<'a> {
    document: &'a Document,
    segments: &'a [Key],
    spot: Spot,
}

impl DocumentSpot<'_> {
    /// What stands there.
    pub(crate) fn get(&self) -> Option<Document> {
        self.spot.item().map(|range| Document(self.document.0.slice(range)))
    }

    /// The document with this value there.
    pub(crate) fn set(&self, value: &Document) -> Result<Document> {
        if self.segments.is_empty() {
            return Ok(value.clone());
        }
        fits(self.segments, value)?;
        let bytes = self.spot.set(&self.document.0, self.segments, &value.0).map_err(damaged)?;
        Document(bytes.into()).within_limits()
    }
}

/// Whether a value, and the keys on the way to it, may stand so deep.
fn fits(segments: &[Key], value: &Document) -> Result<()> {
    let mut deep = segments.len() + cbor::nesting(&value.0).map_err(damaged)?;
    for (above, segment) in segments.iter().enumerate() {
        segment.check()?;
        deep = deep.max(above + 1 + cbor::nesting(segment.as_cbor()).map_err(damaged)?);
    }
    if deep > limits::NESTING {
        let limit = limits::NESTING;
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the document would nest {deep} deep, the limit is {limit}"),
        ));
    }
    Ok(())
}

fn damaged(malformed: Malformed) -> Error {
    Error::new(ErrorKind::Corrupt, "the stored document is damaged").with_source(malformed)
}

fn blocked(segments: &[Key], obstacle: Obstacle) -> Error {
    let name = |segment: usize| segments.get(segment).map(Key::to_string).unwrap_or_default();
    let message = match obstacle {
        Obstacle::Malformed(malformed) => return damaged(malformed),
        Obstacle::Scalar { segment } => {
            format!("segment {} leads into a value that is no map and no array", name(segment))
        }
        Obstacle::NoIndex { segment } => format!("segment {} meets an array and is no index", name(segment)),
        Obstacle::BeyondEnd { segment, len } => {
            format!("index {} lies beyond the end of an array of {len}; index {len} appends", name(segment))
        }
    };
    Error::new(ErrorKind::InvalidPath, message)
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: ciborium::Value = cbor::decode(&self.0).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        let value = ciborium::Value::deserialize(deserializer)?;
        Document::encode(&value).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cbor::diagnostic(&self.0))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 200;
        if self.0.len() > SHOWN {
            return write!(f, "Document({} bytes)", self.0.len());
        }
        write!(f, "Document({self})")
    }
}
