//! What was last written here, for a few keys: the next update of a hot key then needs no read. It is
//! a guess, which the conditional write confirms or refutes; nobody is ever answered from it alone.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;

use super::shards::{SHARDS, Shards};
use super::update::Base;
use crate::key::Key;
use crate::limits;

#[derive(Default)]
pub(super) struct Remembered(Shards<Table>);

#[derive(Default)]
struct Table {
    entries: HashMap<Key, (u64, Base), RandomState>,
    /// Counts the insertions; the entry with the lowest number goes first.
    clock: u64,
}

/// How many keys a table has room for.
const ROOM: usize = limits::REMEMBERED_KEYS / SHARDS;

impl Remembered {
    pub(super) fn get(&self, key: &Key) -> Option<Base> {
        self.0.of(key).entries.get(key).map(|(_, base)| base.clone())
    }

    /// Remembers a state that was just written, unless it is too large for that.
    #[expect(
        clippy::disallowed_methods,
        reason = "no two entries have the same time, so the order does not matter"
    )]
    pub(super) fn keep(&self, key: &Key, base: Base) {
        if base.bytes() > limits::REMEMBERED_BYTES {
            return self.forget(key);
        }
        let mut table = self.0.of(key);
        table.clock += 1;
        let now = table.clock;
        if let Some(known) = table.entries.get_mut(key) {
            *known = (now, base);
            return;
        }
        if table.entries.len() >= ROOM {
            let oldest = table.entries.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            oldest.map(|key| table.entries.remove(&key));
        }
        table.entries.insert(key.clone(), (now, base));
    }

    pub(super) fn forget(&self, key: &Key) {
        let mut table = self.0.of(key);
        if !table.entries.is_empty() {
            table.entries.remove(key);
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remembered({})", self.0.sum(|table| table.entries.len()))
    }
}
