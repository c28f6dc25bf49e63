//! Saving what can be read of a store into a new one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use larder::io::{Disk, Mode};
use larder::{Backend, Batch as Outcome, Bytes, Durability, ErrorKind, Expect, Key, Reply, Result};

use super::files::Files;
use super::newest::{Keys, Newest};
use super::report::{Damage, Progress, Saved};
use super::verify::describe;
use super::walk::{Piece, walk};
use super::{blobs, record};
use crate::Pack;
use crate::blob;
use crate::change::{Body, Entry};
use crate::failure;
use crate::frame::Kind;
use crate::place::Place;

/// So many records, or bytes of them, are written together.
const GROUP: (usize, usize) = (1024, 4 << 20);

/// Saves the last valid record of every key of the store in the directory `from` into a new store in the directory
/// `into`; `progress` is called now and then. Control file and index are not needed, and segments may be missing.
/// Nothing is changed in `from`, and nobody should be writing to it. It takes memory for every key.
///
/// When this has succeeded, the new store is on stable storage. If it fails, what is in `into` is worth nothing.
///
/// # Errors
/// `Invalid` if there is no pack in `from`, or anything in `into`; `Unsupported` if another version wrote the store;
/// `Corrupt` if so much is damaged that no frame can be told from garbage; those of writing.
pub fn repair(
    disk: &Arc<dyn Disk>,
    from: &Path,
    into: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Saved> {
    let mut files = Files::look(&**disk, from)?;
    check_empty(&**disk, into)?;
    let mut saved = Saved {
        damage: std::mem::take(&mut files.damage),
        leftovers: std::mem::take(&mut files.leftovers),
        torn_bytes: files.torn,
        ..Saved::default()
    };
    let total = 2 * files.segments.iter().map(|segment| segment.to).sum::<u64>();
    let mut done = 0;
    let mut read = |bytes: u64| {
        done += bytes;
        progress(Progress { done: done.min(total), total });
    };
    let mut gathered = Gathered::of(&files, &mut saved.damage, &mut read)?;
    gathered.check_blobs(disk, &files, &mut saved);
    let options =
        Pack::options().disk(Arc::clone(disk)).inline().durability(Durability::Flushed).compaction(false);
    let dir = into.to_owned();
    let target = Reply::future(async move { options.open(dir).await }).wait()?;
    write(disk, &files, &gathered.keys, &target, &mut saved, &mut read)?;
    Backend::sync(&target).wait()?;
    Backend::close(&target).wait()?;
    gathered.judge(&mut saved);
    progress(Progress { done: total, total });
    Ok(saved)
}

fn check_empty(disk: &dyn Disk, into: &Path) -> Result<()> {
    let failed = |cause| failure::disk("cannot list", into.display(), cause);
    if disk.entry(into).map_err(failed)?.is_some() && disk.list(into).map_err(failed)?.next().is_some() {
        let message = format!("{} is not empty; name a new directory", into.display());
        return Err(failure::error(ErrorKind::Invalid, message));
    }
    Ok(())
}

/// What the log says.
struct Gathered {
    keys: Keys,
    /// Where the damaged frame of a key is, if that is its last.
    damaged: BTreeMap<Vec<u8>, Place>,
    /// The last place at which a frame may have been of which nothing is known.
    unknown: Option<Place>,
}

impl Gathered {
    fn of(files: &Files, damage: &mut Vec<Damage>, read: &mut dyn FnMut(u64)) -> Result<Gathered> {
        let missing = files.missing.iter().max().map(|id| Place { segment: *id, offset: u64::MAX });
        let unknown = missing.max(files.cut);
        let mut gathered = Gathered { keys: Keys::default(), damaged: BTreeMap::new(), unknown };
        for segment in &files.segments {
            walk(segment, files.salt, &mut |piece| {
                match piece {
                    Piece::Frame(frame) => {
                        read(frame.header.frame_len());
                        let (header, key) = (&frame.header, frame.header.key_of(frame.payload));
                        match header.kind {
                            Kind::Drop => return Ok(()),
                            Kind::Remove => gathered.keys.remove(key),
                            Kind::Record | Kind::Blob => match record::head_of(header, frame.payload) {
                                Ok((_, blob)) => gathered.keys.put(key, frame.place, header, blob),
                                Err(what) => {
                                    let start = frame.place.offset;
                                    let bytes = start..start + header.frame_len();
                                    damage.push(Damage::new(&segment.path, what).at(bytes).of(key));
                                    gathered.damaged.insert(key.to_vec(), frame.place);
                                    return Ok(());
                                }
                            },
                        }
                        gathered.damaged.remove(key);
                    }
                    Piece::Damaged(damaged) => {
                        read(damaged.bytes.end - damaged.bytes.start);
                        let place = Place { segment: segment.id, offset: damaged.bytes.start };
                        damage.push(describe(&segment.path, &damaged));
                        match damaged.key {
                            Some(key) => _ = gathered.damaged.insert(key, place),
                            // The end of a segment says nothing of any key.
                            None if damaged.header.is_some_and(|header| header.kind == Kind::Drop) => {}
                            // Before the first frame there is only the segment's header, if that is all there is.
                            None if segment.from == 0 && is_header(&damaged.bytes) => {}
                            None => gathered.unknown = gathered.unknown.max(Some(place)),
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(gathered)
    }

    /// Goes back to older records where large data is damaged.
    fn check_blobs(&mut self, disk: &Arc<dyn Disk>, files: &Files, saved: &mut Saved) {
        let mut gone = Vec::new();
        for (key, newest) in &mut self.keys.0 {
            let place = newest.place;
            let mut current = Some(newest.clone());
            while let Some(candidate) = &current
                && let Some(blob) = candidate.blob
            {
                let head = record::read(files, candidate.place).ok();
                let head = head.and_then(|(header, payload)| record::head_of(&header, &payload).ok());
                let wrong = match head {
                    Some((head, _)) => blobs::check(&**disk, &files.layout, &head, blob, &mut |_| {}),
                    None => Some("the record cannot be read again".into()),
                };
                let Some(what) = wrong else { break };
                // An older one is gone by right.
                if candidate.place == place {
                    saved.damage.push(Damage::new(files.layout.blob(blob.id), what).of(key));
                    self.damaged.insert(key.clone(), place);
                }
                current = candidate.before.as_deref().cloned();
            }
            match current {
                Some(current) => *newest = current,
                None => gone.push(key.clone()),
            }
        }
        gone.iter().for_each(|key| self.keys.remove(key));
    }

    /// What is not, or may not be, as it was.
    fn judge(self, saved: &mut Saved) {
        for key in self.damaged.keys() {
            let list = if self.keys.0.contains_key(key) { &mut saved.older } else { &mut saved.lost };
            list.push(Key::from_stored(key));
        }
        if let Some(unknown) = self.unknown {
            let old = self.keys.0.iter().filter(|(_, newest)| newest.place < unknown);
            saved.stale.extend(old.map(|(key, _)| Key::from_stored(key)));
        }
    }
}

/// Whether these can be the bytes of a header alone: no frame fits in between.
fn is_header(bytes: &std::ops::Range<u64>) -> bool {
    bytes.start == 0 && bytes.end <= 48
}

/// Writes the records into the new store, in the order in which they stand in the old one.
fn write(
    disk: &Arc<dyn Disk>,
    files: &Files,
    keys: &Keys,
    target: &Pack,
    saved: &mut Saved,
    read: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut order: Vec<(&Vec<u8>, &Newest)> = keys.0.iter().collect();
    order.sort_unstable_by_key(|(_, newest)| newest.place);
    let (mut group, mut bytes) = (Vec::new(), 0);
    for (key, newest) in order {
        let (header, payload) = record::read(files, newest.place)?;
        let corrupt =
            |what: String| failure::corrupt(files.layout.segment(newest.place.segment).display(), what);
        let (head, blob) = record::head_of(&header, &payload).map_err(corrupt)?;
        let body = match blob {
            Some(blob) => {
                let path = files.layout.blob(blob.id);
                let failed = |cause| failure::disk("cannot read", path.display(), cause);
                let file = disk.open(&path, Mode::Read).map_err(failed)?;
                Body::Blob(blob::copied(target.shared(), &*file, blob.len, &path)?)
            }
            None => Body::Bytes(Bytes::from(payload).slice(header.head_len as usize..)),
        };
        saved.records += 1;
        let len = head.as_bytes().len() as u64 + blob.map_or(u64::from(header.data_len), |blob| blob.len);
        saved.bytes += len;
        read(header.frame_len());
        bytes += header.payload_len();
        group.push((Key::from_stored(key), Expect::Absent, Some(Entry::new(head, body))));
        if group.len() == GROUP.0 || bytes >= GROUP.1 {
            put(target, std::mem::take(&mut group))?;
            bytes = 0;
        }
    }
    if group.is_empty() { Ok(()) } else { put(target, group) }
}

fn put(target: &Pack, group: Vec<(Key, Expect, Option<Entry>)>) -> Result<()> {
    match target.restore(group).wait()? {
        Outcome::Done(_) => Ok(()),
        Outcome::Unmet => {
            let message = "somebody else writes to the new store; begin again with another directory";
            Err(failure::error(ErrorKind::Conflict, message))
        }
    }
}
