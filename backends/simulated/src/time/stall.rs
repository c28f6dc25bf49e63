//! How a run ends that would otherwise never end.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::Nanos;
use super::limits::Limit;

/// A run that cannot or should not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Nothing is ready, nobody waits for an instant, nothing real is in flight: whatever still waits
    /// waits for something that will never come.
    Deadlock {
        /// When.
        at: Nanos,
        /// All tasks that wait, in the order of spawning.
        tasks: Vec<Waiting>,
    },
    /// Much happens, and time does not go on.
    Livelock {
        /// When.
        at: Nanos,
        /// All tasks, the busiest first.
        tasks: Vec<Waiting>,
    },
    /// The run has gone on for too long.
    Limited {
        /// Which limit.
        limit: Limit,
        /// When.
        at: Nanos,
        /// All tasks, in the order of spawning.
        tasks: Vec<Waiting>,
    },
}

impl Stall {
    /// A limit that [`VirtualClock::advance`](super::VirtualClock::advance) has met.
    pub(super) fn limited(limit: Limit, at: Nanos, tasks: Vec<Waiting>) -> Stall {
        match limit {
            Limit::Instant => Stall::livelock(at, tasks),
            Limit::Time | Limit::Events => Stall::Limited { limit, at, tasks },
        }
    }

    pub(super) fn livelock(at: Nanos, mut tasks: Vec<Waiting>) -> Stall {
        tasks.sort_by_key(|task| std::cmp::Reverse(if task.polled_at == at { task.polls_here } else { 0 }));
        Stall::Livelock { at, tasks }
    }

    /// The tasks that were there.
    pub fn tasks(&self) -> &[Waiting] {
        match self {
            Stall::Deadlock { tasks, .. } | Stall::Livelock { tasks, .. } | Stall::Limited { tasks, .. } => {
                tasks
            }
        }
    }

    /// When it happened.
    pub fn at(&self) -> Nanos {
        match self {
            Stall::Deadlock { at, .. } | Stall::Livelock { at, .. } | Stall::Limited { at, .. } => *at,
        }
    }
}

/// A task that was there when a run stalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number, in the order of spawning.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it was spawned.
    pub spawned: &'static Location<'static>,
    /// How often it was polled in all.
    pub polls: u64,
    /// How often it was polled in the last instant in which it was polled at all.
    pub polls_here: u64,
    /// That instant.
    pub polled_at: Nanos,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (spawned at {}; ", self.name, self.spawned)?;
        match self.polls {
            0 => f.write_str("never polled)"),
            polls => write!(f, "polled {polls} times, last at {:?})", Duration::from_nanos(self.polled_at)),
        }
    }
}

/// How many tasks are written out.
const SHOWN: usize = 20;

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Duration::from_nanos(self.at());
        match self {
            Stall::Deadlock { .. } => {
                write!(f, "deadlock at {at:?} of virtual time: nothing will ever wake")?;
            }
            Stall::Livelock { .. } => write!(f, "livelock at {at:?} of virtual time: busiest of")?,
            Stall::Limited { limit, .. } => write!(f, "{limit}, at {at:?} of virtual time, with")?,
        }
        let tasks = self.tasks();
        if tasks.is_empty() {
            return f.write_str(" tasks that this driver does not know");
        }
        for task in tasks.iter().take(SHOWN) {
            write!(f, "\n  {task}")?;
        }
        match tasks.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for Stall {}
