//! The control file: where the durable log ends, in two checksummed slots, of which one is always whole
//! on the medium. The bytes are in `docs/format.md`.

mod slot;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use larder::io::{Disk, DiskFile, EntryKind, Mode};
use larder::{ErrorKind, Result};

use crate::failure;
use crate::place::Place;
use slot::Slot;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The salt of the store: it never changes.
    pub(crate) salt: u64,
    /// What lies before this place is durable.
    pub(crate) end: Place,
    /// What lies before this offset of the same segment may be read by others: it survives a killed process.
    pub(crate) published: u64,
    /// Whether the store was closed, and nothing was written since. Then the log ends at `end`; otherwise
    /// it ends there or later.
    pub(crate) clean: bool,
    /// The `seq` that the next frame gets; if it is not clean, at least this.
    pub(crate) seq: u64,
}

/// The open control file.
#[derive(Debug)]
pub(crate) struct Control {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    /// The sequence of the newest slot.
    sequence: u64,
    /// The slot that is durable. It is left alone until the other one is.
    durable: usize,
    /// Whether the other slot was written since.
    dirty: bool,
    /// Whether the other slot was damaged when this was opened.
    alone: bool,
    /// What the newest slot says, if that is known: a write that failed may have written something.
    recorded: Option<State>,
    /// Whether the slot that was found may not be durable: it is synced before the other one is touched.
    unsure: bool,
    /// Whether that sync failed. Then nothing is written any more.
    failed: bool,
}

const NAME: &str = "control";
/// What it is called until it is whole.
const UNFINISHED: &str = "control.tmp";
/// From one slot to the next, in bytes. No sector of a medium is larger.
const APART: usize = 4096;
/// A reader that finds a slot torn reads so many times at the most: the writer may be writing it.
const READS: usize = 16;

impl Control {
    /// Creates the control file of a store in a directory, durably: once this has succeeded it is there, and
    /// if it has not, it is there whole or not at all. The caller holds the store's lock.
    ///
    /// # Errors
    ///
    /// `Invalid` if there is one; those of the disk.
    pub(crate) fn create(disk: &dyn Disk, dir: &Path, state: &State) -> Result<Control> {
        let path = dir.join(NAME);
        if look(disk, &path)?.is_some() {
            let message = format!("{}: there is a store already; open it", path.display());
            return Err(failure::error(ErrorKind::Invalid, message));
        }
        let unfinished = dir.join(UNFINISHED);
        if look(disk, &unfinished)?.is_some() {
            disk.remove(&unfinished).map_err(failed("cannot remove", &unfinished))?;
        }
        let mut bytes = vec![0; 2 * APART];
        for (at, sequence) in [(0, 1), (APART, 0)] {
            bytes[at..at + Slot::LEN].copy_from_slice(&Slot { sequence, state: *state }.encode());
        }
        let file = disk.open(&unfinished, Mode::Create).map_err(failed("cannot create", &unfinished))?;
        file.write_all_at(&bytes, 0).map_err(failed("cannot write", &unfinished))?;
        file.sync().map_err(failed("cannot sync", &unfinished))?;
        disk.rename(&unfinished, &path).map_err(failed("cannot rename", &unfinished))?;
        disk.sync_dir(dir).map_err(failed("cannot sync", dir))?;
        let recorded = Some(*state);
        Ok(Control { sequence: 1, recorded, ..Control::new(file, path) })
    }

    fn new(file: Box<dyn DiskFile>, path: PathBuf) -> Control {
        Control {
            file,
            path,
            sequence: 0,
            durable: 0,
            dirty: false,
            alone: false,
            recorded: None,
            unsure: false,
            failed: false,
        }
    }

    /// Opens the control file, for writing or for reading only; `None` if there is none. For writing, the
    /// caller holds the store's lock, and what is there is made durable: at once, or, if it is clean, before
    /// anything else is recorded. (Who recorded a clean state had made the name of the file durable.)
    ///
    /// If a slot is damaged, the other one counts, and is never `clean`: the damaged one may have been newer.
    ///
    /// # Errors
    ///
    /// `Corrupt` if no slot is valid, or they are not of one store; `Unsupported` if another version wrote
    /// one; those of the disk.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, writing: bool) -> Result<Option<(Control, State)>> {
        let path = dir.join(NAME);
        match look(disk, &path)? {
            Some(EntryKind::File) => {}
            Some(EntryKind::Dir | EntryKind::Other) => {
                return Err(failure::corrupt(path.display(), "no file; move it away"));
            }
            None => return Ok(None),
        }
        let mode = if writing { Mode::Write } else { Mode::Read };
        let file = disk.open(&path, mode).map_err(failed("cannot open", &path))?;
        let mut control = Control::new(file, path);
        let state = control.newest()?;
        if writing && state.clean {
            control.unsure = true;
        } else if writing {
            control.file.sync().map_err(failed("cannot sync", &control.path))?;
            // Whoever made it may have been killed before its name was durable.
            disk.sync_dir(dir).map_err(failed("cannot sync", dir))?;
        }
        Ok(Some((control, state)))
    }

    /// What is recorded now, for those who only follow; `None` if there is no control file.
    ///
    /// # Errors
    ///
    /// As for [`open`](Control::open).
    pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<State>> {
        Ok(Control::open(disk, dir, false)?.map(|(_, state)| state))
    }

    /// Where slots begin that are damaged, and stay so when they are read again.
    ///
    /// # Errors
    ///
    /// As for [`open`](Control::open).
    pub(crate) fn damaged_slots(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>> {
        let Some((control, _)) = Control::open(disk, dir, false)? else { return Ok(Vec::new()) };
        let mut damaged = vec![0, APART];
        for _ in 0..READS {
            let slots = control.slots()?;
            damaged.retain(|at| slots[at / APART].is_none());
        }
        Ok(damaged.into_iter().map(|at| at as u64).collect())
    }

    /// What is recorded now, and nothing that was recorded earlier: for those who cannot find the end of the log by
    /// themselves, since somebody may be writing it.
    ///
    /// # Errors
    ///
    /// As for [`open`](Control::open); `Corrupt` if a slot is damaged, and stays so.
    pub(crate) fn read_newest(disk: &dyn Disk, dir: &Path) -> Result<Option<State>> {
        let Some((control, state)) = Control::open(disk, dir, false)? else { return Ok(None) };
        if control.alone {
            let what =
                "one of its two slots is damaged, maybe the newer one; open the store for writing once";
            return Err(failure::corrupt(control.path.display(), what));
        }
        Ok(Some(state))
    }

    /// Writes a state into the slot that is not known to be durable; what it says is durable must be.
    /// It is seen by readers at once. After a crash it is there, or one that was recorded earlier, but none
    /// from before the last [`sync`](Control::sync). If nothing has changed since it was recorded, it stays as it
    /// is, and clean if it was.
    ///
    /// # Errors
    ///
    /// Those of writing; the other slot is untouched. Those of syncing what was found at opening, before the first
    /// write; from then on nothing is written.
    pub(crate) fn record(&mut self, state: &State) -> Result<()> {
        if self
            .recorded
            .is_some_and(|recorded| recorded == *state || recorded == State { clean: true, ..*state })
        {
            return Ok(());
        }
        self.make_sure()?;
        let sequence = self.sequence.saturating_add(1);
        let other = 1 - self.durable;
        // Even a write that failed may have written something.
        self.dirty = true;
        self.sequence = sequence;
        self.recorded = None;
        let bytes = Slot { sequence, state: *state }.encode();
        let written = self.file.write_all_at(&bytes, (other * APART) as u64);
        written.map_err(failed("cannot write", &self.path))?;
        self.recorded = Some(*state);
        Ok(())
    }

    /// Makes durable what was found, once.
    fn make_sure(&mut self) -> Result<()> {
        if self.failed {
            let cause = io::Error::other("an earlier sync of it failed");
            return Err(failed("cannot write", &self.path)(cause));
        }
        if std::mem::take(&mut self.unsure) {
            let synced = self.file.sync().map_err(failed("cannot sync", &self.path));
            self.failed = synced.is_err();
            return synced;
        }
        Ok(())
    }

    /// Makes the state that was recorded last durable.
    ///
    /// # Errors
    ///
    /// Those of syncing: what the medium has is then not known, except that one slot of it is whole.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.dirty {
            self.file.sync().map_err(failed("cannot sync", &self.path))?;
            self.durable = 1 - self.durable;
            self.dirty = false;
        }
        Ok(())
    }

    /// Reads both slots and takes the newer one as the durable one.
    fn newest(&mut self) -> Result<State> {
        let mut slots = self.slots()?;
        for _ in 1..READS {
            if slots.iter().all(Option::is_some) {
                break;
            }
            slots = self.slots()?;
        }
        let (durable, slot, alone) = match slots {
            [Some(a), Some(b)] if a.state.salt != b.state.salt => {
                let what =
                    "its two slots are of different stores; restore it from a copy, or repair the store";
                return Err(failure::corrupt(self.path.display(), what));
            }
            [Some(a), Some(b)] if a.sequence >= b.sequence => (0, a, false),
            [Some(_), Some(b)] => (1, b, false),
            [Some(a), None] => (0, a, true),
            [None, Some(b)] => (1, b, true),
            [None, None] => {
                let what = "both slots are damaged; restore it from a copy, or repair the store";
                return Err(failure::corrupt(self.path.display(), what));
            }
        };
        self.durable = durable;
        self.sequence = slot.sequence;
        self.alone = alone;
        let state = State { clean: slot.state.clean && !alone, ..slot.state };
        // The other slot is to be made whole.
        self.recorded = (!alone).then_some(state);
        Ok(state)
    }

    fn slots(&self) -> Result<[Option<Slot>; 2]> {
        let mut bytes = [0; APART + Slot::LEN];
        let read = self.file.read_full_at(&mut bytes, 0).map_err(failed("cannot read", &self.path))?;
        let slot = |at: usize| match bytes[..read].get(at..at + Slot::LEN) {
            Some(bytes) => Slot::decode(bytes, &self.path),
            None => Ok(None),
        };
        Ok([slot(0)?, slot(APART)?])
    }
}

fn look(disk: &dyn Disk, path: &Path) -> Result<Option<EntryKind>> {
    disk.entry(path).map_err(failed("cannot look at", path))
}

/// Names the file of a call that failed.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> larder::Error {
    move |cause| failure::disk(doing, path.display(), cause)
}
