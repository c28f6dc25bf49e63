//! The calls of a disk: their names, how often each was made, and the last of them as text.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::Path;

/// A call on the disk, or on something that it has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Opening a file.
    Open,
    /// Opening a file if that needs no waiting.
    OpenCached,
    /// Looking at a path.
    Entry,
    /// Renaming.
    Rename,
    /// Removing a file.
    Remove,
    /// Making a directory.
    CreateDir,
    /// Listing a directory.
    List,
    /// Syncing a directory.
    SyncDir,
    /// Opening a handle to sync everything by.
    Syncer,
    /// Opening a lock file.
    LockFile,
    /// Reading.
    ReadAt,
    /// Reading if that needs no waiting.
    ReadAtCached,
    /// Writing.
    WriteAt,
    /// Cutting or extending a file.
    SetLen,
    /// Asking for the length of a file.
    Len,
    /// Syncing a file.
    Sync,
    /// Syncing everything.
    SyncAll,
    /// Taking a lock, waiting for it.
    Lock,
    /// Taking a lock if it is free.
    TryLock,
    /// Letting a lock go.
    Unlock,
}

impl Call {
    /// All of them.
    pub const ALL: [Call; 20] = [
        Call::Open,
        Call::OpenCached,
        Call::Entry,
        Call::Rename,
        Call::Remove,
        Call::CreateDir,
        Call::List,
        Call::SyncDir,
        Call::Syncer,
        Call::LockFile,
        Call::ReadAt,
        Call::ReadAtCached,
        Call::WriteAt,
        Call::SetLen,
        Call::Len,
        Call::Sync,
        Call::SyncAll,
        Call::Lock,
        Call::TryLock,
        Call::Unlock,
    ];

    /// The name of the function of [`Disk`](larder::io::Disk) and its companions.
    pub const fn name(self) -> &'static str {
        match self {
            Call::Open => "open",
            Call::OpenCached => "open_cached",
            Call::Entry => "entry",
            Call::Rename => "rename",
            Call::Remove => "remove",
            Call::CreateDir => "create_dir",
            Call::List => "list",
            Call::SyncDir => "sync_dir",
            Call::Syncer => "syncer",
            Call::LockFile => "lock_file",
            Call::ReadAt => "read_at",
            Call::ReadAtCached => "read_at_cached",
            Call::WriteAt => "write_at",
            Call::SetLen => "set_len",
            Call::Len => "len",
            Call::Sync => "sync",
            Call::SyncAll => "sync_all",
            Call::Lock => "lock",
            Call::TryLock => "try_lock",
            Call::Unlock => "unlock",
        }
    }

    /// Whether it makes something durable.
    pub const fn is_sync(self) -> bool {
        matches!(self, Call::Sync | Call::SyncDir | Call::SyncAll)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// So many calls are kept as text.
const KEPT: usize = 256;

/// What has been called.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    counts: [u64; Call::ALL.len()],
    total: u64,
    kept: VecDeque<String>,
}

impl Calls {
    /// Counts a call; returns its number, from 1.
    pub(super) fn count(&mut self, call: Call) -> u64 {
        self.counts[call as usize] += 1;
        self.total += 1;
        self.total
    }

    pub(super) fn of(&self, call: Call) -> u64 {
        self.counts[call as usize]
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Keeps a call with how it ended.
    pub(super) fn keep(&mut self, number: u64, what: &str, failed: Option<&io::Error>) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(match failed {
            None => format!("{number} {what}"),
            Some(error) => format!("{number} {what}: {error}"),
        });
    }

    pub(super) fn kept(&self) -> Vec<String> {
        self.kept.iter().cloned().collect()
    }
}

/// A call as text.
pub(super) fn text(call: Call, path: &Path, detail: &str) -> String {
    format!("{call} {}{detail}", path.display())
}
