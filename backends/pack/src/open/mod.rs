//! Opening: take the lock, find the segments, find where the log ends, and bring the index up to there from the
//! last checkpoint, or from the beginning of the log if there is none.

mod create;
mod replay;
mod survey;
mod sweep;
mod unsynced;

use std::sync::Arc;

use larder::io::{Disk, DiskLock, Mode, Workers};
use larder::{Durability, ErrorKind, Result};

use crate::append_only_file::AppendOnlyFile;
use crate::control::{Control, State};
use crate::failure;
use crate::index::{self, Checkpoint, Index};
use crate::layout::Layout;
use crate::log::Log;
use crate::place::Place;
use crate::segment::Sealed;
use crate::shared::Shared;
use crate::usage::Usage;
use crate::writer::{Checkpoints, Extra};

pub(crate) use create::{create, refuse_foreign};
pub(crate) use replay::Replay;
use survey::Survey;
pub(crate) use survey::scan;

/// A store that was opened for writing.
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    pub(crate) control: Control,
    pub(crate) usage: Usage,
    pub(crate) checkpoints: Checkpoints,
}

/// How far another process's log is followed, and what is alive of it.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) end: Place,
    pub(crate) usage: Usage,
}

/// What both ways of opening begin with.
pub(crate) struct Base {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) durability: Durability,
    pub(crate) readers: Arc<Workers>,
}

/// Takes the lock of the one writer.
///
/// # Errors
/// `Locked`, naming who holds it, if another handle or process has it.
pub(crate) fn take_lock(disk: &dyn Disk, layout: &Layout, holder: Option<&str>) -> Result<Box<dyn DiskLock>> {
    let path = layout.lock();
    let failed = |cause| failure::disk("cannot lock", path.display(), cause);
    let lock = disk.lock_file(&path).map_err(failed)?;
    let (root, named) = (layout.root(), layout.holder());
    if !lock.try_lock().map_err(failed)? {
        let mut text = [0; 200];
        let read = disk
            .open(&named, Mode::Read)
            .and_then(|file| file.read_full_at(&mut text, 0))
            .unwrap_or_default();
        let holder = String::from_utf8_lossy(&text[..read]);
        let holder = holder.lines().next().filter(|line| !line.is_empty()).unwrap_or("another handle");
        let message = format!(
            "{} is open for writing by {holder}; close it there, or open it here for reading only",
            root.display()
        );
        return Err(failure::error(ErrorKind::Locked, message));
    }
    if let Some(holder) = holder {
        // For people only: what cannot be written is not missed.
        let write = || -> std::io::Result<()> {
            let file = disk.open(&named, Mode::Create).or_else(|_| disk.open(&named, Mode::Write))?;
            file.set_len(0)?;
            file.write_all_at(holder.as_bytes(), 0)
        };
        _ = write();
    }
    Ok(lock)
}

/// Opens a store that is there, for writing; the lock is held.
pub(crate) fn open(at: Base, control: Control, state: State) -> Result<Opened> {
    let Base { disk, layout, durability, readers } = at;
    let survey = Survey::of(&*disk, &layout, &state)?;
    let (survey, checkpoint) = survey.with_checkpoint(&*disk, &layout, state.salt)?;
    let newest = index::numbers(&*disk, layout.root())?.first().copied();
    let number = newest.map_or(1, |number| number.saturating_add(1));
    let base = Base { disk, layout, durability, readers };
    let Replayed { shared, replay, position, swept } = replayed(&base, &state, &survey, checkpoint)?;
    let Replay { mut usage, next_seq, blobs, .. } = replay;
    usage.retain(&survey.live);
    // What was appended since it was closed cleanly may not be on the medium, though it is read.
    let clean = state.clean && state.end == survey.end;
    if !clean {
        // A killed process may have left them to be synced later.
        blobs.iter().for_each(|blob| shared.sync_blob_later(*blob));
    }
    let end = survey.end;
    let durable = if state.end.segment == end.segment { state.end.offset } else { 0 };
    let mut log = Log::open(&shared, end, durable.min(end.offset), next_seq)?;
    if !clean {
        log.write_again()?;
    }
    // Nothing may be removed before that which replaced it is on the medium.
    log.fsync()?;
    survey.remove_leftovers(&shared)?;
    sweep::blobs(&shared, &blobs, swept)?;
    usage.of(end.segment).total = end.offset;
    let checkpoints = Checkpoints::new(number, position);
    Ok(Opened { shared, log, control, usage, checkpoints })
}

/// Opens a store that is there, for reading what is published; returns where that ends.
pub(crate) fn open_read_only(at: Base, state: &State) -> Result<(Arc<Shared>, Followed)> {
    let survey = Survey::published(&*at.disk, &at.layout, state)?;
    read_to_end(at, state, survey)
}

/// The index as opening the store would make it, and what it reads, for whoever knows which segments are live and
/// where the log ends.
pub(crate) fn index_at(at: Base, state: &State, sealed: Vec<Sealed>, end: Place) -> Result<Arc<Shared>> {
    read_to_end(at, state, Survey::known(sealed, end)).map(|(shared, _)| shared)
}

fn read_to_end(at: Base, state: &State, survey: Survey) -> Result<(Arc<Shared>, Followed)> {
    let Base { disk, layout, durability, readers } = at;
    let (survey, checkpoint) = survey.with_checkpoint(&*disk, &layout, state.salt)?;
    let base = Base { disk, layout, durability, readers };
    let Replayed { shared, replay, .. } = replayed(&base, state, &survey, checkpoint)?;
    let Replay { mut usage, .. } = replay;
    usage.retain(&survey.live);
    Ok((shared, Followed { end: survey.end, usage }))
}

/// The log, brought into an index.
struct Replayed {
    shared: Arc<Shared>,
    replay: Replay,
    /// How much of the log the checkpoint held.
    position: Option<Place>,
    /// The checkpoint tells which blobs below this number are to go.
    swept: u64,
}

/// Brings the index from a checkpoint to the end of the log, or from its beginning if there is none.
fn replayed(
    base: &Base,
    state: &State,
    survey: &Survey,
    checkpoint: Option<(Checkpoint, Extra)>,
) -> Result<Replayed> {
    let position = checkpoint.as_ref().map(|(checkpoint, _)| checkpoint.position);
    let (index, extra) = match checkpoint {
        Some((checkpoint, extra)) => (checkpoint.index, extra),
        None => (Index::new(state.salt), Extra::default()),
    };
    let (disk, readers) = (Arc::clone(&base.disk), Arc::clone(&base.readers));
    let shared =
        Arc::new(Shared::new(disk, base.layout.clone(), base.durability, state.salt, index, readers));
    let swept = extra.next_blob;
    let mut replay = Replay::new(&shared, extra, state);
    survey.register(&shared)?;
    match survey.replay(&mut replay, position) {
        Ok(()) => Ok(Replayed { shared, replay, position, swept }),
        Err(_) if replay.confused && position.is_some() => replayed(base, state, survey, None),
        Err(error) => Err(error),
    }
}

/// Opens a segment for reading, up to an end.
pub(crate) fn register(shared: &Shared, segment: u32, end: u64) -> Result<()> {
    let path = shared.layout.segment(segment);
    let file = AppendOnlyFile::open_ro(Arc::clone(&shared.disk), &path, end, 0)?;
    shared.segments.insert(segment, file.reader()?);
    Ok(())
}
