//! [`Atom`]: what one operation does to one key.

/// The number of the content of an absent entry.
pub(super) const ABSENT: u32 = Atom::ABSENT;
/// The number of the content of a log without elements.
pub(super) const EMPTY_LOG: u32 = Atom::EMPTY_LOG;

/// What one operation does to one key, and what it saw. Contents are numbered by a
/// [`Table`](super::Table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Atom {
    /// It saw this content.
    Read(u32),
    /// It saw that there is an entry, or that there is none.
    There(bool),
    /// It was refused, because what is there is of another kind.
    NotOf(Kind),
    /// It saw a binary of this size.
    Size(u64),
    /// It put this content there.
    Write(u32),
    /// It removed the entry, which was there if it was told so.
    Remove {
        /// Whether it was told that there was one.
        seen: bool,
    },
    /// It found the one content and left the other.
    Move {
        /// What it found.
        from: u32,
        /// What it left.
        to: u32,
    },
    /// It saw that the content is not this one.
    Unless(u32),
    /// It leaves the second content if it finds the first, and whatever is there otherwise.
    Swap {
        /// What it looks for.
        from: u32,
        /// What it leaves then.
        to: u32,
    },
    /// It appended this list of elements.
    Append(u32),
    /// It appended this list of elements, and nobody who must be explained saw a log that they are in.
    Unread(u32),
    /// It changed something inside a document: see the table.
    Deep(u32),
    /// It saw something inside a document, and changed nothing: see the table.
    Look(u32),
    /// Nobody can have seen what it says that it saw.
    Never,
}

/// The kinds of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Kind {
    Document,
    Binary,
    Log,
}

impl Atom {
    /// The number of the content of an absent entry.
    pub(in crate::check) const ABSENT: u32 = 0;
    /// The number of the content of a log without elements.
    pub(in crate::check) const EMPTY_LOG: u32 = 1;

    /// The content that must be there for it to happen, if it is one.
    pub(in crate::check) fn needs(self) -> Option<u32> {
        match self {
            Atom::Read(content) | Atom::Move { from: content, .. } => Some(content),
            _ => None,
        }
    }

    /// The content that it may leave behind, if it is one and not the one that it found.
    pub(in crate::check) fn makes(self) -> Option<u32> {
        match self {
            Atom::Write(content) => Some(content),
            Atom::Remove { .. } => Some(ABSENT),
            Atom::Move { from, to } | Atom::Swap { from, to } => (from != to).then_some(to),
            _ => None,
        }
    }

    /// Whether it leaves everything as it is, wherever it may happen.
    pub(in crate::check) fn only_reads(self) -> bool {
        match self {
            Atom::Read(_)
            | Atom::There(_)
            | Atom::NotOf(_)
            | Atom::Size(_)
            | Atom::Unless(_)
            | Atom::Look(_)
            | Atom::Never => true,
            Atom::Move { from, to } | Atom::Swap { from, to } => from == to,
            Atom::Write(_) | Atom::Remove { .. } | Atom::Append(_) | Atom::Unread(_) | Atom::Deep(_) => false,
        }
    }
}
