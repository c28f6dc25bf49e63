//! Is the same seed the same run? And if not, where do two runs part?

use std::fmt;
use std::future::Future;

use super::{Context, Seed, Setup, once};
use crate::time::{Digest, Entry};

/// Two runs of one seed that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The seed.
    pub seed: Seed,
    /// The number of the first step that differs. If it lies beyond the steps that are compared one by
    /// one, only the digests differ.
    pub step: u64,
    /// What happened in both before that.
    pub before: Vec<Entry>,
    /// What happened in the first run from there on; empty if it had ended.
    pub first: Vec<Entry>,
    /// What happened in the second.
    pub second: Vec<Entry>,
}

/// How many steps are compared one by one.
const STEPS: usize = 1 << 20;
/// How many are shown before the difference, and after it.
const SHOWN: usize = 8;

/// Runs the body twice with this seed, and compares what happens step by step: what fires on the timeline,
/// which task is polled, and every note. A body that asks a real clock, a hash map of the standard library
/// or a thread for its next step will differ sooner or later.
///
/// # Errors
/// The first step that differs.
pub fn check_determinism<F>(
    seed: impl Into<Seed>,
    body: impl Fn(Context) -> F + Sync,
) -> Result<Digest, Box<Divergence>>
where
    F: Future<Output = super::Result> + 'static,
{
    let (seed, setup) = (seed.into(), Setup { trace: Some(STEPS), ..Setup::default() });
    let (first, second) = (once(seed, &setup, &body), once(seed, &setup, &body));
    let differs = first.trace.iter().zip(&second.trace).position(|(one, other)| one != other);
    let both = first.trace.len().min(second.trace.len());
    if differs.is_none() && first.digest == second.digest && first.trace.len() == second.trace.len() {
        return Ok(first.digest);
    }
    let at = differs.unwrap_or(both);
    let from = |trace: &[Entry]| trace[at..].iter().take(SHOWN).cloned().collect();
    Err(Box::new(Divergence {
        seed,
        step: at as u64,
        before: first.trace[at.saturating_sub(SHOWN)..at].to_vec(),
        first: from(&first.trace),
        second: from(&second.trace),
    }))
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two runs of seed {} differ from step {} on", self.seed, self.step)?;
        let parts =
            [("both", &self.before), ("the first run", &self.first), ("the second run", &self.second)];
        for (name, steps) in parts {
            write!(f, "\n{name}:")?;
            for entry in steps {
                write!(f, "\n  {entry}")?;
            }
            if steps.is_empty() {
                f.write_str(" nothing")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Divergence {}
