//! Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler
//! with Probabilistic Guarantees of Finding Bugs, ASPLOS 2010).

use std::collections::{BTreeMap, BTreeSet};

use super::{Ready, Schedule};
use crate::draw::{Draws, below};

/// Every task has a priority of chance, and the highest that is ready runs; at a few random steps the
/// task that would run falls below all others. A bug that needs `depth` events in one order, in a run of
/// `steps` choices among `n` tasks, is found with a chance of at least `1 / (n * steps^(depth - 1))`.
///
/// A task that is picked 64 times on end while others are ready falls too: one that waits by yielding
/// would keep those out for which it waits.
#[derive(Clone, Debug)]
pub struct Pct {
    draws: Draws,
    changes: BTreeSet<u64>,
    /// Of the tasks that have fallen, by key; the lower, the later.
    fallen: BTreeMap<u64, u64>,
    step: u64,
    last: (u64, u32),
}

/// How often on end a task may be picked.
const PATIENCE: u32 = 64;

impl Pct {
    /// The choices of this seed.
    pub fn new(seed: u64, depth: u32, steps: u64) -> Pct {
        let draws = Draws::new(seed).domain("pct");
        let places = draws.domain("changes");
        let changes = (1..u64::from(depth)).map(|n| below(places.at(n), steps)).collect();
        Pct { draws: draws.domain("priorities"), changes, fallen: BTreeMap::new(), step: 0, last: (0, 0) }
    }

    fn priority(&self, key: u64) -> u64 {
        // Those that never fell stand in the upper half.
        self.fallen.get(&key).copied().unwrap_or_else(|| self.draws.of(key).at(0) | 1 << 63)
    }

    fn highest(&self, ready: &Ready<'_>) -> usize {
        // Of equals the first.
        (0..ready.len()).rev().max_by_key(|place| self.priority(ready.key(*place))).unwrap_or(0)
    }

    fn fall(&mut self, key: u64) {
        self.fallen.insert(key, (1 << 63) - 1 - self.step);
    }
}

impl Schedule for Pct {
    fn pick(&mut self, ready: &Ready<'_>) -> usize {
        let first = self.highest(ready);
        let key = ready.key(first);
        self.last = if self.last.0 == key { (key, self.last.1 + 1) } else { (key, 1) };
        let falls = self.changes.contains(&self.step) || self.last.1 > PATIENCE;
        if falls {
            self.fall(key);
            self.last = (0, 0);
        }
        self.step += 1;
        if falls { self.highest(ready) } else { first }
    }
}
