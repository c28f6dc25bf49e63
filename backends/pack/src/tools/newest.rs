//! The last frame of every key.

use std::collections::BTreeMap;

use crate::frame::{BlobRef, Header};
use crate::place::Place;

/// The last frame of a key.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    pub(super) place: Place,
    /// Bytes of the frame.
    pub(super) len: u64,
    pub(super) blob: Option<BlobRef>,
    /// What was there before. Kept only while the data is in a file of its own, which may be damaged by itself.
    pub(super) before: Option<Box<Newest>>,
}

/// By their keys.
#[derive(Debug, Default)]
pub(super) struct Keys(pub(super) BTreeMap<Vec<u8>, Newest>);

impl Keys {
    /// The next frame of the log is one of a record.
    pub(super) fn put(&mut self, key: &[u8], place: Place, header: &Header, blob: Option<BlobRef>) {
        let newest = Newest { place, len: header.frame_len(), blob, before: None };
        match self.0.get_mut(key) {
            Some(there) => {
                let same = there.blob == newest.blob;
                let before = std::mem::replace(there, newest);
                if blob.is_some() {
                    // Of a frame that compaction has moved, what was before stays that.
                    there.before = if same { before.before } else { Some(Box::new(before)) };
                }
            }
            None => {
                self.0.insert(key.to_vec(), newest);
            }
        }
    }

    /// The next frame of the log says that a key is absent.
    pub(super) fn remove(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}
