//! Checking the index: whether it can be read, and holds what the log says.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use larder::io::{Disk, Workers};
use larder::{Durability, Result};

use super::files::Files;
use super::newest::Keys;
use super::report::Damage;
use crate::control::State;
use crate::index::{self, Cursor, Index, file_name};
use crate::open::{self, Base};
use crate::segment::Sealed;

/// How many keys are listed at a time.
const PAGE: usize = 8192;

/// What was found.
pub(super) struct Compared {
    /// Whether all of it was compared with the log.
    pub(super) whole: bool,
    /// The number of the newest checkpoint that can be used.
    pub(super) checkpoint: Option<u64>,
    /// The bytes that the index takes in memory.
    pub(super) memory: u64,
}

/// Reads the checkpoint and, if the log is whole, brings it up to the end of the log and compares it with what the
/// log says.
pub(super) fn check(
    disk: &Arc<dyn Disk>,
    files: &Files,
    keys: &Keys,
    log_is_whole: bool,
    damage: &mut Vec<Damage>,
) -> Result<Compared> {
    let root = files.layout.root();
    let (found, refused) = Index::open(&**disk, root, files.salt)?;
    // They are the newest ones.
    for (number, error) in index::numbers(&**disk, root)?.into_iter().zip(refused) {
        damage.push(Damage::new(root.join(file_name(number)), error.to_string()));
    }
    let number = found.as_ref().map(|checkpoint| checkpoint.number);
    let mut compared = Compared { whole: false, checkpoint: number, memory: 0 };
    let path = number.map_or_else(|| root.to_owned(), |number| root.join(file_name(number)));
    if let Some(checkpoint) = found {
        let problems = problems_of(&checkpoint.index);
        if !problems.is_empty() {
            damage.extend(problems.into_iter().map(|what| Damage::new(&path, what)));
            return Ok(compared);
        }
    }
    if !log_is_whole {
        return Ok(compared);
    }
    let unknown =
        State { salt: files.salt, end: files.end, published: files.end.offset, clean: false, seq: 0 };
    let base = Base {
        disk: Arc::clone(disk),
        layout: files.layout.clone(),
        durability: Durability::Synced,
        readers: Arc::new(Workers::inline()),
        ahead: 0,
    };
    let older = files.segments.iter().filter(|segment| segment.id != files.end.segment);
    let sealed = older.map(|segment| Sealed { id: segment.id, len: segment.to }).collect();
    match open::index_at(base, &files.state.unwrap_or(unknown), sealed, files.end) {
        Ok(index) => {
            compare(&index, keys, &path, damage)?;
            compared.whole = true;
            compared.memory = index.index.memory() as u64;
        }
        Err(error) => {
            damage.push(Damage::new(path, format!("the log does not go on from the index: {error}")))
        }
    }
    Ok(compared)
}

/// What is wrong within a checkpoint.
fn problems_of(index: &Index) -> BTreeSet<String> {
    let slots = (0..index::SHARDS).filter_map(|shard| index.load(shard).err());
    let mut problems: BTreeSet<String> = slots.map(|error| error.to_string()).collect();
    let mut cursor = Cursor::new(None);
    loop {
        match index.page(&mut cursor, PAGE) {
            Ok(page) if page.is_empty() => return problems,
            Ok(_) => {}
            Err(error) => _ = problems.insert(error.to_string()),
        }
    }
}

/// Compares the index with the log: the same keys, at the same places.
fn compare(
    shared: &crate::shared::Shared,
    keys: &Keys,
    path: &PathBuf,
    damage: &mut Vec<Damage>,
) -> Result<()> {
    let index = &shared.index;
    let mut wrong = |key: &[u8], what: &str| damage.push(Damage::new(path, what).of(key));
    for (key, newest) in &keys.0 {
        let found = index.find_waiting(index.hash(key))?;
        let is_it = |location: &crate::index::Location| {
            (location.segment(), location.offset()) == (newest.place.segment, newest.place.offset)
        };
        if !found.locations().iter().any(is_it) {
            wrong(key, "the index does not hold the place of the key's last frame");
        }
    }
    let mut cursor = Cursor::new(None);
    let mut listed = BTreeSet::new();
    loop {
        let page = index.page(&mut cursor, PAGE)?;
        if page.is_empty() {
            break;
        }
        for key in page {
            if !keys.0.contains_key(key.as_cbor()) {
                wrong(key.as_cbor(), "the index lists a key that the log does not have");
            } else if !listed.insert(key.clone()) {
                wrong(key.as_cbor(), "the index lists a key twice");
            }
        }
    }
    for key in keys
        .0
        .keys()
        .filter(|key| listed.len() < keys.0.len() && !listed.contains(&larder::Key::from_stored(key)))
    {
        wrong(key, "the index does not list a key that the log has");
    }
    if index.len() != keys.0.len() as u64 {
        let what = format!("the index counts {} keys, and the log has {}", index.len(), keys.0.len());
        damage.push(Damage::new(path, what));
    }
    Ok(())
}
