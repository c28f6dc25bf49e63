//! What all handles of one disk share, and the one way through which every call goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use super::calls::{self, Call, Calls};
use super::fault::{Fault, Sync, Twist, Where};
use super::recording::Recorder;
use super::state::{Ino, State};
use super::{Cached, SimDisk};
use crate::draw::Draws;

/// What kind of disk it is. A crash does not change that.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) draws: Draws,
    /// Bytes of files that fit on it.
    pub(super) capacity: Option<u64>,
    pub(super) cached: Cached,
    /// Syncs that report success and do nothing.
    pub(super) ignored: Vec<(Sync, Where)>,
    /// Locks that everyone can take.
    pub(super) ignored_locks: Vec<Where>,
    /// A rename is several changes.
    pub(super) tears_renames: bool,
    /// Whether everything can be synced at once.
    pub(super) syncs_all: bool,
    /// A sync that fails is made again.
    pub(super) retries_syncs: bool,
}

/// What a program has open.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) ino: Ino,
    pub(super) writes: bool,
    process: u64,
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) handle: u64,
    /// Whose waiting for it would never end.
    pub(super) thread: ThreadId,
}

type Hook = (Call, Where, Box<dyn FnOnce() + Send>);

/// The state of a disk, and of the programs that use it.
pub(super) struct World {
    pub(super) state: State,
    pub(super) settings: Settings,
    pub(super) handles: BTreeMap<u64, Handle>,
    pub(super) locks: BTreeMap<Ino, Holder>,
    pub(super) faults: Vec<Fault>,
    pub(super) fired: u64,
    pub(super) hooks: Vec<Hook>,
    pub(super) calls: Calls,
    pub(super) recorder: Option<Recorder>,
    pub(super) processes: u64,
    killed: BTreeSet<u64>,
    next_handle: u64,
}

/// A world that is shared.
pub(super) struct Shared {
    world: Mutex<World>,
    /// Told when a lock was let go.
    pub(super) unlocked: Condvar,
}

impl Shared {
    pub(super) fn new(settings: Settings, state: State) -> Shared {
        let world = World {
            state,
            settings,
            handles: BTreeMap::new(),
            locks: BTreeMap::new(),
            faults: Vec::new(),
            fired: 0,
            hooks: Vec::new(),
            calls: Calls::default(),
            recorder: None,
            processes: 1,
            killed: BTreeSet::new(),
            next_handle: 0,
        };
        Shared { world: Mutex::new(world), unlocked: Condvar::new() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    pub(super) fn open(&mut self, process: u64, ino: Ino, writes: bool) -> u64 {
        self.state.hold(ino);
        let id = self.next_handle;
        self.next_handle += 1;
        self.handles.insert(id, Handle { ino, writes, process });
        id
    }

    /// Closes a handle; its lock goes with it.
    pub(super) fn close(&mut self, id: u64) {
        if let Some(handle) = self.handles.remove(&id) {
            self.unlock(id, handle.ino);
            self.state.let_go(handle.ino);
        }
    }

    pub(super) fn unlock(&mut self, id: u64, ino: Ino) {
        if self.locks.get(&ino).is_some_and(|holder| holder.handle == id) {
            self.locks.remove(&ino);
        }
    }

    /// Takes a lock if it is free, or held by this handle already.
    pub(super) fn try_lock(&mut self, id: u64, ino: Ino, path: &Path) -> bool {
        match self.locks.get(&ino) {
            Some(holder) if holder.handle != id => {
                self.settings.ignored_locks.iter().any(|place| place.includes(path))
            }
            _ => {
                self.locks.insert(ino, Holder { handle: id, thread: std::thread::current().id() });
                true
            }
        }
    }

    /// Ends a process: its handles are gone.
    pub(super) fn kill(&mut self, process: u64) {
        self.killed.insert(process);
        let of = |(id, handle): (&u64, &Handle)| (handle.process == process).then_some(*id);
        let ids: Vec<u64> = self.handles.iter().filter_map(of).collect();
        ids.into_iter().for_each(|id| self.close(id));
    }

    /// Whether a sync of this path is one that does nothing.
    pub(super) fn ignores(&self, call: Call, path: &Path) -> bool {
        self.settings.ignored.iter().any(|(sync, place)| sync.is(call) && place.includes(path))
    }

    fn is_killed(&self, process: u64) -> bool {
        self.killed.contains(&process)
    }

    /// What happens to this call. Every fault counts it.
    fn twist(&mut self, call: Call, path: &Path) -> Option<Twist> {
        let mut twist = None;
        for fault in &mut self.faults {
            if fault.meets(call, path) && twist.is_none() {
                twist = Some(fault.twist.clone());
            }
        }
        self.fired += u64::from(twist.is_some());
        twist
    }
}

impl SimDisk {
    /// Makes a sync, as [`call`](SimDisk::call) does: twice, if the first fails and that is the way here.
    pub(super) fn sync_call(
        &self,
        call: Call,
        path: &Path,
        ino: impl Fn(&World) -> io::Result<Ino>,
    ) -> io::Result<()> {
        let sync = || {
            self.call(call, path, "", |world, twist| {
                let ino = ino(world)?;
                world.sync(call, path, twist, ino)
            })
        };
        let again = self.shared.world().settings.retries_syncs;
        sync().or_else(|error| if again { sync() } else { Err(error) })
    }

    /// Makes a call: counts it, lets a fault happen to it, notes it, and keeps the state after it if a
    /// recording is under way. `effect` gets what a fault leaves to it.
    pub(super) fn call<T>(
        &self,
        call: Call,
        path: &Path,
        detail: &str,
        effect: impl FnOnce(&mut World, Option<&Twist>) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let hook = {
                let mut world = self.shared.world();
                let found = world.hooks.iter().position(|(on, place, _)| *on == call && place.includes(path));
                found.map(|at| world.hooks.remove(at).2)
            };
            // Outside of the lock: it may use the disk.
            match hook {
                Some(hook) => hook(),
                None => break,
            }
        }
        let mut world = self.shared.world();
        if world.is_killed(self.process) {
            return Err(io::Error::other("this process was killed"));
        }
        let number = world.calls.count(call);
        let before = world.state.version;
        let result = match world.twist(call, path) {
            Some(Twist::Before(failure)) => Err(failure.into()),
            Some(Twist::After(failure)) => effect(&mut world, None).and_then(|_| Err(failure.into())),
            twist => effect(&mut world, twist.as_ref()),
        };
        let text = calls::text(call, path, detail);
        world.calls.keep(number, &text, result.as_ref().err());
        if world.state.version != before {
            let World { recorder, state, .. } = &mut *world;
            if let Some(recorder) = recorder {
                recorder.add(call, text, state);
            }
        }
        result
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}
