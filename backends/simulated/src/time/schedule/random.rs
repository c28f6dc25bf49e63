//! Any of the tasks that are ready.

use super::{Ready, Schedule};
use crate::draw::{Draws, below};

/// Picks any of the tasks, with equal chances. The draws are counted only where there is a choice.
#[derive(Clone, Debug)]
pub struct Random {
    draws: Draws,
    step: u64,
}

impl Random {
    /// The choices of this seed.
    pub const fn new(seed: u64) -> Random {
        Random { draws: Draws::new(seed).domain("schedule"), step: 0 }
    }
}

impl Schedule for Random {
    fn pick(&mut self, ready: &Ready<'_>) -> usize {
        self.step += 1;
        below(self.draws.at(self.step), ready.len() as u64) as usize
    }
}
