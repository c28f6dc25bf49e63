//! Stamps: sixteen bytes in front of every record, different for every write there ever was. They are
//! the version of a state, and tell whose write a record is when the answer to it was lost.

use std::sync::atomic::{AtomicU64, Ordering};

use larder::{Clock, Version};

/// How many bytes a stamp has.
pub(crate) const STAMP: usize = 16;

/// The bit of the first byte that says that the record is large: readers may be streaming it.
const LARGE: u8 = 0x80;

/// A stamp.
pub(crate) type Stamp = [u8; STAMP];

/// Makes stamps: 63 random bits of the handle, 64 bits of a counter, and the bit for large records.
#[derive(Debug)]
pub(crate) struct Stamps {
    handle: [u8; 8],
    count: AtomicU64,
}

impl Stamps {
    pub(crate) fn new(clock: &dyn Clock) -> Stamps {
        Stamps { handle: clock.random().to_be_bytes(), count: AtomicU64::new(0) }
    }

    /// A stamp that was never there before.
    pub(crate) fn next(&self, large: bool) -> Stamp {
        let mut stamp = [0; STAMP];
        stamp[..8].copy_from_slice(&self.handle);
        stamp[8..].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        stamp[0] = (stamp[0] & !LARGE) | if large { LARGE } else { 0 };
        stamp
    }
}

/// Whether this is a stamp, and its record is not large: nobody streams it.
pub(crate) fn is_small(version: &[u8]) -> bool {
    version.len() == STAMP && version[0] & LARGE == 0
}

/// The version that a record with this stamp has.
pub(crate) fn version(stamp: &[u8]) -> Version {
    Version::new(stamp)
}
