//! What a [`FaultyDisk`](super::FaultyDisk) holds, which of its calls fail, and how.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A call on the disk or on one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Entry,
    SyncDir,
    ReadAt,
    ReadAtCached,
    WriteAt,
    SetLen,
    Len,
    Sync,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It has no effect, and fails.
    Fails(io::ErrorKind),
    /// It has its effect, and fails all the same.
    FailsAfter(io::ErrorKind),
    /// It reads or writes so many bytes at the most, and succeeds. No fault for other calls.
    Part(usize),
    /// It reads or writes so many bytes at the most, and fails. Other calls fail.
    PartThenFails(usize, io::ErrorKind),
    /// It reads or writes nothing, and succeeds. No fault for other calls.
    Nothing,
}

/// A fault, and the calls that it happens to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    /// Calls of this kind only.
    pub(crate) only: Option<Call>,
    /// So many of them are spared before.
    pub(crate) after: usize,
    /// So many of them meet it.
    pub(crate) times: usize,
}

impl Planned {
    /// Happens to the next call.
    pub(crate) fn next(fault: Fault) -> Planned {
        Planned { fault, only: None, after: 0, times: 1 }
    }

    pub(crate) fn on(self, call: Call) -> Planned {
        Planned { only: Some(call), ..self }
    }

    pub(crate) fn after(self, after: usize) -> Planned {
        Planned { after, ..self }
    }

    pub(crate) fn forever(self) -> Planned {
        Planned { times: usize::MAX, ..self }
    }
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File(Arc<Mutex<Vec<u8>>>),
    Dir,
    Other,
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(super) struct World {
    pub(super) nodes: BTreeMap<PathBuf, Node>,
    pub(super) calls: Vec<Call>,
    pub(super) plan: Vec<Planned>,
    pub(super) hooks: Vec<(Call, Hook)>,
    pub(super) fired: usize,
    pub(super) open: usize,
    /// What every file says of its length.
    pub(super) pretended_len: Option<u64>,
    /// Whether nothing can be read without waiting.
    pub(super) cold: bool,
}

impl World {
    /// Notes a call; tells what happens to it, and what to do before.
    pub(super) fn note(&mut self, call: Call) -> (Option<Fault>, Option<Hook>) {
        self.calls.push(call);
        let hook = self.hooks.iter().position(|(of, _)| *of == call).map(|index| self.hooks.remove(index).1);
        let data = matches!(call, Call::ReadAt | Call::ReadAtCached | Call::WriteAt);
        let mut met = None;
        for planned in &mut self.plan {
            if planned.only.is_some_and(|only| only != call) {
                continue;
            }
            if planned.after > 0 {
                planned.after -= 1;
            } else if planned.times > 0 {
                planned.times -= 1;
                if data || !matches!(planned.fault, Fault::Part(_) | Fault::Nothing) {
                    met = Some(planned.fault);
                }
            }
        }
        self.fired += usize::from(met.is_some());
        (met, hook)
    }
}
