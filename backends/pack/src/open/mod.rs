//! Opening: take the lock, find the segments, find where the log ends, and bring the index up to there from the
//! last checkpoint, or from the beginning of the log if there is none.

mod covered;
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
use crate::index::{self, Index};
use crate::layout::Layout;
use crate::log::Log;
use crate::place::Place;
use crate::segment::Sealed;
use crate::shared::Shared;
use crate::usage::Usage;
use crate::writer::{Checkpoints, Extra};
use covered::Covered;

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
    /// By how much the writer sets the length of the newest segment ahead, in bytes.
    pub(crate) ahead: u64,
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
    let covered = Covered::find(&*at.disk, &at.layout, state.salt)?;
    let survey = Survey::of(&*at.disk, &at.layout, &state, covered.as_ref())?;
    let covered = covered.and_then(|covered| covered.check(&survey));
    let newest = index::numbers(&*at.disk, at.layout.root())?.first().copied();
    let number = newest.map_or(1, |number| number.saturating_add(1));
    let Replayed { shared, replay, position, swept } = replayed(&at, &state, &survey, covered)?;
    let Replay { mut usage, next_seq, blobs, .. } = replay;
    usage.retain(&survey.live);
    // What was written since says so only once its end was recorded.
    let clean = state.clean && survey.end == state.end;
    if !clean {
        // A killed process may have left them to be synced later.
        blobs.iter().for_each(|blob| shared.sync_blob_later(*blob));
    }
    let end = survey.end;
    let mut log = Log::open(&shared, end, survey.durable, next_seq, at.ahead)?;
    if !clean || log.was_cut() {
        // Nothing may be removed before that which replaced it is on the medium.
        log.write_again()?;
    }
    survey.remove_leftovers(&shared)?;
    sweep::blobs(&shared, &blobs, swept)?;
    usage.of(end.segment).total = end.offset;
    let checkpoints = Checkpoints::new(number, position);
    Ok(Opened { shared, log, control, usage, checkpoints })
}

/// Opens a store that is there, for reading what is published; returns where that ends.
pub(crate) fn open_read_only(at: Base, state: &State) -> Result<(Arc<Shared>, Followed)> {
    let covered = Covered::find(&*at.disk, &at.layout, state.salt)?;
    let survey = Survey::published(&*at.disk, &at.layout, state, covered.as_ref())?;
    read_to_end(&at, state, &survey, covered)
}

/// The index as opening the store would make it, and what it reads, for whoever knows which segments are live and
/// where the log ends.
pub(crate) fn index_at(at: Base, state: &State, sealed: Vec<Sealed>, end: Place) -> Result<Arc<Shared>> {
    let covered = Covered::find(&*at.disk, &at.layout, state.salt)?;
    read_to_end(&at, state, &Survey::known(sealed, end), covered).map(|(shared, _)| shared)
}

fn read_to_end(
    at: &Base,
    state: &State,
    survey: &Survey,
    covered: Option<Covered>,
) -> Result<(Arc<Shared>, Followed)> {
    let covered = covered.and_then(|covered| covered.check(survey));
    let Replayed { shared, replay, .. } = replayed(at, state, survey, covered)?;
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
fn replayed(base: &Base, state: &State, survey: &Survey, covered: Option<Covered>) -> Result<Replayed> {
    let position = covered.as_ref().map(Covered::position);
    let (index, extra) = match covered {
        Some(Covered { checkpoint, extra }) => (checkpoint.index, extra),
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
