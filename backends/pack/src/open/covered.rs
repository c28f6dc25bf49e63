//! What the newest checkpoint tells of the log: what lies before its place was durable, and need not be read.

use larder::Result;
use larder::io::Disk;

use super::survey::Survey;
use crate::index::{Checkpoint, Index};
use crate::layout::Layout;
use crate::place::Place;
use crate::segment::SegmentHeader;
use crate::writer::Extra;

/// The part of the log that a checkpoint covers.
#[derive(Debug)]
pub(super) struct Covered {
    pub(super) checkpoint: Checkpoint,
    pub(super) extra: Extra,
}

/// Where to begin in the newest segment.
pub(super) struct Start {
    pub(super) from: u64,
    /// Segments that the header names, and that are not live any more at this offset.
    pub(super) dropped: Vec<u32>,
}

impl Covered {
    /// The newest checkpoint that is whole, as far as opening it tells.
    ///
    /// # Errors
    /// Those of listing the directory.
    pub(super) fn find(disk: &dyn Disk, layout: &Layout, salt: u64) -> Result<Option<Covered>> {
        let (found, _) = Index::open(disk, layout.root(), salt)?;
        Ok(found.and_then(|checkpoint| {
            let extra = Extra::decode(&checkpoint.extra)?;
            Some(Covered { checkpoint, extra })
        }))
    }

    pub(super) fn position(&self) -> Place {
        self.checkpoint.position
    }

    /// This, if what it says is still so.
    pub(super) fn check(self, survey: &Survey) -> Option<Covered> {
        let position = self.position();
        // Removals may be missing in the log that follows if a segment of it is gone.
        let whole = (position.segment..=survey.end.segment).all(|id| survey.live.contains(&id));
        (whole && position <= survey.end).then_some(self)
    }

    /// Where to begin in the segment with this header, if it covers a part of that.
    fn start(&self, header: &SegmentHeader) -> Option<Start> {
        let from = self.position().offset;
        if self.position().segment != header.id || from < header.encoded_len() {
            return None;
        }
        // The segments that were live are those whose bytes are counted.
        let live = self.extra.usage.segments();
        let known = |id: &u32| *id == header.id || header.live.iter().any(|one| one.id == *id);
        if !live.contains(&header.id) || !live.iter().all(known) {
            return None;
        }
        let dropped = header.live.iter().map(|one| one.id).filter(|id| !live.contains(id)).collect();
        Some(Start { from, dropped })
    }
}

/// Where to begin in the newest segment: at the place of the checkpoint, or at the first frame.
pub(super) fn start(covered: Option<&Covered>, header: &SegmentHeader) -> Start {
    let covered = covered.and_then(|covered| covered.start(header));
    covered.unwrap_or_else(|| Start { from: header.encoded_len(), dropped: Vec::new() })
}
