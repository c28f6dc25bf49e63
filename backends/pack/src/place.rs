//! A place in the log: a segment and an offset in it.

/// A place in the log. Places are in the order of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// The segment's id, from 1.
    pub(crate) segment: u32,
    /// Bytes from the beginning of the segment's file.
    pub(crate) offset: u64,
}
