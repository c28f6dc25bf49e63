//! Reaching the bytes of a record in the log of a pack behind its back, on whatever disk it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use larder::{COMPACT_HEAD_BYTES, Head, Key, Origin};
use larder_conformance::Tamper;

/// The files of the store, and how one is overwritten.
pub(crate) trait Files {
    fn all(&self) -> Vec<(PathBuf, Vec<u8>)>;
    fn put(&self, path: &Path, bytes: &[u8]) -> bool;
}

/// The record of a key is the last that is whole, or the one that was found before, if that is later.
pub(crate) struct Log<F> {
    files: F,
    found: Mutex<HashMap<Key, (PathBuf, usize, usize)>>,
}

impl<F: Files> Log<F> {
    pub(crate) fn new(files: F) -> Log<F> {
        Log { files, found: Mutex::default() }
    }

    /// The file, and where in it the record stands.
    fn place(&self, key: &Key) -> (PathBuf, usize, usize) {
        let mut found = self.found.lock().unwrap();
        for (path, bytes) in self.files.all() {
            if path.extension().is_none_or(|end| end != "log") {
                continue;
            }
            // Behind the header of a frame, which begins at a multiple of 16.
            for at in (44..bytes.len()).filter(|at| at % 16 == 12) {
                let whole = full(&bytes[at..], key).or_else(|| compact(&bytes, at, key));
                if let Some(len) = whole {
                    let place = (path.clone(), at, at + len);
                    let known = found.entry(key.clone()).or_insert_with(|| place.clone());
                    *known = place.max(known.clone());
                }
            }
        }
        found[key].clone()
    }

    fn bytes_of(&self, path: &Path) -> Vec<u8> {
        self.files.all().into_iter().find(|(other, _)| other == path).unwrap().1
    }
}

/// The length of the record with a full head that begins here, if it is one of this key.
fn full(bytes: &[u8], key: &Key) -> Option<usize> {
    let len = Head::length(bytes).ok()??;
    let head = Head::parse(bytes.get(..len)?.to_vec().into(), Origin::Larder).ok()?;
    (head.key_bytes() == key.as_cbor()).then(|| len + head.size().unwrap() as usize)
}

/// The same of one with a compact head, whose length is told by the header of the frame before it.
fn compact(bytes: &[u8], at: usize, key: &Key) -> Option<usize> {
    let head = bytes.get(at..at + COMPACT_HEAD_BYTES + key.as_cbor().len())?;
    if !Head::is_compact(head) || head[COMPACT_HEAD_BYTES..] != *key.as_cbor() {
        return None;
    }
    let size = u32::from_be_bytes(bytes[at - 24..at - 20].try_into().unwrap());
    Head::from_compact(head, key, u64::from(size)).ok()?;
    Some(head.len() + size as usize)
}

impl<F: Files> Tamper for Log<F> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        let (path, start, end) = self.place(key);
        self.bytes_of(&path)[start..end].to_vec()
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        let (path, start, end) = self.place(key);
        if bytes.len() != end - start {
            return false;
        }
        let mut all = self.bytes_of(&path);
        all[start..end].copy_from_slice(bytes);
        self.files.put(&path, &all)
    }
}
