//! FIFO, but for a list of deviations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ready, Schedule};

/// One task overtook others once.
///
/// It names the task by [`Ready::key`] and the poll by its number, not the step of the run: leaving
/// something else out of the run leaves it meaning what it meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Deviation {
    /// The key of the task.
    pub task: u64,
    /// How often it had been polled before.
    pub poll: u64,
    /// How many others that had been ready for longer it overtook.
    pub overtakes: u32,
}

/// FIFO, but for these deviations. A schedule recorded as deviations is replayed exactly; deviations
/// that never apply do nothing.
#[derive(Clone, Debug, Default)]
pub struct Replay(BTreeMap<(u64, u64), u32>);

impl Replay {
    /// These deviations.
    pub fn new(deviations: impl IntoIterator<Item = Deviation>) -> Replay {
        Replay(deviations.into_iter().map(|it| ((it.task, it.poll), it.overtakes)).collect())
    }
}

impl Schedule for Replay {
    /// The last of those that stand no further back than where they overtook from. In the recorded
    /// run itself only the one that was picked does: whatever is picked later, from place `p`, stands
    /// behind `p` now, or it stands at `p` or before it and what is picked now stands further back.
    fn pick(&mut self, ready: &Ready<'_>) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let overtakes = |place: &usize| {
            self.0.get(&(ready.key(*place), ready.polls(*place))).is_some_and(|from| *place <= *from as usize)
        };
        (1..ready.len()).rev().find(overtakes).unwrap_or(0)
    }
}
