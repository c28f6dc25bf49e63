//! What files of a store there are, which of them count, and where the log ends: told by what is left of them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use larder::io::{Disk, DiskFile, Mode};
use larder::{ErrorKind, Result};

use super::lenient::Lenient;
use super::report::Damage;
use super::walk::{Piece, walk};
use crate::control::{Control, State};
use crate::failure;
use crate::frame::{self, Kind};
use crate::index::{self, Index};
use crate::layout::Layout;
use crate::place::Place;
use crate::segment::{self, LogEnd, Scanner, SegmentHeader, find_end, holds_frames, zeros_from};

/// The files of a store.
pub(super) struct Files {
    pub(super) layout: Layout,
    pub(super) salt: u64,
    /// What the control file says, if it says anything.
    pub(super) state: Option<State>,
    /// The segments that count and are there, in the order of the log.
    pub(super) segments: Vec<Segment>,
    /// Segments that count and are not there.
    pub(super) missing: Vec<u32>,
    /// Where the log ends.
    pub(super) end: Place,
    /// How many bytes there are beyond, which nobody was promised. Zeros up to the end of the file do not count.
    pub(super) torn: u64,
    /// The last place from which on a segment is missing.
    pub(super) cut: Option<Place>,
    /// Files that do not count.
    pub(super) leftovers: Vec<PathBuf>,
    /// What is wrong so far.
    pub(super) damage: Vec<Damage>,
}

/// A segment that counts.
pub(super) struct Segment {
    pub(super) id: u32,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
    /// Where its frames begin: 0 if that is not known.
    pub(super) from: u64,
    /// Where they end.
    pub(super) to: u64,
}

/// A segment file, as its header tells.
struct Candidate {
    id: u32,
    file: Box<dyn DiskFile>,
    header: Option<SegmentHeader>,
    /// What else is known of a header that is not right.
    problem: Option<String>,
}

impl Files {
    /// Looks at the files in a directory.
    ///
    /// # Errors
    /// `Invalid` if there is no pack; `Unsupported` if another version wrote it; `Corrupt` if no file tells the
    /// store's salt, without which no frame can be told from garbage; those of listing the directory.
    pub(super) fn look(disk: &dyn Disk, dir: &Path) -> Result<Files> {
        let layout = Layout::new(dir.to_owned());
        let ids = segment_ids(disk, dir)?;
        let mut damage = Vec::new();
        let mut state = control(disk, dir, !ids.is_empty(), &mut damage)?;
        let mut candidates = Vec::new();
        for id in ids {
            candidates.extend(candidate(disk, &layout, id, &mut damage)?);
        }
        let salt = salt(disk, &layout, state.as_ref(), &candidates)?;
        if state.is_some_and(|state| state.salt != salt) {
            let what = "this is the control file of another store than the segments are of";
            damage.push(Damage::new(dir.join("control"), what));
            state = None;
        }
        for candidate in &mut candidates {
            if candidate.header.as_ref().is_some_and(|header| header.salt != salt) {
                candidate.header = None;
                candidate.problem = Some("this is a segment of another store; move it away".into());
            }
        }
        let recorded = promised(disk, dir, salt, state.as_ref())?;
        let mut leftovers = Vec::new();
        // The newest one may not have been finished.
        while let Some(last) = candidates.last()
            && last.header.is_none()
            && last.problem.is_none()
            && recorded.segment < last.id
            && !holds_frames(&*last.file, salt, last.id)?
        {
            leftovers.push(layout.segment(last.id));
            candidates.pop();
        }
        let newest = candidates.last().map(|candidate| candidate.id).unwrap_or_default();
        let mut files = Files {
            layout,
            salt,
            state,
            segments: Vec::new(),
            missing: Vec::new(),
            end: Place { segment: newest, offset: 0 },
            torn: 0,
            cut: None,
            leftovers,
            damage,
        };
        let live = files.sort_out(candidates, newest, recorded)?;
        files.missing =
            live.into_iter().filter(|id| files.segments.iter().all(|one| one.id != *id)).collect();
        if recorded.segment > newest && !files.missing.contains(&recorded.segment) {
            files.missing.push(recorded.segment);
        }
        for id in &files.missing {
            files.damage.push(Damage::new(files.layout.segment(*id), "this segment is missing"));
        }
        Ok(files)
    }

    /// Takes the candidates that count; returns the segments that should be there.
    fn sort_out(
        &mut self,
        candidates: Vec<Candidate>,
        newest: u32,
        recorded: Place,
    ) -> Result<BTreeSet<u32>> {
        // The newest header lists what counted when it was written; drops tell what has ceased to since.
        let position = candidates.iter().rposition(|candidate| candidate.header.is_some());
        let witness = position.and_then(|at| candidates[at].header.clone());
        let since = witness.as_ref().map_or(0, |header| header.id);
        let mut live: BTreeSet<u32> = match &witness {
            Some(header) => header.live.iter().map(|one| one.id).collect(),
            None => BTreeSet::new(),
        };
        live.extend(candidates.iter().map(|candidate| candidate.id).filter(|id| *id >= since));
        for candidate in candidates {
            let Candidate { id, file, header, problem } = candidate;
            let path = self.layout.segment(id);
            let len = file.len().map_err(|cause| failure::disk("cannot read", path.display(), cause))?;
            let from = header.as_ref().map_or(0, SegmentHeader::encoded_len);
            let mut segment = Segment { id, path, file, from, to: len };
            let sealed = witness.as_ref().and_then(|header| header.live.iter().find(|one| one.id == id));
            if let Some(sealed) = sealed {
                self.compare_lengths(&mut segment, sealed.len);
            }
            if id == newest && recorded.segment <= newest {
                let known = if recorded.segment == id { recorded.offset } else { 0 };
                self.end_in(&mut segment, known)?;
                self.torn = zeros_from(&*segment.file, id, segment.to)? - segment.to;
            }
            if id == newest {
                self.end.offset = segment.to;
            }
            if id >= since {
                let mut dropped = Vec::new();
                walk(&segment, self.salt, &mut |piece| {
                    if let Piece::Frame(frame) = piece
                        && frame.header.kind == Kind::Drop
                    {
                        dropped.extend(frame::decode_ids(frame.payload).unwrap_or_default());
                    }
                    Ok(())
                })?;
                dropped.iter().for_each(|id| _ = live.remove(id));
            }
            if header.is_none() && live.contains(&id) {
                let what = problem.unwrap_or_else(|| "the header of the segment is damaged".into());
                self.damage.push(Damage::new(&segment.path, what).at(0..32.min(len)));
            }
            self.segments.push(segment);
        }
        let (counting, others) =
            std::mem::take(&mut self.segments).into_iter().partition(|segment| live.contains(&segment.id));
        self.segments = counting;
        self.leftovers.extend(others.into_iter().map(|segment: Segment| segment.path));
        Ok(live)
    }

    /// Compares a segment with how long it was.
    fn compare_lengths(&mut self, segment: &mut Segment, was: u64) {
        if segment.to < was {
            self.is_cut(segment, was);
        } else if segment.to > was {
            let what = "the file is longer than it was";
            self.damage.push(Damage::new(&segment.path, what).at(was..segment.to));
            segment.to = was;
        }
    }

    fn is_cut(&mut self, segment: &Segment, was: u64) {
        let what = "the file is cut off: this was on the medium";
        self.damage.push(Damage::new(&segment.path, what).at(segment.to..was));
        self.cut = self.cut.max(Some(Place { segment: segment.id, offset: segment.to }));
    }

    /// Finds where the log ends in its newest segment.
    fn end_in(&mut self, segment: &mut Segment, known: u64) -> Result<()> {
        let file = &*segment.file;
        let find = |from, known| find_end(file, self.salt, segment.id, from, known, &mut |_| Ok(()));
        if let LogEnd::At(end) = find(segment.from, known)? {
            segment.to = end;
            return Ok(());
        }
        // Damaged. What any frame claims was durable; only what is beyond can be torn.
        let (claimed, reached) = (Cell::new(known), Cell::new(0));
        Scanner::new(file, self.salt, segment.id, 0, segment.to).any_header(|at, header| {
            claimed.set(claimed.get().max(header.durable));
            reached.set(reached.get().max(at.saturating_add(header.frame_len())));
            false
        })?;
        let (claimed, reached) = (claimed.get(), reached.get());
        if claimed > segment.to {
            self.is_cut(segment, claimed);
        } else if let LogEnd::At(end) = find(claimed, 0)? {
            segment.to = end;
        } else {
            // Nobody can tell; but zeros that belong to no frame are nothing.
            segment.to = segment.to.min(zeros_from(file, segment.id, claimed)?.max(reached));
        }
        Ok(())
    }
}

/// Whether a store has changed since these files were looked at, as far as its control file tells.
pub(super) fn has_changed(disk: &dyn Disk, dir: &Path, before: Option<State>) -> bool {
    Control::read(disk, dir).is_ok_and(|now| now.is_some() && now != before)
}

/// Before this place everything was on the medium: told by the control file, or by a checkpoint.
fn promised(disk: &dyn Disk, dir: &Path, salt: u64, state: Option<&State>) -> Result<Place> {
    let (checkpoint, _) = Index::open(disk, dir, salt)?;
    let places = [state.map(|state| state.end), checkpoint.map(|checkpoint| checkpoint.position)];
    Ok(places.into_iter().flatten().max().unwrap_or(Place { segment: 0, offset: 0 }))
}

fn segment_ids(disk: &dyn Disk, dir: &Path) -> Result<Vec<u32>> {
    let failed = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => no_store(dir),
        _ => failure::disk("cannot list", dir.display(), cause),
    };
    let mut ids = Vec::new();
    for entry in disk.list(dir).map_err(failed)? {
        ids.extend(segment::parse_name(&entry.map_err(failed)?.name));
    }
    ids.sort_unstable();
    Ok(ids)
}

fn no_store(dir: &Path) -> larder::Error {
    failure::error(ErrorKind::Invalid, format!("there is no pack in {}", dir.display()))
}

/// What the control file says.
fn control(disk: &dyn Disk, dir: &Path, expected: bool, damage: &mut Vec<Damage>) -> Result<Option<State>> {
    let path = dir.join("control");
    match Control::read(disk, dir) {
        Ok(Some(state)) => {
            for at in Control::damaged_slots(disk, dir)? {
                let what = "one of the two slots is damaged";
                damage.push(Damage::new(&path, what).at(at..at + 64));
            }
            Ok(Some(state))
        }
        Ok(None) if !expected => Err(no_store(dir)),
        Ok(None) => {
            damage.push(Damage::new(path, "the file is missing"));
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => Err(error),
        Err(error) => {
            damage.push(Damage::new(path, error.to_string()));
            Ok(None)
        }
    }
}

fn candidate(
    disk: &dyn Disk,
    layout: &Layout,
    id: u32,
    damage: &mut Vec<Damage>,
) -> Result<Option<Candidate>> {
    let file = match disk.open(&layout.segment(id), Mode::Read) {
        Ok(file) => Box::new(Lenient(file)),
        Err(cause) => {
            damage.push(Damage::new(layout.segment(id), format!("the file cannot be opened: {cause}")));
            return Ok(None);
        }
    };
    let (header, problem) = match SegmentHeader::read(&*file, id, None) {
        Ok(header) => (header, None),
        Err(error) if error.kind() == ErrorKind::Corrupt => (None, Some(error.to_string())),
        Err(error) => return Err(error),
    };
    Ok(Some(Candidate { id, file, header, problem }))
}

/// The salt of the store: what most of the files say. The checkpoints are asked if no other file says it.
fn salt(disk: &dyn Disk, layout: &Layout, state: Option<&State>, candidates: &[Candidate]) -> Result<u64> {
    let mut votes: Vec<u64> = state.iter().map(|state| state.salt).collect();
    votes.extend(
        candidates.iter().filter_map(|candidate| candidate.header.as_ref()).map(|header| header.salt),
    );
    if votes.is_empty() {
        votes = index::salts(disk, layout.root())?;
    }
    // Of equals, the first.
    let most = votes.iter().rev().max_by_key(|salt| votes.iter().filter(|vote| vote == salt).count());
    most.copied().ok_or_else(|| {
        let what = "control file, segments and checkpoints are damaged so that none tells the number of the store, \
                    without which nothing can be read; restore one of them from a copy";
        failure::corrupt(layout.root().display(), what)
    })
}
