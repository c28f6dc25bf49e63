//! The segments of an open store, for whoever reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::append_only_file::Reader;

/// A segment, open for reading. It can be read as long as somebody holds it, also when its file is removed.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) reader: Reader,
}

impl Segment {
    pub(crate) fn path(&self) -> &Path {
        self.reader.path()
    }
}

/// All live segments, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Segments(RwLock<BTreeMap<u32, Arc<Segment>>>);

impl Segments {
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Segment>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(crate) fn insert(&self, id: u32, reader: Reader) {
        let segment = Arc::new(Segment { reader });
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, segment);
    }

    pub(crate) fn remove(&self, id: u32) {
        let removed = self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // The file is closed outside the lock.
        drop(removed);
    }

    pub(crate) fn clear(&self) {
        let removed = std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner));
        drop(removed);
    }
}
