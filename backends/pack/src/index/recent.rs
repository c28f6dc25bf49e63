//! [`Recent`]: the keys that came and went since the last checkpoint, packed.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::packed;

/// Below so many entries nothing is put in order.
const FEW: usize = 256;

/// The keys that came and went since the last checkpoint. A key that came and went again stands in both,
/// each time: only how often counts, since coming and going take turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    added: Vec<u8>,
    removed: Vec<u8>,
    /// Entries in `added` and `removed`.
    entries: usize,
    /// So many entries were left when it was last put in order.
    ordered: usize,
}

/// A set of keys.
pub(super) type KeySet = HashSet<Box<[u8]>, FixedState>;

/// What [`Recent`] comes to.
#[derive(Debug)]
pub(super) struct Net {
    /// The keys, packed, that the checkpoint does not have.
    pub(super) added: Vec<u8>,
    /// The keys of the checkpoint that are gone.
    pub(super) removed: KeySet,
}

impl Recent {
    /// A key came.
    pub(super) fn add(&mut self, key: &[u8]) {
        push(&mut self.added, key);
        self.count();
    }

    /// A key went.
    pub(super) fn remove(&mut self, key: &[u8]) {
        push(&mut self.removed, key);
        self.count();
    }

    /// The bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.added.capacity() + self.removed.capacity()
    }

    /// What it comes to.
    pub(super) fn net(self) -> Net {
        let removed = KeySet::with_hasher(FixedState::default());
        if self.removed.is_empty() {
            return Net { added: self.added, removed };
        }
        let mut net = Net { added: Vec::new(), removed };
        self.each(
            |added| packed::put(&mut net.added, added),
            |removed| _ = net.removed.insert(removed.into()),
        );
        net
    }

    fn count(&mut self) {
        self.entries += 1;
        // A key that comes and goes all the time must not fill the memory.
        if self.entries >= self.ordered * 2 + FEW && !self.removed.is_empty() {
            let mut next = Recent::default();
            let (mut added, mut removed) = (0, 0);
            self.each(
                |key| {
                    push(&mut next.added, key);
                    added += 1;
                },
                |key| {
                    push(&mut next.removed, key);
                    removed += 1;
                },
            );
            next.entries = added + removed;
            next.ordered = next.entries;
            *self = next;
        }
    }

    /// Goes through what was added and not removed, and what was removed and not added, in the order in
    /// which they came.
    fn each(&self, mut added: impl FnMut(&[u8]), mut removed: impl FnMut(&[u8])) {
        let mut gone: HashMap<&[u8], usize, FixedState> = HashMap::default();
        for key in packed::keys(&self.removed) {
            *gone.entry(key).or_default() += 1;
        }
        for key in packed::keys(&self.added) {
            match gone.get_mut(key) {
                Some(times) if *times > 0 => *times -= 1,
                _ => added(key),
            }
        }
        for key in packed::keys(&self.removed) {
            if let Some(times) = gone.get_mut(key).filter(|times| **times > 0) {
                *times -= 1;
                removed(key);
            }
        }
    }
}

/// Adds a key, growing by a quarter.
fn push(out: &mut Vec<u8>, key: &[u8]) {
    if out.capacity() - out.len() < key.len() + 3 {
        out.reserve_exact((out.len() / 4).max(key.len() + 256));
    }
    packed::put(out, key);
}
