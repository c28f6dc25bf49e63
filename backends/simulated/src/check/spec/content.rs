//! [`Content`]: what is under a key.

use larder::Document;

use crate::history::Digest;

/// What is under a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Nothing.
    Absent,
    /// A document.
    Document(Document),
    /// A binary.
    Binary(Digest),
    /// A log of these elements.
    Log(Vec<Document>),
}
