//! [`SimDisk`]: a disk that can crash, fail, fill up and rot, as an implementation of
//! [`larder::io::Disk`].
//!
//! # What is on it
//!
//! Every file and directory is there twice: as programs see it, and as the medium has it. Between the two
//! are the sectors that were written and not synced, and the changes of names that no directory sync has
//! made durable. An open file is a node, not a path: it stays itself when it is renamed or removed.
//!
//! # What a crash leaves
//!
//! [`SimDisk::crash_states`] goes through all that a power cut may leave at the present moment, under a
//! [`CrashModel`]. [`SimDisk::record`] makes every call of a run such a moment, and [`Exploration`] visits
//! every state of every point of a recording and judges each, also through crashes while one is recovered
//! from.
//!
//! ```
//! use std::path::Path;
//! use larder::io::{Disk, Mode};
//! use larder_simulated::disk::{CrashModel, SimDisk};
//!
//! let disk = SimDisk::new(7);
//! let file = disk.open(Path::new("/new"), Mode::Create)?;
//! file.write_all_at(b"text", 0)?;
//! file.sync()?;
//! // The data is on the medium, but the name need not be: no directory was synced.
//! let left: Vec<usize> =
//!     disk.crash_states(CrashModel::Adversarial, 100).map(|image| image.files().len()).collect();
//! assert_eq!(left, [0, 1]);
//! // A file system whose journal is written in order has made the name durable together with the data.
//! let left: Vec<usize> =
//!     disk.crash_states(CrashModel::Ordered, 100).map(|image| image.files().len()).collect();
//! assert_eq!(left, [1]);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What goes wrong
//!
//! [`SimDisk::inject`] makes chosen calls fail, before or after their effect, or do less than they were
//! asked to, or lose what they should have kept. [`SimDisk::rot`] changes bytes on the medium.
//! [`SimDisk::ignoring`] makes a disk that does not do what it says: what a test of crashes must notice.
//!
//! Everything is decided by the seed, and by the calls that are made.

mod calls;
mod content;
mod crash;
mod durable;
mod explore;
mod fault;
mod handles;
mod names;
mod open;
mod recording;
mod state;
mod world;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::draw::{Draws, Ratio};

pub use calls::Call;
pub use crash::{CrashModel, CrashStates};
pub use explore::{Crash, Exploration, Explored, Violation};
pub use fault::{Failure, Fault, Sync, Where};
pub use recording::Recording;

use state::State;
use world::{Settings, Shared};

/// A disk. Clones are the same disk, used by the same process.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Shared>,
    process: u64,
}

/// Whether what is asked for without waiting is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// Everything is in the cache.
    Always,
    /// Nothing is.
    Never,
    /// By chance, for each call.
    Sometimes(Ratio),
}

/// The sector size of a new disk, in bytes.
const SECTOR: usize = 512;

impl SimDisk {
    /// An empty disk with sectors of 512 bytes and room without end, on which everything is cached.
    pub fn new(seed: u64) -> SimDisk {
        let settings = Settings {
            draws: Draws::new(seed).domain("disk"),
            capacity: None,
            cached: Cached::Always,
            ignored: Vec::new(),
            ignored_locks: Vec::new(),
            tears_renames: false,
            syncs_all: true,
            retries_syncs: false,
        };
        SimDisk::of(settings, State::new(SECTOR))
    }

    fn of(settings: Settings, state: State) -> SimDisk {
        SimDisk { shared: Arc::new(Shared::new(settings, state)), process: 0 }
    }

    fn set(self, set: impl FnOnce(&mut Settings)) -> SimDisk {
        set(&mut self.shared.world().settings);
        self
    }

    /// How many bytes the medium writes whole or not at all: 512 or 4096, usually. For a disk that is
    /// still empty.
    #[must_use]
    pub fn sector(self, bytes: usize) -> SimDisk {
        self.shared.world().state.sector = bytes.max(1);
        self
    }

    /// How many bytes of files fit on it: then calls end with `StorageFull`. What is removed is free
    /// again when nobody has it open any more.
    #[must_use]
    pub fn capacity(self, bytes: u64) -> SimDisk {
        self.set(|settings| settings.capacity = Some(bytes))
    }

    /// Whether calls that must not wait for the medium find what they ask for.
    #[must_use]
    pub fn cached(self, cached: Cached) -> SimDisk {
        self.set(|settings| settings.cached = cached)
    }

    /// Everything cannot be synced at once: `sync_all` is `Unsupported`.
    #[must_use]
    pub fn without_sync_all(self) -> SimDisk {
        self.set(|settings| settings.syncs_all = false)
    }

    /// A disk that does not do what it says: syncs of this kind report success and do nothing. Whoever
    /// uses it behaves as if it had forgotten them, so a test of crashes has to fail. It stays so after a
    /// crash.
    #[must_use]
    pub fn ignoring(self, sync: Sync) -> SimDisk {
        self.ignoring_within(sync, Where::Anywhere)
    }

    /// The same for some paths only.
    #[must_use]
    pub fn ignoring_within(self, sync: Sync, place: Where) -> SimDisk {
        self.set(|settings| settings.ignored.push((sync, place)))
    }

    /// A disk on which the locks at these paths keep nobody out.
    #[must_use]
    pub fn ignoring_locks(self, place: Where) -> SimDisk {
        self.set(|settings| settings.ignored_locks.push(place))
    }

    /// A disk on which a crash may leave a rename half done: the file that it replaces is gone, and the new
    /// one has either name, both or none.
    #[must_use]
    pub fn tearing_renames(self) -> SimDisk {
        self.set(|settings| settings.tears_renames = true)
    }

    /// A disk whose user tries a sync that fails again, and believes the second answer: what nobody may
    /// do, since the first may have [lost](Fault::loses) the data.
    #[must_use]
    pub fn retrying_syncs(self) -> SimDisk {
        self.set(|settings| settings.retries_syncs = true)
    }

    /// The same disk, as another process uses it.
    #[must_use]
    pub fn process(&self) -> SimDisk {
        let mut world = self.shared.world();
        let process = world.processes;
        world.processes += 1;
        SimDisk { shared: Arc::clone(&self.shared), process }
    }

    /// Kills this process: its locks are let go and its files closed, and whatever it still calls fails.
    /// What it has written stays.
    pub fn kill(&self) {
        self.shared.world().kill(self.process);
        self.shared.unlocked.notify_all();
    }

    /// A copy of the disk as it is now, with what is not durable yet, but without any process: nothing is
    /// open, and no lock is held. So a new process would find it if all were killed.
    #[must_use]
    pub fn fork(&self) -> SimDisk {
        let world = self.shared.world();
        SimDisk::of(world.settings.clone(), world.state.without_handles())
    }

    /// Makes everything durable, whatever is ignored: what an orderly shutdown does.
    pub fn settle(&self) {
        self.shared.world().state.sync_all();
    }

    /// What a power cut may leave now, as disks of their own: each state once, all of them if there are
    /// no more than `cap` (at least one), and otherwise the most telling and then some by chance.
    pub fn crash_states(&self, model: CrashModel, cap: usize) -> CrashStates {
        let world = self.shared.world();
        CrashStates::new(&world.settings, &world.state, model, cap, world.calls.total())
    }

    /// Begins a recording: from now on every call that changes anything is a point of it. One that was
    /// under way is given up.
    pub fn record(&self) {
        let mut world = self.shared.world();
        world.recorder = Some(recording::Recorder::new(&world.state));
    }

    /// Ends the recording; one that was never begun has only this one point.
    pub fn recorded(&self) -> Recording {
        let mut world = self.shared.world();
        let recorder = world.recorder.take().unwrap_or_else(|| recording::Recorder::new(&world.state));
        recorder.end(world.settings.clone())
    }

    /// Marks the present point of the recording, and returns the number of the mark, from 0: that an
    /// operation began, or that it was acknowledged.
    pub fn mark(&self) -> usize {
        self.shared.world().recorder.as_mut().map_or(0, recording::Recorder::mark)
    }

    /// Lets a fault happen from now on.
    pub fn inject(&self, fault: Fault) {
        self.shared.world().faults.push(fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.shared.world().faults.clear();
    }

    /// How many calls a fault has happened to.
    pub fn faults_fired(&self) -> u64 {
        self.shared.world().fired
    }

    /// Runs something just before the next call of this kind about one of these paths: what another
    /// process does meanwhile, say.
    pub fn before(&self, call: Call, place: Where, hook: impl FnOnce() + Send + 'static) {
        self.shared.world().hooks.push((call, place, Box::new(hook)));
    }

    /// How many calls of this kind were made.
    pub fn calls(&self, call: Call) -> u64 {
        self.shared.world().calls.of(call)
    }

    /// How many calls were made.
    pub fn total_calls(&self) -> u64 {
        self.shared.world().calls.total()
    }

    /// The last calls, with their numbers and errors: for the message of a test that fails.
    pub fn trace(&self) -> Vec<String> {
        self.shared.world().calls.kept()
    }

    /// Bytes that the files take which have a name or are open, in whole sectors.
    pub fn used(&self) -> u64 {
        self.shared.world().state.used()
    }

    /// All files as programs see them, by path, with their bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let world = self.shared.world();
        let mut found = Vec::new();
        world.state.walk(state::ROOT, Path::new("/"), &mut |path, file| {
            found.push((path.to_owned(), file.live.bytes()));
        });
        found
    }

    /// The bytes of a file, as programs see them.
    ///
    /// # Errors
    /// As those of opening it.
    pub fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let world = self.shared.world();
        let ino = world.state.find(path)?;
        world.state.file(ino).map(|file| file.live.bytes()).ok_or_else(|| io::ErrorKind::IsADirectory.into())
    }

    /// Puts other bytes into a file behind everyone's back, durably.
    ///
    /// # Errors
    /// As those of opening it.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.shared.world();
        let ino = world.state.find(path)?;
        if world.state.is_dir(ino) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        world.state.replace(ino, bytes);
        Ok(())
    }

    /// Flips the bits of `mask` in one byte of a file, on the medium and for whoever reads it. Tells
    /// whether the file is as long.
    ///
    /// # Errors
    /// As those of opening it.
    pub fn rot(&self, path: &Path, offset: u64, mask: u8) -> io::Result<bool> {
        let mut bytes = self.bytes(path)?;
        let Some(byte) = usize::try_from(offset).ok().and_then(|at| bytes.get_mut(at)) else {
            return Ok(false);
        };
        *byte ^= mask;
        self.replace(path, &bytes)?;
        Ok(true)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("process", &self.process).finish_non_exhaustive()
    }
}
