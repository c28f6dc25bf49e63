//! [`Meta`]: the small open map stored with every entry, and [`MetaUpdate`], what a caller adds.
//!
//! The names are konserve's (CBOR tag 39 identifiers); larder adds `:size`, `:rev` and `:sum`, and
//! keeps every entry that it does not know.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cbor;
use crate::clock::Timestamp;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;

/// The encodings of the meta keys that larder itself reads and writes, in their sorted order.
pub(crate) mod name {
    pub(crate) const KEY: &[u8] = b"\xd8\x27\x64:key";
    pub(crate) const REV: &[u8] = b"\xd8\x27\x64:rev";
    pub(crate) const SUM: &[u8] = b"\xd8\x27\x64:sum";
    pub(crate) const SIZE: &[u8] = b"\xd8\x27\x65:size";
    pub(crate) const TYPE: &[u8] = b"\xd8\x27\x65:type";
    pub(crate) const LAST_WRITE: &[u8] = b"\xd8\x27\x6b:last-write";
    pub(crate) const ALL: [&[u8]; 6] = [KEY, REV, SUM, SIZE, TYPE, LAST_WRITE];
}

/// What kind of data an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A CBOR value (konserve's `:edn`).
    Document,
    /// Opaque bytes (`:binary`).
    Binary,
    /// The head of an append-only log (`:append-log`).
    AppendLog,
}

impl Kind {
    /// The identifier under `:type`, tag included.
    pub(crate) fn encoding(self) -> &'static [u8] {
        match self {
            Kind::Document => b"\xd8\x27\x64:edn",
            Kind::Binary => b"\xd8\x27\x67:binary",
            Kind::AppendLog => b"\xd8\x27\x6b:append-log",
        }
    }

    pub(crate) fn from_encoding(bytes: &[u8]) -> Option<Kind> {
        [Kind::Document, Kind::Binary, Kind::AppendLog].into_iter().find(|kind| bytes == kind.encoding())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Document => "document",
            Kind::Binary => "binary",
            Kind::AppendLog => "append log",
        })
    }
}

/// The two checksums of a record, both CRC-32 (IEEE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sums {
    /// Of prefix and meta, with these four bytes as zero.
    pub head: u32,
    /// Of the data part.
    pub data: u32,
}

/// What is stored with every entry: its key, kind, last write, size, revision, checksums, and what
/// the user added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub(crate) key: Key,
    pub(crate) kind: Kind,
    pub(crate) last_write: Timestamp,
    pub(crate) size: Option<u64>,
    pub(crate) rev: u64,
    pub(crate) sums: Option<Sums>,
    pub(crate) user: BTreeMap<Key, Document>,
}

impl Meta {
    /// The meta of a first write: no user entries, revision 1, size and sums still to be filled in.
    pub fn new(key: Key, kind: Kind, last_write: Timestamp) -> Meta {
        Meta {
            key,
            kind,
            last_write,
            size: Some(0),
            rev: 1,
            sums: Some(Sums::default()),
            user: BTreeMap::new(),
        }
    }

    /// The key of the entry.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What kind of data the entry holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When the entry was last written.
    pub fn last_write(&self) -> Timestamp {
        self.last_write
    }

    /// The length of the data part in bytes (`None` in a record that konserve wrote).
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// How often the key has been written since it last was absent: 1 after the first write.
    /// Two writers that replace an entry blindly at the same moment may give the same number.
    pub fn rev(&self) -> u64 {
        self.rev
    }

    /// The checksums (`None` in a record that konserve wrote).
    pub fn sums(&self) -> Option<Sums> {
        self.sums
    }

    /// An entry that the user added.
    ///
    /// # Errors
    /// `Decode` if it does not fit the type.
    pub fn get<T: DeserializeOwned>(&self, name: impl Into<Key>) -> Result<Option<T>> {
        self.user.get(&name.into()).map(Document::decode).transpose()
    }

    /// All entries that the user added, and those that larder does not know.
    pub fn user(&self) -> &BTreeMap<Key, Document> {
        &self.user
    }

    /// Applies what the caller asked for.
    pub(crate) fn apply(&mut self, update: &MetaUpdate) {
        if let Some(time) = update.last_write {
            self.last_write = time;
        }
        for (name, value) in &update.changes {
            match value {
                Some(value) => _ = self.user.insert(name.clone(), value.clone()),
                None => _ = self.user.remove(name),
            }
        }
    }

    /// Appends the deterministic encoding and tells where the parts of fixed width ended up. `None` in
    /// `size` or `sums` leaves larder's own entries out.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Places {
        let own = self.size.zip(self.sums);
        let entries = if own.is_some() { 6 } else { 3 };
        cbor::put_head(out, cbor::MAP, entries + self.user.len() as u64);
        let mut user = self.user.iter().peekable();
        let mut name = |out: &mut Vec<u8>, name: &[u8]| {
            while let Some((theirs, document)) = user.next_if(|(theirs, _)| theirs.as_cbor() < name) {
                out.extend_from_slice(theirs.as_cbor());
                out.extend_from_slice(document.as_cbor());
            }
            out.extend_from_slice(name);
        };
        let mut places = Places::default();
        name(out, name::KEY);
        places.key.start = out.len();
        out.extend_from_slice(self.key.as_cbor());
        places.key.end = out.len();
        if let Some((size, sums)) = own {
            name(out, name::REV);
            cbor::put_head(out, cbor::UNSIGNED, self.rev);
            name(out, name::SUM);
            out.push(0x48);
            places.sums = out.len();
            out.extend_from_slice(&sums.head.to_be_bytes());
            out.extend_from_slice(&sums.data.to_be_bytes());
            name(out, name::SIZE);
            // Always nine bytes, so that the size of a stream can be filled in when it is known.
            out.push(0x1b);
            places.size = out.len();
            out.extend_from_slice(&size.to_be_bytes());
        }
        name(out, name::TYPE);
        out.extend_from_slice(self.kind.encoding());
        name(out, name::LAST_WRITE);
        out.push(0xc0);
        cbor::put_display(out, Timestamp::LEN, &self.last_write);
        for (theirs, document) in user {
            out.extend_from_slice(theirs.as_cbor());
            out.extend_from_slice(document.as_cbor());
        }
        places
    }
}

/// Where parts of an encoded meta stand in the bytes that it was appended to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) key: std::ops::Range<usize>,
    pub(crate) size: usize,
    pub(crate) sums: usize,
}

/// What a caller wants in the meta of the entry it writes. The empty update adds nothing.
///
/// Replacing a whole entry starts its meta afresh; an update below the top, or `update_in`, keeps
/// what is there and changes only what is named here.
///
/// ```
/// use larder::MetaUpdate;
/// let update = MetaUpdate::new().set("owner", &"ada")?.remove("draft")?;
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetaUpdate {
    changes: BTreeMap<Key, Option<Document>>,
    last_write: Option<Timestamp>,
}

impl MetaUpdate {
    /// Changes nothing.
    pub fn new() -> MetaUpdate {
        MetaUpdate::default()
    }

    /// Sets an entry.
    ///
    /// # Errors
    /// `Invalid` for the names that the store itself writes (`:key`, `:type`, `:last-write`, `:size`,
    /// `:rev`, `:sum`), and for values that cannot be encoded.
    pub fn set<T: Serialize + ?Sized>(self, name: impl Into<Key>, value: &T) -> Result<MetaUpdate> {
        let value = Document::encode(value)?;
        self.change(name.into(), Some(value))
    }

    /// Sets an entry to a document, as it is.
    ///
    /// # Errors
    /// `Invalid` for the names that the store itself writes.
    pub fn set_document(self, name: impl Into<Key>, value: Document) -> Result<MetaUpdate> {
        self.change(name.into(), Some(value))
    }

    /// Sets the time of the last write, in place of now: for imports and copies.
    #[must_use]
    pub fn at(mut self, last_write: Timestamp) -> MetaUpdate {
        self.last_write = Some(last_write);
        self
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// `Invalid` for the names that the store itself writes.
    pub fn remove(self, name: impl Into<Key>) -> Result<MetaUpdate> {
        self.change(name.into(), None)
    }

    /// Takes over what the user added to `meta`, and its time of the last write: for copies.
    #[must_use]
    pub fn copy_of(meta: &Meta) -> MetaUpdate {
        MetaUpdate {
            changes: meta.user.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            last_write: Some(meta.last_write),
        }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.last_write.is_none()
    }

    fn change(mut self, name: Key, value: Option<Document>) -> Result<MetaUpdate> {
        name.check()?;
        if name::ALL.contains(&name.as_cbor()) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the meta entry {name} is written by the store itself"),
            ));
        }
        self.changes.insert(name, value);
        Ok(self)
    }
}
