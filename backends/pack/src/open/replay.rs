//! Bringing the index up to date with a part of the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use larder::{Error, Result};

use crate::control::State;
use crate::frame::{self, Batch, BlobRef, Kind};
use crate::index::{self, Location};
use crate::lookup::{Before, How, look_up_before};
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
        let old = self.bury(key)?;
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
            let hash = self.shared.index.hash(key);
            self.batch.push(Moved { key: key.to_vec(), hash, old, new });
        }
        if header.batch == Batch::Member { Ok(()) } else { self.apply() }
    }

    /// Counts what stands under a key as dead; returns where it is.
    fn bury(&mut self, key: &[u8]) -> Result<Option<Location>> {
        let mut found = match look_up_before(&self.shared, key, 512)? {
            Before::Nowhere => return Ok(None),
            Before::Here(found) => found,
            // What the batch has taken already is not in the index yet.
            Before::Gone(places) => {
                let taken = |place: &Location| self.batch.iter().any(|moved| moved.old == Some(*place));
                return Ok(places.into_iter().find(|place| !taken(place)));
            }
        };
        self.usage.bury(found.location.segment(), found.header.frame_len());
        if found.header.kind == Kind::Blob {
            found.fill(found.header.payload_len(), How::Waiting).map_err(Error::from)?;
            let blob = found.payload().get(found.header.head_len as usize..).and_then(BlobRef::decode);
            if let Some(blob) = blob {
                self.blobs.remove(&blob.id);
                self.shared.doom(blob.id);
            }
        }
        Ok(Some(found.location))
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
