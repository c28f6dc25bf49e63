//! What segments there are, and where the log ends.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use larder::io::{Disk, DiskFile, Mode};
use larder::{Error, Result};

use super::covered::{Covered, Start, start};
use super::replay::Replay;
use super::unsynced::Unsynced;
use crate::control::State;
use crate::failure;
use crate::frame::{self, Kind};
use crate::layout::Layout;
use crate::place::Place;
use crate::segment::{self, Frame, LogEnd, Scanner, Sealed, SegmentHeader, Step, find_end, holds_frames};
use crate::shared::Shared;

/// The segments of a store that is being opened.
#[derive(Debug)]
pub(super) struct Survey {
    /// All that are live, in ascending order; the newest is the last.
    pub(super) live: Vec<u32>,
    /// Where the log ends.
    pub(super) end: Place,
    /// What lies before this offset of the newest segment was synced, as far as is known.
    pub(super) durable: u64,
    /// How long the live segments but the newest are.
    sealed: Vec<Sealed>,
    /// Files of segments that are not live any more.
    leftovers: Vec<PathBuf>,
}

impl Survey {
    /// Looks at a store that is to be written: nobody else does. Of the newest segment, what a checkpoint covers is not
    /// read; of a store that was closed, that is all.
    ///
    /// # Errors
    /// `Corrupt` if a segment is missing or its header damaged, or if the newest is damaged before its end.
    pub(super) fn of(
        disk: &dyn Disk,
        layout: &Layout,
        state: &State,
        covered: Option<&Covered>,
    ) -> Result<Survey> {
        // Before this place everything was synced.
        let promised = covered.map_or(state.end, |covered| covered.position().max(state.end));
        let mut present = segments(disk, layout)?;
        let mut leftovers = Vec::new();
        while let Some(newest) = present.last().copied() {
            if newest < promised.segment {
                break;
            }
            let path = layout.segment(newest);
            let file = open(disk, layout, newest)?;
            if let Some(header) = SegmentHeader::read(&*file, newest, Some(state.salt))? {
                let Start { from, mut dropped } = start(covered, &header);
                let durable = if promised.segment == newest { promised.offset } else { 0 };
                let mut unsynced = Unsynced::new(durable);
                let end = find_end(&*file, state.salt, newest, from, durable, &mut |frame| {
                    note_dropped(&mut dropped, &frame);
                    unsynced.note(&frame);
                    Ok(())
                })?;
                let LogEnd::At(end) = end else {
                    let LogEnd::Damaged { at } = end else { return Err(failure::closed()) };
                    return Err(failure::damaged(&path, at));
                };
                // A segment is dropped only after everything before was synced: no `Drop` is behind the cut.
                let end = unsynced.cut(disk, layout, end)?;
                let end = Place { segment: newest, offset: end };
                let survey = Survey::finish(layout, &header, &dropped, &present, end, leftovers)?;
                return Ok(Survey { durable: durable.min(end.offset), ..survey });
            }
            // Making it was not finished, or it is damaged.
            if promised.segment >= newest || holds_frames(&*file, state.salt, newest)? {
                return Err(failure::damaged(&path, 0));
            }
            leftovers.push(path);
            present.pop();
        }
        Err(missing(layout, promised.segment))
    }

    /// What somebody else has found out.
    pub(super) fn known(sealed: Vec<Sealed>, end: Place) -> Survey {
        let live = sealed.iter().map(|one| one.id).chain([end.segment]).collect();
        Survey { live, end, durable: 0, sealed, leftovers: Vec::new() }
    }

    /// Looks at what the writer has published.
    ///
    /// # Errors
    /// As [`Survey::of`].
    pub(super) fn published(
        disk: &dyn Disk,
        layout: &Layout,
        state: &State,
        covered: Option<&Covered>,
    ) -> Result<Survey> {
        let newest = state.end.segment;
        let file = open(disk, layout, newest)?;
        let header = SegmentHeader::read(&*file, newest, Some(state.salt))?;
        let header = header.ok_or_else(|| failure::damaged(&layout.segment(newest), 0))?;
        // The writer may have made a checkpoint since.
        let covered = covered.filter(|covered| covered.position().offset <= state.published);
        let Start { from, mut dropped } = start(covered, &header);
        let part = from..state.published;
        scan(&*file, layout, state.salt, newest, part, &mut |frame| {
            note_dropped(&mut dropped, &frame);
            Ok(())
        })?;
        let present = segments(disk, layout)?;
        let end = Place { segment: newest, offset: state.published };
        Survey::finish(layout, &header, &dropped, &present, end, Vec::new())
    }

    fn finish(
        layout: &Layout,
        header: &SegmentHeader,
        dropped: &[u32],
        present: &[u32],
        end: Place,
        mut leftovers: Vec<PathBuf>,
    ) -> Result<Survey> {
        let sealed: Vec<Sealed> =
            header.live.iter().copied().filter(|one| !dropped.contains(&one.id)).collect();
        let live: Vec<u32> = sealed.iter().map(|one| one.id).chain([end.segment]).collect();
        if let Some(lost) = live.iter().find(|id| !present.contains(id)) {
            return Err(missing(layout, *lost));
        }
        let dead = present.iter().filter(|id| **id < end.segment && !live.contains(id));
        leftovers.extend(dead.map(|id| layout.segment(*id)));
        Ok(Survey { live, end, durable: 0, sealed, leftovers })
    }

    /// Opens all segments for reading.
    ///
    /// # Errors
    /// `Corrupt` if one is not as long as it was when the next one was begun.
    pub(super) fn register(&self, shared: &Shared) -> Result<()> {
        for Sealed { id, len } in &self.sealed {
            let file = open(&*shared.disk, &shared.layout, *id)?;
            let path = shared.layout.segment(*id);
            let found = file.len().map_err(|cause| failure::disk("cannot read", path.display(), cause))?;
            if found != *len {
                return Err(failure::damaged(&path, found.min(*len)));
            }
            super::register(shared, *id, *len)?;
        }
        super::register(shared, self.end.segment, self.end.offset)
    }

    /// Brings the index from a position of the log to its end.
    pub(super) fn replay(&self, replay: &mut Replay, from: Option<Place>) -> Result<()> {
        for id in &self.live {
            let shared = Arc::clone(replay.shared());
            if from.is_some_and(|from| *id < from.segment) {
                continue;
            }
            let file = open(&*shared.disk, &shared.layout, *id)?;
            let path = shared.layout.segment(*id);
            let failed = |cause| failure::disk("cannot read", path.display(), cause);
            let end = if *id == self.end.segment { self.end.offset } else { file.len().map_err(failed)? };
            let start = match from {
                Some(from) if from.segment == *id => from.offset,
                _ => {
                    let header = SegmentHeader::read(&*file, *id, Some(shared.salt))?;
                    header.ok_or_else(|| failure::damaged(&path, 0))?.encoded_len()
                }
            };
            replay.begin(*id, end);
            scan(&*file, &shared.layout, shared.salt, *id, start..end, &mut |frame| replay.frame(&frame))?;
        }
        Ok(())
    }

    /// Removes the files of segments that are not live.
    pub(super) fn remove_leftovers(&self, shared: &Shared) -> Result<()> {
        for path in &self.leftovers {
            let removed = shared.disk.remove(path);
            removed.map_err(|cause| failure::disk("cannot remove", path.display(), cause))?;
        }
        if self.leftovers.is_empty() {
            return Ok(());
        }
        // A segment will get the number of one that was not finished.
        let root = shared.layout.root();
        shared.disk.sync_dir(root).map_err(|cause| failure::disk("cannot sync", root.display(), cause))
    }
}

/// Reads the frames in a part of a segment, all of which must be valid.
pub(crate) fn scan(
    file: &dyn DiskFile,
    layout: &Layout,
    salt: u64,
    segment: u32,
    part: Range<u64>,
    take: &mut dyn FnMut(Frame<'_>) -> Result<()>,
) -> Result<()> {
    let mut scanner = Scanner::new(file, salt, segment, part.start, part.end);
    let mut at = part.start;
    while let Some(step) = scanner.next()? {
        match step {
            Step::Frame(frame) => {
                at = frame.place.offset + frame.header.frame_len();
                take(frame)?;
            }
            Step::Damage { at, .. } => return Err(failure::damaged(&layout.segment(segment), at)),
        }
    }
    if at == part.end { Ok(()) } else { Err(failure::damaged(&layout.segment(segment), at)) }
}

fn note_dropped(dropped: &mut Vec<u32>, frame: &Frame<'_>) {
    if frame.header.kind == Kind::Drop {
        dropped.extend(frame::decode_ids(frame.payload).unwrap_or_default());
    }
}

fn open(disk: &dyn Disk, layout: &Layout, id: u32) -> Result<Box<dyn DiskFile>> {
    let path = layout.segment(id);
    disk.open(&path, Mode::Read).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => missing(layout, id),
        _ => failure::disk("cannot open", path.display(), cause),
    })
}

fn missing(layout: &Layout, id: u32) -> Error {
    let path = layout.segment(id);
    failure::corrupt(path.display(), "this segment is missing; restore it from a copy, or repair the store")
}

/// The ids of the segments whose files are there, in ascending order.
fn segments(disk: &dyn Disk, layout: &Layout) -> Result<Vec<u32>> {
    let root = layout.root();
    let failed = |cause| failure::disk("cannot list", root.display(), cause);
    let mut ids = Vec::new();
    for entry in disk.list(root).map_err(failed)? {
        ids.extend(segment::parse_name(&entry.map_err(failed)?.name));
    }
    ids.sort_unstable();
    Ok(ids)
}
