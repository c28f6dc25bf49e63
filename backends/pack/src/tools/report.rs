//! What the tools have found.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use larder::Key;

use crate::stats::Stats;

/// How far a tool has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that were read.
    pub done: u64,
    /// Bytes that there are to be read, as far as is known.
    pub total: u64,
}

/// Something in a store that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// The bytes of the file that are concerned, if that can be told; they may be beyond its end.
    pub bytes: Option<Range<u64>>,
    /// The key whose record it is, if that can be told.
    pub key: Option<Key>,
    /// What is wrong.
    pub what: String,
}

impl Damage {
    pub(super) fn new(file: impl Into<PathBuf>, what: impl Into<String>) -> Damage {
        Damage { file: file.into(), bytes: None, key: None, what: what.into() }
    }

    pub(super) fn at(mut self, bytes: Range<u64>) -> Damage {
        self.bytes = Some(bytes);
        self
    }

    pub(super) fn of(mut self, key: &[u8]) -> Damage {
        self.key = Some(Key::from_stored(key));
        self
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(bytes) = &self.bytes {
            write!(f, ", bytes {} to {}", bytes.start, bytes.end)?;
        }
        write!(f, ": {}", self.what)?;
        match &self.key {
            Some(key) => write!(f, "; key {key}"),
            None => Ok(()),
        }
    }
}

/// What [`verify`](super::verify) has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How much there is; counted in the log.
    pub stats: Stats,
    /// Frames that were read and are whole.
    pub frames: u64,
    /// What is not as it was written.
    pub damage: Vec<Damage>,
    /// Whether the index was compared with the log. It is not if the log is damaged.
    pub index_compared: bool,
    /// Bytes after the end of the log: what was being written when the writer died, or is being written. They are no
    /// damage.
    pub torn_bytes: u64,
    /// Files that are no longer, or not yet, part of the store; opening it for writing removes them.
    pub leftovers: Vec<PathBuf>,
}

impl Report {
    /// Whether nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

/// What [`repair`](super::repair) has saved, and what it could not save.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// Records that were saved.
    pub records: u64,
    /// Bytes of them, heads and data.
    pub bytes: u64,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// Keys whose newest record is damaged, and of which nothing could be saved.
    pub lost: Vec<Key>,
    /// Keys whose newest record is damaged; an older one was saved.
    pub older: Vec<Key>,
    /// Keys that were saved, but may have been replaced or removed later: there is damage behind their records that
    /// hides whose frames were there. Keys may also be missing of which only damaged frames told.
    pub stale: Vec<Key>,
    /// Bytes after the end of the log, which were not used: of what was being written when the writer died, if
    /// anything, and nobody was promised.
    pub torn_bytes: u64,
    /// Files that are not part of the store any more, and were not used.
    pub leftovers: Vec<PathBuf>,
}

impl Saved {
    /// Whether everything was there to be saved.
    pub fn is_complete(&self) -> bool {
        self.damage.is_empty()
    }
}
