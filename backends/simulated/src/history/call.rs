//! [`Call`]: what was asked of a store.

use larder::{ByteRange, Document, Key, Path};

use super::answer::Digest;

/// What was asked of a store: the nine operations, what a store offers besides, and compare-and-set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Call {
    /// The whole document.
    Get(Key),
    /// Whether there is an entry.
    Exists(Key),
    /// The meta of the entry. Only whether there was one is recorded.
    GetMeta(Key),
    /// Replaces the entry by a document.
    Assoc(Key, Document),
    /// Sets the value below the top, at a path of at least one segment.
    AssocIn(Path, Document),
    /// Changes the value at the path.
    UpdateIn(Path, Update),
    /// Removes the entry.
    Dissoc(Key),
    /// Replaces the document `old` (`None`: no entry) by `new`. No operation of a `Store`, but of Jepsen's
    /// registers, and what a conditional write comes to.
    CompareAndSet {
        /// The key.
        key: Key,
        /// What must be there.
        old: Option<Document>,
        /// What is there afterwards.
        new: Document,
    },
    /// Appends elements to a log, together.
    Append(Key, Vec<Document>),
    /// All elements of a log.
    Log(Key),
    /// A binary, or a range of it.
    Bget(Key, ByteRange),
    /// Replaces the entry by a binary. `None`: its bytes never came to an end, so it was never visible.
    Bassoc(Key, Option<Digest>),
    /// The keys, or the text keys that begin with this text.
    Keys(Option<String>),
    /// Sets several entries, all or nothing if `atomic`.
    MultiAssoc {
        /// Keys and their documents.
        entries: Vec<(Key, Document)>,
        /// Whether they belong together.
        atomic: bool,
    },
    /// Removes several entries, all or nothing if `atomic`.
    MultiDissoc {
        /// The keys.
        keys: Vec<Key>,
        /// Whether they belong together.
        atomic: bool,
    },
}

/// What is known of the function of an `update_in`.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// It never ran, so the operation has changed nothing unless it answered otherwise.
    NotRun,
    /// What it was given and what it made of that, at its last run. `None` as `new` took away what was there.
    Ran {
        /// What it was given.
        old: Option<Document>,
        /// What it returned.
        new: Option<Document>,
    },
    /// Nothing is known of it.
    Unseen,
}

impl Call {
    /// The name of the operation, as it stands in JSON Lines.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Get(_) => "get",
            Call::Exists(_) => "exists",
            Call::GetMeta(_) => "get_meta",
            Call::Assoc(..) => "assoc",
            Call::AssocIn(..) => "assoc_in",
            Call::UpdateIn(..) => "update_in",
            Call::Dissoc(_) => "dissoc",
            Call::CompareAndSet { .. } => "compare_and_set",
            Call::Append(..) => "append",
            Call::Log(_) => "log",
            Call::Bget(..) => "bget",
            Call::Bassoc(..) => "bassoc",
            Call::Keys(_) => "keys",
            Call::MultiAssoc { .. } => "multi_assoc",
            Call::MultiDissoc { .. } => "multi_dissoc",
        }
    }

    /// The one key that it is about; `None` for listings and for several keys.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Call::Get(key)
            | Call::Exists(key)
            | Call::GetMeta(key)
            | Call::Assoc(key, _)
            | Call::Dissoc(key)
            | Call::CompareAndSet { key, .. }
            | Call::Append(key, _)
            | Call::Log(key)
            | Call::Bget(key, _)
            | Call::Bassoc(key, _) => Some(key),
            Call::AssocIn(path, _) | Call::UpdateIn(path, _) => Some(path.key()),
            Call::Keys(_) | Call::MultiAssoc { .. } | Call::MultiDissoc { .. } => None,
        }
    }

    /// Whether it can change nothing, whatever comes of it.
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            Call::Get(_)
                | Call::Exists(_)
                | Call::GetMeta(_)
                | Call::Log(_)
                | Call::Bget(..)
                | Call::Keys(_)
                | Call::UpdateIn(_, Update::NotRun)
                | Call::Bassoc(_, None)
        )
    }
}
