//! What became of one run.

use super::{Extensions, Failure, Plan, Seed};
use crate::time::{Deviation, Digest, Entry, Nanos};

/// What became of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: Seed,
    /// What happened.
    pub digest: Digest,
    /// The virtual time that passed.
    pub time: Nanos,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// What the rooms that were used have kept.
    pub extensions: Extensions,
    /// The plan, if [`Setup::record`](super::Setup::record) asked for it.
    pub plan: Plan,
    /// Where the schedule deviated from FIFO, if [`Setup::record`](super::Setup::record) asked for it.
    pub deviations: Vec<Deviation>,
    /// The first steps, if [`Setup::trace`](super::Setup::trace) asked for them; otherwise the latest notes.
    pub trace: Vec<Entry>,
}
