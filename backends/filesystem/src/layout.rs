//! Where things are in a store's directory.

use std::path::{Path, PathBuf};

use larder::Key;

use crate::names;

/// The paths of a store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    records: PathBuf,
}

/// The place of one key's record.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Which of the record directories; also the number of its lock.
    pub(crate) dir: u8,
    /// The file.
    pub(crate) path: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Layout {
        Layout { records: root.join("records"), root }
    }

    /// The store's directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The descriptor.
    pub(crate) fn descriptor(&self) -> PathBuf {
        self.root.join(DESCRIPTOR)
    }

    /// The descriptor while it is written.
    pub(crate) fn new_descriptor(&self) -> PathBuf {
        self.root.join(NEW_DESCRIPTOR)
    }

    /// The lock that is held while a store is opened.
    pub(crate) fn opening_lock(&self) -> PathBuf {
        self.root.join(OPENING_LOCK)
    }

    /// The parent of the record directories.
    pub(crate) fn records(&self) -> &Path {
        &self.records
    }

    /// A record directory.
    pub(crate) fn dir(&self, dir: u8) -> PathBuf {
        self.records.join(dir_name(dir))
    }

    /// The parent of the lock files.
    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The lock file that guards the records of a directory.
    pub(crate) fn lock(&self, dir: u8) -> PathBuf {
        self.locks().join(dir_name(dir))
    }

    /// The parent of the owner files.
    pub(crate) fn owners(&self) -> PathBuf {
        self.root.join("owners")
    }

    /// The place of a key's record.
    pub(crate) fn place(&self, key: &Key) -> Place {
        let dir = names::directory(key);
        let (dir_name, name) = (dir_name(dir), names::encode(key));
        let mut path = PathBuf::with_capacity(self.records.as_os_str().len() + name.len() + 4);
        path.extend([self.records.as_path(), Path::new(&dir_name), Path::new(&name)]);
        Place { dir, path }
    }

    /// Whether this name in the root may stand there before the descriptor does.
    pub(crate) fn is_leftover_of_creation(name: &std::ffi::OsStr) -> bool {
        name == NEW_DESCRIPTOR || name == OPENING_LOCK
    }
}

const DESCRIPTOR: &str = "larder-store";
const NEW_DESCRIPTOR: &str = "larder-store.new";
const OPENING_LOCK: &str = "larder-store.lock";

/// The name of a record directory.
pub(crate) fn dir_name(dir: u8) -> String {
    format!("{dir:02x}")
}

/// The record directory of this name.
pub(crate) fn dir_number(name: &std::ffi::OsStr) -> Option<u8> {
    let name = name.to_str()?;
    let number = u8::from_str_radix(name, 16).ok()?;
    (usize::from(number) < names::FAN_OUT && dir_name(number) == name).then_some(number)
}
