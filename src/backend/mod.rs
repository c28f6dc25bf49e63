//! The trait that a backend implements: it keeps records under keys. It knows nothing of documents
//! and paths. `docs/backends.md` walks through writing one; the crate `larder-conformance` tests it.

mod ahead;
mod keys;

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::record::{Data, Head, Record};
use crate::reply::Reply;

pub use self::keys::Keys;

/// Keeps records: reads, conditional writes, removal, listing.
///
/// # Contract
///
/// - Every call returns at once; the work happens elsewhere and the answer comes by the [`Reply`].
/// - `write`, `remove` and `write_batch` are atomic against every other writer within
///   [`Capabilities::reach`], and so is the comparison that [`Expect`] asks for. A reader sees one
///   whole state, also while it streams it and the record is replaced.
/// - Dropping a reply never tears the operation: it has not started, or it runs to its end.
/// - The expectation of a streamed write is compared when it becomes visible, at its end. A stream that
///   stalls keeps no other operation waiting, and an empty chunk is no end.
/// - A record that is damaged can be replaced and removed; its head can be read if that is whole.
/// - An acknowledged write is as durable as [`Capabilities::durability`] says.
/// - Absence is `None` or [`Removed::Absent`], never an error.
/// - After `close`, and after the death of its threads, it answers
///   [`Closed`](ErrorKind::Closed): it does not hang and does not panic.
///
/// There are no default methods: a wrapper that forgets one must not compile.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Reads the part of the record that is asked for. A head alone must cost no more than the head,
    /// however large the data is. The head must have been verified ([`Head::parse`]), and its key
    /// compared with `key` where two keys could share a place.
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>>;

    /// Stores the record if the expectation holds.
    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written>;

    /// Removes the record if the expectation holds. Where nothing is, the answer is
    /// [`Removed::Absent`] under [`Expect::Any`] and [`Expect::Absent`], and [`Removed::Unmet`] under
    /// [`Expect::Version`]. Where something is, [`Expect::Absent`] is [`Removed::Unmet`].
    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed>;

    /// All keys, or the text keys that begin with this text. Each key that is present from the first poll to the last appears
    /// exactly once; keys that come or go meanwhile may appear.
    fn keys(&self, prefix: Option<&str>) -> Keys;

    /// Performs all of these or none. A reader who has seen one of them sees the others.
    ///
    /// # Errors
    /// `Unsupported`, before anything is written, where that cannot be promised; `Invalid` if a key
    /// stands twice or a record is a stream.
    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch>;

    /// Answers when everything acknowledged before is on stable storage.
    fn sync(&self) -> Reply<()>;

    /// Finishes what was begun, and lets go of the storage. Closing twice is no error.
    fn close(&self) -> Reply<()>;

    /// What this backend can do, so that callers and tests need not try.
    fn capabilities(&self) -> Capabilities;
}

#[deny(clippy::missing_trait_methods)]
impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        (**self).read(key, part)
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        (**self).write(key, record, expect)
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        (**self).remove(key, expect)
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        (**self).keys(prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        (**self).write_batch(writes)
    }

    fn sync(&self) -> Reply<()> {
        (**self).sync()
    }

    fn close(&self) -> Reply<()> {
        (**self).close()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }
}

/// Which part of a record to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Head and data.
    All,
    /// The head alone.
    Head,
    /// The head, and this range of the data.
    Range(ByteRange),
}

/// A range of the bytes of a binary. What lies past the end is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange {
    start: u64,
    end: u64,
}

impl ByteRange {
    /// Everything.
    pub const ALL: ByteRange = ByteRange { start: 0, end: u64::MAX };

    /// The range `bounds`, such as `..`, `100..` or `0..4096`.
    ///
    /// # Errors
    /// `Invalid` if it ends before it begins.
    pub fn new(bounds: impl RangeBounds<u64>) -> Result<ByteRange> {
        let start = match bounds.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match bounds.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        if end < start {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the range {start}..{end} ends before it begins"),
            ));
        }
        Ok(ByteRange { start, end })
    }

    /// The same range of data that has `size` bytes: start and end, both within it.
    pub fn within(self, size: u64) -> (u64, u64) {
        (self.start.min(size), self.end.min(size))
    }
}

/// What must be true for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the write always happens.
    Any,
    /// No record is there.
    Absent,
    /// The record that is there is this state of it.
    Version(Version),
}

/// An opaque token for one state of one record, for compare-and-set. Only equality means anything.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Token);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Token {
    Fixed([u8; 16]),
    /// Of any other length.
    Any(Arc<[u8]>),
}

impl Version {
    /// A token of a backend's own choice.
    pub fn new(token: &[u8]) -> Version {
        Version(match token.try_into() {
            Ok(token) => Token::Fixed(token),
            Err(_) => Token::Any(token.into()),
        })
    }

    /// The token of a backend that compares checksums and revision: [`Head::fingerprint`].
    pub fn of(head: &Head) -> Version {
        Version(Token::Fixed(head.fingerprint()))
    }

    /// The token.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Token::Fixed(bytes) => bytes,
            Token::Any(bytes) => bytes,
        }
    }
}

impl From<u64> for Version {
    /// The token of a backend that counts.
    fn from(count: u64) -> Version {
        Version(Token::Fixed(u128::from(count).to_be_bytes()))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Version(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A record as it was read.
#[derive(Debug)]
pub struct Stored {
    /// Prefix and meta, verified.
    pub head: Head,
    /// The part of the data that was asked for.
    pub data: Data,
    /// Which state of the record this is.
    pub version: Version,
    /// Whether the record need not be compared with the key and with its checksums: it never left
    /// this process's memory, or the backend has just done so.
    pub verified: bool,
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It happened; this is the new state.
    Done(Version),
    /// The expectation did not hold. Nothing was written.
    Unmet,
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// The record is gone.
    Done,
    /// There was none.
    Absent,
    /// The expectation did not hold. Nothing was removed.
    Unmet,
}

/// One write of a batch.
#[derive(Debug)]
pub struct Write {
    /// The key.
    pub key: Key,
    /// The record to store (never a stream), or `None` to remove what is there.
    pub record: Option<Record>,
    /// What must be true.
    pub expect: Expect,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// All of it happened. For every write, in order: whether a record was there before.
    Done(Vec<bool>),
    /// An expectation did not hold. Nothing was written.
    Unmet,
}

/// How far a crash may reach before an acknowledged write is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// It lives as long as the process.
    Volatile,
    /// It survives a killed process, not a power cut.
    Flushed,
    /// It is on stable storage.
    Synced,
}

/// Among whom writes are atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// All users of this one handle and its clones.
    Process,
    /// All processes of one machine.
    Machine,
    /// All machines that reach the storage.
    Network,
}

/// What a backend can do. The conformance suite holds it to that, in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The name in errors and listings, such as `"memory"`.
    pub name: &'static str,
    /// Among whom writes are atomic.
    pub reach: Reach,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Whether [`Backend::write_batch`] works.
    pub batches: bool,
    /// Whether binaries are streamed in constant memory.
    pub streams: bool,
    /// Whether every call is a trip over a network, so that a conditional write on a guess is worth
    /// trying before a look at what is there.
    pub remote: bool,
}

impl Capabilities {
    /// The least: atomic within this process, volatile, no batches, no streams, not remote.
    pub const fn new(name: &'static str) -> Capabilities {
        Capabilities {
            name,
            reach: Reach::Process,
            durability: Durability::Volatile,
            batches: false,
            streams: false,
            remote: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_equal_if_and_only_if_their_tokens_are_however_they_were_made() {
        assert_eq!(Version::new(&7u128.to_be_bytes()), Version::from(7));
        assert_ne!(Version::new(&7u128.to_be_bytes()), Version::from(8));
        assert_ne!(Version::new(&7u64.to_be_bytes()), Version::from(7));
        for token in [&b""[..], b"short", &[7; 16], &[7; 17]] {
            assert_eq!(Version::new(token).as_bytes(), token);
        }
    }
}
