//! Access to the files of a filesystem store, behind its back.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use larder::{Head, Key, Origin};
use larder_conformance::Tamper;

/// The files of the records. Those once found stay known when they have been damaged.
pub(crate) struct Files {
    records: PathBuf,
    found: Mutex<HashMap<Key, PathBuf>>,
}

impl Files {
    pub(crate) fn of(dir: &Path) -> Files {
        Files { records: dir.join("records"), found: Mutex::default() }
    }

    fn path(&self, key: &Key) -> PathBuf {
        let mut found = self.found.lock().unwrap();
        if !found.contains_key(key) {
            for dir in fs::read_dir(&self.records).unwrap() {
                for file in fs::read_dir(dir.unwrap().path()).unwrap() {
                    let path = file.unwrap().path();
                    let bytes = fs::read(&path).unwrap();
                    if let Ok(Some(length)) = Head::length(&bytes)
                        && let Some(head) = bytes.get(..length)
                        && let Ok(head) = Head::parse(head.to_vec().into(), Origin::Larder)
                    {
                        found.insert(head.key().unwrap(), path);
                    }
                }
            }
        }
        found[key].clone()
    }
}

impl Tamper for Files {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        fs::read(self.path(key)).unwrap()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        fs::write(self.path(key), bytes).is_ok()
    }
}
