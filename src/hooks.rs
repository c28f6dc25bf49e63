//! Write hooks: functions that are told of every write after it succeeded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::document::Document;
use crate::path::Path;

/// What kind of write it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A whole entry was replaced.
    Assoc,
    /// A value below the top was set.
    AssocIn,
    /// A value was computed from the one before.
    UpdateIn,
    /// An entry was removed.
    Dissoc,
    /// A binary was stored.
    Bassoc,
    /// An element was appended to a log.
    Append,
}

/// A write that succeeded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WriteEvent {
    /// What kind of write.
    pub operation: Operation,
    /// Where.
    pub path: Path,
    /// The new value at the path; `None` after a removal, and for binaries.
    pub value: Option<Document>,
    /// The revision of the entry after this write; `None` after a removal, and for logs. Writers of
    /// one key that run side by side tell their hooks in any order: the higher revision is later.
    pub rev: Option<u64>,
}

impl WriteEvent {
    /// An event, for those who implement [`Store`](crate::Store) themselves.
    pub fn new(operation: Operation, path: Path, value: Option<Document>, rev: Option<u64>) -> WriteEvent {
        WriteEvent { operation, path, value, rev }
    }
}

/// Names a hook, to remove it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookId(u64);

type Hook = Arc<dyn Fn(&WriteEvent) + Send + Sync>;

/// The hooks of a store. They run in the task that wrote, after the write; a panic in one is that
/// task's panic and leaves the store usable.
#[derive(Default)]
pub struct Hooks {
    registered: RwLock<Registered>,
    /// How many there are: most stores have none, and every write asks.
    count: AtomicUsize,
}

#[derive(Default)]
struct Registered {
    next: u64,
    hooks: BTreeMap<u64, Hook>,
}

impl Hooks {
    /// No hooks yet.
    pub fn new() -> Hooks {
        Hooks::default()
    }

    /// Adds a hook.
    pub fn add(&self, hook: impl Fn(&WriteEvent) + Send + Sync + 'static) -> HookId {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        let id = registered.next;
        registered.next += 1;
        registered.hooks.insert(id, Arc::new(hook));
        self.count.store(registered.hooks.len(), Ordering::Release);
        HookId(id)
    }

    /// Removes a hook; tells whether it was there.
    pub fn remove(&self, id: HookId) -> bool {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        let removed = registered.hooks.remove(&id.0).is_some();
        self.count.store(registered.hooks.len(), Ordering::Release);
        removed
    }

    /// Tells every hook, in the order in which they were added. The event is made only if there is
    /// one to tell.
    pub fn tell(&self, event: impl FnOnce() -> WriteEvent) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let hooks: Vec<Hook> = {
            let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
            registered.hooks.values().map(Arc::clone).collect()
        };
        if hooks.is_empty() {
            return;
        }
        let event = event();
        hooks.iter().for_each(|hook| hook(&event));
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.count.load(Ordering::Acquire))
    }
}
