//! What was last written here: the next update of such a key then needs no read. It is
//! a guess, which the conditional write confirms or refutes; nobody is ever answered from it alone.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::generations::{Generations, Limits};
use super::odds::Odds;
use super::shards::{SHARDS, Shards};
use super::update::Base;
use crate::key::Key;
use crate::limits;

#[derive(Default)]
pub(super) struct Remembered {
    tables: Shards<Generations<Key, Base>>,
    /// Whether anything was ever kept: who never updates pays for none of this.
    used: AtomicBool,
    /// Poor where others write the same keys.
    odds: Odds,
}

const GENERATION: Limits =
    Limits { entries: usize::MAX, weight: limits::REMEMBERED_TOTAL_BYTES / SHARDS / 2 };

impl Remembered {
    /// What this key may still be: `None` if it is better to read it.
    pub(super) fn guess(&self, key: &Key) -> Option<Base> {
        if !self.used.load(Relaxed) {
            return None;
        }
        let base = self.tables.of(key).get(key)?.clone();
        self.odds.are_good().then_some(base)
    }

    /// Whether the last guess was right.
    pub(super) fn judge(&self, right: bool) {
        self.odds.judge(right);
    }

    /// Remembers a state that was just written, unless it is too large for that.
    pub(super) fn keep(&self, key: &Key, base: Base) {
        if base.weight() > limits::REMEMBERED_BYTES {
            return self.forget(key);
        }
        self.used.store(true, Relaxed);
        self.tables.of(key).insert(key.clone(), base, &GENERATION, Base::weight);
    }

    pub(super) fn forget(&self, key: &Key) {
        if self.used.load(Relaxed) {
            self.tables.of(key).remove(key, Base::weight);
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remembered({})", self.tables.sum(Generations::len))
    }
}
