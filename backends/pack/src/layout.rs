//! The names of the files of a store.

use std::path::{Path, PathBuf};

/// Where the files of a store are.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    blobs: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Layout {
        Layout { blobs: root.join("blobs"), root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Who holds the lock, as text for people.
    pub(crate) fn holder(&self) -> PathBuf {
        self.root.join("lock.holder")
    }

    pub(crate) fn segment(&self, id: u32) -> PathBuf {
        self.root.join(crate::segment::file_name(id))
    }

    pub(crate) fn blobs(&self) -> &Path {
        &self.blobs
    }

    pub(crate) fn blob(&self, id: u64) -> PathBuf {
        self.blobs.join(format!("{id:016x}.blob"))
    }
}

/// The number in the name of a blob's file.
pub(crate) fn parse_blob(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".blob").filter(|digits| digits.len() == 16)?;
    let id = u64::from_str_radix(digits, 16).ok()?;
    (format!("{id:016x}") == digits).then_some(id)
}
