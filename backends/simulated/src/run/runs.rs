//! What became of many runs.

use super::{Failure, Outcome, Repro};
use crate::time::Digest;

/// What became of many runs.
#[derive(Clone, Debug)]
pub struct Runs {
    outcomes: Vec<Outcome>,
    repro: Option<Repro>,
    report: Option<String>,
}

impl Runs {
    pub(super) fn passed(outcomes: Vec<Outcome>) -> Runs {
        Runs { outcomes, repro: None, report: None }
    }

    pub(super) fn failed(outcomes: Vec<Outcome>, repro: Option<Repro>, report: String) -> Runs {
        Runs { outcomes, repro, report: Some(report) }
    }

    /// Nothing was run.
    pub(super) fn none(report: String) -> Runs {
        Runs { outcomes: Vec::new(), repro: None, report: Some(report) }
    }

    /// All of them, in the order of the seeds, up to the first that failed.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The first failure.
    pub fn failure(&self) -> Option<&Failure> {
        self.outcomes.iter().find_map(|outcome| outcome.failure.as_ref())
    }

    /// The first failure as it was stored: cut down as far as it went.
    pub fn repro(&self) -> Option<&Repro> {
        self.repro.as_ref()
    }

    /// The first failure in words, with the commands that replay it; also why nothing was run.
    pub fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// The digests, in order.
    pub fn digests(&self) -> Vec<Digest> {
        self.outcomes.iter().map(|outcome| outcome.digest).collect()
    }
}
