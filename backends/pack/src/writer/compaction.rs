//! Compaction: the live frames of a segment are appended to the log again, like any write, and its file goes.
//!
//! Every step is a group of its own. A crash leaves a frame in both places, with the same content: the later one
//! counts. The segment's end is announced by a frame in the log, and only when that is durable is the file removed.

use std::sync::Arc;

use larder::io::{DiskFile, Mode};
use larder::{ErrorKind, Result};

use super::Writer;
use super::group::Current;
use crate::change::Watch;
use crate::failure;
use crate::frame::{self, BlobRef, Header, Kind};
use crate::index;
use crate::place::Place;
use crate::segment::{Frame, Scanner, Step};
use crate::shared::Shared;

/// One step copies about so many bytes, and looks at no more than eight times as many.
const STEP_BYTES: u64 = 1024 * 1024;

/// So many dead bytes are left alone.
const TOLERATED: u64 = 4 * 1024 * 1024;

/// A segment that is being emptied.
#[derive(Debug)]
pub(super) struct Compaction {
    victim: u32,
    file: Arc<dyn DiskFile>,
    /// How far it was looked at, and where it ends.
    at: u64,
    end: u64,
}

/// What becomes of a frame of the victim.
enum Fate {
    Dead,
    /// It is copied; the index named it here.
    Moves(index::Location, u64),
    /// A removal that still hides something.
    Stays,
}

impl Writer {
    /// A step of compaction, if one is due; whether there is more to do.
    pub(super) fn compaction_step(&mut self) -> Result<bool> {
        if self.compaction.is_none() {
            if !self.policy.compacts || !self.too_much_is_dead() {
                return Ok(false);
            }
            let Some(victim) = self.next_victim()? else { return Ok(false) };
            self.begin(victim)?;
        }
        self.go_on()?;
        Ok(true)
    }

    /// Reclaims all dead bytes that can be.
    pub(super) fn compact_all(&mut self, mut watch: Watch) -> Result<()> {
        self.shared.check_sound()?;
        // Everything that is there now, once.
        if self.usage.sum().live < self.usage.sum().total {
            self.rotate()?;
        }
        let newest = self.log.as_ref().map_or(0, |log| log.end().segment);
        let has_dead = |writer: &Writer, id: &u32| {
            const HEADER: u64 = 64;
            let bytes = writer.usage.get(*id);
            *id < newest && bytes.live + HEADER < bytes.total && !writer.spoiled.contains(id)
        };
        let victims: Vec<u32> = self.usage.segments().into_iter().filter(|id| has_dead(self, id)).collect();
        let total = victims.iter().map(|id| self.usage.get(*id).total).sum();
        let mut done = 0;
        for victim in victims {
            let len = self.usage.get(victim).total;
            self.begin(victim)?;
            while let Some(compaction) = &self.compaction {
                (watch.0)(done + compaction.at.min(len), total);
                self.go_on()?;
            }
            done += len;
            (watch.0)(done, total);
            self.rotate_if_full()?;
        }
        Ok(())
    }

    /// Whether the files are so much larger than what is alive in them that it is worth copying.
    fn too_much_is_dead(&self) -> bool {
        let sum = self.usage.sum();
        let dead = sum.total.saturating_sub(sum.live);
        dead > TOLERATED.min(self.policy.segment_bytes) && dead > sum.live / 4 * 3
    }

    /// The segment to be emptied next: the one with the greatest dead part, or the oldest if it is removals that
    /// take the room.
    fn next_victim(&mut self) -> Result<Option<u32>> {
        let Some(newest) = self.log.as_ref().map(|log| log.end().segment) else { return Ok(None) };
        let (sum, oldest) = (self.usage.sum(), self.usage.oldest());
        let dead = sum.total.saturating_sub(sum.live);
        if sum.removals > dead / 2
            && let Some(oldest) = oldest.filter(|oldest| *oldest != newest && !self.spoiled.contains(oldest))
        {
            return Ok(Some(oldest));
        }
        let half_dead = |writer: &Writer, id| {
            let bytes = writer.usage.get(id);
            bytes.live <= bytes.total / 4 * 3
        };
        let worst = self.usage.worst(newest, &self.spoiled).filter(|id| half_dead(self, *id));
        if worst.is_none() && half_dead(self, newest) {
            // What is dead is in the newest one.
            self.rotate()?;
            return Ok(Some(newest));
        }
        Ok(worst)
    }

    fn begin(&mut self, victim: u32) -> Result<()> {
        let path = self.shared.layout.segment(victim);
        let failed = |cause| failure::disk("cannot read", path.display(), cause);
        let file: Arc<dyn DiskFile> = Arc::from(self.shared.disk.open(&path, Mode::Read).map_err(failed)?);
        let end = file.len().map_err(failed)?;
        let header = crate::segment::SegmentHeader::read(&*file, victim, Some(self.shared.salt))?;
        let Some(header) = header else {
            self.spoiled.push(victim);
            return Err(failure::damaged(&path, 0));
        };
        self.compaction = Some(Compaction { victim, file, at: header.encoded_len(), end });
        Ok(())
    }

    /// Copies what is alive in the next part of the victim, or lets it go.
    fn go_on(&mut self) -> Result<()> {
        let Some(Compaction { victim, file, at, end }) = self.compaction.take() else { return Ok(()) };
        if at >= end {
            return self.let_go(victim);
        }
        let shared = Arc::clone(&self.shared);
        let oldest = self.usage.oldest() == Some(victim);
        let mut scanner = Scanner::new(&*file, shared.salt, victim, at, end);
        let mut moves: Vec<(Vec<u8>, u64, index::Location, Current)> = Vec::new();
        let (mut next, mut copied) = (at, 0);
        while copied < STEP_BYTES && next - at < 8 * STEP_BYTES {
            match scanner.next()? {
                None => {
                    next = end;
                    break;
                }
                Some(Step::Damage { at, .. }) => {
                    // It may hide live frames: nothing of this segment is given up.
                    self.spoiled.push(victim);
                    self.undo();
                    return Err(failure::damaged(&shared.layout.segment(victim), at));
                }
                Some(Step::Frame(frame)) => {
                    next = frame.place.offset + frame.header.frame_len();
                    let moved = match self.fate(&shared, &frame, oldest)? {
                        Fate::Dead => continue,
                        Fate::Moves(from, hash) => Some((from, hash)),
                        Fate::Stays => None,
                    };
                    let now = match self.append_again(&frame) {
                        Ok(now) => now,
                        Err(error) => {
                            self.undo();
                            return Err(error);
                        }
                    };
                    copied += frame.header.frame_len();
                    if let Some((from, hash)) = moved {
                        moves.push((frame.header.key_of(frame.payload).to_vec(), hash, from, now));
                    }
                }
            }
        }
        self.publish_moves(&moves, copied)?;
        self.compaction = Some(Compaction { victim, file, at: next, end });
        Ok(())
    }

    fn fate(&self, shared: &Shared, frame: &Frame<'_>, oldest: bool) -> Result<Fate> {
        let key = frame.header.key_of(frame.payload);
        match frame.header.kind {
            Kind::Record | Kind::Blob => {
                let hash = shared.index.hash(key);
                let found = shared.index.find_waiting(hash)?;
                let here = |location: &&index::Location| {
                    location.segment() == frame.place.segment && location.offset() == frame.place.offset
                };
                Ok(found
                    .locations()
                    .iter()
                    .find(here)
                    .map_or(Fate::Dead, |location| Fate::Moves(*location, hash)))
            }
            Kind::Remove if oldest || self.current(key)?.is_some() => Ok(Fate::Dead),
            Kind::Remove => Ok(Fate::Stays),
            // Its effect is in the header of the segment after it.
            Kind::Drop => Ok(Fate::Dead),
        }
    }

    fn append_again(&mut self, frame: &Frame<'_>) -> Result<Current> {
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        let header = Header { batch: frame::Batch::Alone, ..frame.header };
        let (head, data) = frame.payload.split_at(header.head_len as usize);
        let blob = if header.kind == Kind::Blob { BlobRef::decode(data) } else { None };
        let place = log.append(header, head, data)?;
        if header.kind == Kind::Remove {
            self.usage.of(place.segment).removals += header.frame_len();
        }
        Current::new(place, &header, blob)
    }

    fn publish_moves(
        &mut self,
        moves: &[(Vec<u8>, u64, index::Location, Current)],
        copied: u64,
    ) -> Result<()> {
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        log.flush()?;
        if self.shared.is_synced() {
            log.fsync()?;
        }
        let end = log.end();
        let change = |(key, hash, from, now): &'_ (Vec<u8>, u64, index::Location, Current)| {
            (key.clone(), *hash, *from, now.location)
        };
        let owned: Vec<(Vec<u8>, u64, index::Location, index::Location)> = moves.iter().map(change).collect();
        let changes: Vec<index::Change<'_>> = owned
            .iter()
            .map(|(key, hash, from, to)| index::Change { hash: *hash, key, old: Some(*from), new: Some(*to) })
            .collect();
        self.shared.index.apply(&changes).inspect_err(|_| self.shared.poison())?;
        for (_, _, from, now) in moves {
            self.usage.bury(from.segment(), now.len);
            self.usage.of(now.location.segment()).live += now.len;
        }
        self.usage.of(end.segment).total = end.offset;
        self.appended += copied;
        self.record(false);
        Ok(())
    }

    fn undo(&mut self) {
        if let Some(log) = &mut self.log {
            log.take_back();
        }
    }

    /// Nothing in the segment is needed any more: announces its end, and removes it.
    fn let_go(&mut self, victim: u32) -> Result<()> {
        if crate::log::Log::is_beyond(victim, self.checkpoints.position) {
            // The checkpoint may name frames whose removals were here.
            self.checkpoint()?;
        }
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        // The frames of replaced blobs may be here: nothing else will tell that their files are to go.
        log.fsync()?;
        self.shared.doomed().into_iter().for_each(|blob| self.shared.remove_blob(blob));
        if !self.shared.doomed().is_empty() {
            return Err(failure::error(ErrorKind::Io, "the file of a replaced record cannot be removed"));
        }
        self.shared.sync_removals()?;
        let ids = frame::encode_ids(&[victim]);
        let header = Header::drop(log.new_seq(), &ids)?;
        log.append(header, &[], &ids)?;
        log.flush()?;
        log.fsync()?;
        let end = log.end();
        self.usage.of(end.segment).total = end.offset;
        self.usage.remove(victim);
        self.appended += header.frame_len();
        self.record(false);
        self.shared.segments.remove(victim);
        let path = self.shared.layout.segment(victim);
        // One that is left behind is removed when the store is opened.
        _ = self.shared.disk.remove(&path);
        Ok(())
    }
}

/// Where a frame was.
impl From<&Current> for Place {
    fn from(current: &Current) -> Place {
        Place { segment: current.location.segment(), offset: current.location.offset() }
    }
}
