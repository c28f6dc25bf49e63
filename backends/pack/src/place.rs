//! [`Place`]: where a frame stands.

/// Where a frame begins: places are ordered as the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// The id of the segment.
    pub(crate) segment: u32,
    /// Bytes from the beginning of the segment's file.
    pub(crate) offset: u64,
}
