//! Which of the tasks that are ready is polled next. A policy sees the tasks in the order in which they
//! became ready and picks a place in that order; FIFO always picks the first. Any schedule is therefore
//! FIFO and a list of deviations from it, which is what is stored, replayed and shrunk.

mod pct;
mod random;
mod replay;

use std::collections::VecDeque;
use std::fmt;

use super::executor::Task;

pub use pct::Pct;
pub use random::Random;
pub use replay::{Deviation, Replay};

/// Which task to poll next.
pub trait Schedule: fmt::Debug + Send {
    /// The place of the next task among those that are ready (there are at least two). A place past the
    /// end is taken as the last.
    fn pick(&mut self, ready: &Ready<'_>) -> usize;
}

/// The tasks that are ready, those first that have been for longest.
#[derive(Clone, Copy)]
pub struct Ready<'a>(pub(super) &'a VecDeque<async_task::Runnable<Task>>);

impl Ready<'_> {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "nobody is asked to pick from none")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of the task at this place (the last, past the end), in the order of spawning.
    pub fn id(&self, place: usize) -> u64 {
        self.task(place).map_or(0, |task| task.id)
    }

    /// A key of the task at this place that does not depend on how many others were spawned before it:
    /// made of its name, and of how many tasks of that name there were before.
    pub fn key(&self, place: usize) -> u64 {
        self.task(place).map_or(0, |task| task.key)
    }

    /// How often the task at this place was polled before.
    pub fn polls(&self, place: usize) -> u64 {
        self.task(place).map_or(0, Task::polls)
    }

    fn task(&self, place: usize) -> Option<&Task> {
        self.0.get(place).or(self.0.back()).map(async_task::Runnable::metadata)
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|place| self.id(place))).finish()
    }
}

/// The policies there are.
#[derive(Debug, Default)]
pub enum Policy {
    /// Any of the tasks, with equal chances, by the run's seed.
    #[default]
    Random,
    /// The one that has been ready for longest.
    Fifo,
    /// Few changes at random places: finds what needs a rare order. See [`Pct`].
    Pct {
        /// How many ordered events a bug needs; one less is the number of changes.
        depth: u32,
        /// How many polls the run has, about.
        steps: u64,
    },
    /// FIFO, but for these deviations.
    Replay(Vec<Deviation>),
    /// Another.
    Custom(Box<dyn Schedule>),
}

impl Policy {
    pub(super) fn start(self, seed: u64) -> Box<dyn Schedule> {
        match self {
            Policy::Random => Box::new(Random::new(seed)),
            Policy::Fifo => Box::new(Fifo),
            Policy::Pct { depth, steps } => Box::new(Pct::new(seed, depth, steps)),
            Policy::Replay(deviations) => Box::new(Replay::new(deviations)),
            Policy::Custom(schedule) => schedule,
        }
    }
}

/// The one that has been ready for longest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

impl Schedule for Fifo {
    fn pick(&mut self, _: &Ready<'_>) -> usize {
        0
    }
}
