//! [`Answer`]: what a call came back with.

use std::fmt;

use larder::{Document, Key};
use sha2::{Digest as _, Sha256};

/// What a call came back with, where it is known that it happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// It was done: `assoc`, `assoc_in`, `bassoc`, `append`, `multi_assoc`.
    Done,
    /// Yes or no: whether there is an entry (`exists`, `get_meta`), whether there was one (`dissoc`),
    /// whether the comparison held (`compare_and_set`).
    Flag(bool),
    /// The document, or that there is none.
    Value(Option<Document>),
    /// What was at the path, and what is there now.
    Change {
        /// What was there.
        old: Option<Document>,
        /// What is there now.
        new: Option<Document>,
    },
    /// The elements of a log, or that there is none.
    Elements(Option<Vec<Document>>),
    /// The whole binary, or that there is none.
    Binary(Option<Digest>),
    /// The size in bytes of the binary of which a range was read, or that there is none.
    Size(Option<u64>),
    /// The keys that were listed.
    Keys {
        /// The keys, in the order in which they came.
        keys: Vec<Key>,
        /// Whether the listing was read to its end, without an error on the way.
        complete: bool,
    },
    /// For each key, whether there was an entry (`multi_dissoc`).
    Flags(Vec<bool>),
    /// It was refused because something of another kind is stored there. Nothing was changed.
    WrongKind,
    /// It was refused because the path leads through a scalar or past the end of an array. Nothing was
    /// changed.
    InvalidPath,
}

/// What identifies a binary in a history: its length and the first 16 bytes of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The length in bytes.
    pub size: u64,
    /// The first 16 bytes of the SHA-256, as a big-endian number.
    pub hash: u128,
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        let mut digester = Digester::default();
        digester.add(bytes);
        digester.finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}({} bytes)", self.hash >> 96, self.size)
    }
}

/// Digests bytes that come in chunks.
#[derive(Debug, Default)]
pub(super) struct Digester {
    size: u64,
    sha: Sha256,
}

impl Digester {
    pub(super) fn add(&mut self, chunk: &[u8]) {
        self.size += chunk.len() as u64;
        self.sha.update(chunk);
    }

    pub(super) fn finish(self) -> Digest {
        let sum = self.sha.finalize();
        let hash = sum.iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte));
        Digest { size: self.size, hash }
    }
}
