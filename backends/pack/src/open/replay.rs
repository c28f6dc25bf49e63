//! Bringing the index up to date with a part of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use larder::io::Halt;
use larder::{ErrorKind, Result};

use crate::control::State;
use crate::failure;
use crate::frame::{self, Batch, BlobRef, Kind};
use crate::index::{self, Location};
use crate::lookup::{How, look_up};
use crate::segment::Frame;
use crate::shared::Shared;
use crate::usage::Usage;
use crate::writer::Extra;

/// What the log says, frame by frame.
#[derive(Debug)]
pub(crate) struct Replay {
    shared: Arc<Shared>,
    pub(crate) usage: Usage,
    pub(crate) next_seq: u64,
    /// Blobs that the replayed part of the log names, and still does.
    pub(crate) blobs: BTreeSet<u64>,
    /// Frames of a batch that is not complete, so that readers see it as a whole.
    batch: Vec<Moved>,
    /// By hash, the keys that were taken for those of frames that cannot be read any more.
    unread: BTreeMap<u64, Vec<u8>>,
    /// Keys with the same hash were mixed up: only all of the log can tell what is where.
    pub(crate) confused: bool,
}

/// A key whose frame is another now.
#[derive(Debug)]
struct Moved {
    key: Vec<u8>,
    hash: u64,
    old: Option<Location>,
    new: Option<Location>,
}

impl Replay {
    /// From what a checkpoint, or nothing, says.
    pub(crate) fn new(shared: &Arc<Shared>, extra: Extra, state: &State) -> Replay {
        shared.skip_blobs(extra.next_blob);
        extra.doomed.iter().for_each(|blob| shared.doom(*blob));
        Replay {
            shared: Arc::clone(shared),
            usage: extra.usage,
            next_seq: extra.next_seq.max(state.seq).max(1),
            blobs: BTreeSet::new(),
            batch: Vec::new(),
            unread: BTreeMap::new(),
            confused: false,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A segment comes, with so many bytes.
    pub(crate) fn begin(&mut self, segment: u32, total: u64) {
        self.usage.of(segment).total = total;
    }

    /// The next frame of the log.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>) -> Result<()> {
        let header = &frame.header;
        self.next_seq = self.next_seq.max(header.seq.saturating_add(1));
        let key = header.key_of(frame.payload);
        let (place, len) = (frame.place, header.frame_len());
        let new = match header.kind {
            Kind::Drop => {
                let ids = frame::decode_ids(frame.payload).unwrap_or_default();
                ids.iter().for_each(|id| self.usage.remove(*id));
                return Ok(());
            }
            Kind::Remove => {
                self.usage.of(place.segment).removals += len;
                None
            }
            Kind::Record | Kind::Blob => Some(Location::new(place.segment, place.offset, len)?),
        };
        let hash = self.shared.index.hash(key);
        let old = self.bury(key, hash)?;
        if new.is_some() {
            self.usage.of(place.segment).live += len;
        }
        if header.kind == Kind::Blob
            && let Some(blob) = frame.payload.get(header.head_len as usize..).and_then(BlobRef::decode)
        {
            self.shared.skip_blobs(blob.id.saturating_add(1));
            self.blobs.insert(blob.id);
            // Compaction has moved the frame that names it.
            self.shared.spare(blob.id);
        }
        if old.is_some() || new.is_some() {
            self.batch.push(Moved { key: key.to_vec(), hash, old, new });
        }
        if header.batch == Batch::Member { Ok(()) } else { self.apply() }
    }

    /// Counts what stands under a key as dead; returns where it is.
    fn bury(&mut self, key: &[u8], hash: u64) -> Result<Option<Location>> {
        if let Some(unread) = self.unread(key, hash)? {
            return Ok(Some(unread));
        }
        let Some(mut found) = look_up(&self.shared, key, How::Waiting, 512).map_err(Halt::into_error)? else {
            return Ok(None);
        };
        self.usage.bury(found.location.segment(), found.header.frame_len());
        if found.header.kind == Kind::Blob {
            found.fill(found.header.payload_len(), How::Waiting).map_err(Halt::into_error)?;
            let blob = found.payload().get(found.header.head_len as usize..).and_then(BlobRef::decode);
            if let Some(blob) = blob {
                self.blobs.remove(&blob.id);
                self.shared.doom(blob.id);
            }
        }
        Ok(Some(found.location))
    }

    /// Where the checkpoint says that a key is, if that was compacted away since. The frame cannot tell any more
    /// whose it was; but every key that had one there has another one in the log since, so that it is this key's,
    /// unless a second one has the same hash.
    fn unread(&mut self, key: &[u8], hash: u64) -> Result<Option<Location>> {
        self.confused |= self.unread.get(&hash).is_some_and(|other| other != key);
        let found = self.shared.index.find_waiting(hash)?;
        let is_gone = |location: &Location| self.shared.segments.get(location.segment()).is_none();
        let Some(gone) = found.locations().iter().copied().find(is_gone) else { return Ok(None) };
        self.confused |= found.locations().len() > 1;
        if self.confused {
            return Err(failure::error(ErrorKind::Corrupt, "two keys have the same hash"));
        }
        self.unread.insert(hash, key.to_vec());
        Ok(Some(gone))
    }

    fn apply(&mut self) -> Result<()> {
        let moved = std::mem::take(&mut self.batch);
        let changes: Vec<index::Change<'_>> = moved
            .iter()
            .map(|moved| index::Change { hash: moved.hash, key: &moved.key, old: moved.old, new: moved.new })
            .collect();
        self.shared.index.apply(&changes)
    }
}
