//! What went wrong in a run.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use super::Seed;
use crate::time::{Digest, Entry, Nanos, Stall};

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its seed.
    pub seed: Seed,
    /// When.
    pub at: Nanos,
    /// Why.
    pub cause: Cause,
    /// The latest notes of the run.
    pub trace: Vec<Entry>,
    /// What had happened up to then.
    pub digest: Digest,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A task panicked.
    Panic(String),
    /// The run ended with an error.
    Error(String),
    /// Something called [`Context::fail`](super::Context::fail).
    Failed(String),
    /// The run could not go on.
    Stall(Stall),
}

impl Cause {
    /// What a panic was about.
    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Cause {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Cause::Panic(text.unwrap_or_else(|| "a panic without a message".into()))
    }

    /// Whether the other is the same kind of failure: a run that is cut down must not fail for another
    /// reason. Messages are compared without their numbers.
    pub fn is_like(&self, other: &Cause) -> bool {
        let words = |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_digit()).collect() };
        match (self, other) {
            (Cause::Panic(one), Cause::Panic(two))
            | (Cause::Error(one), Cause::Error(two))
            | (Cause::Failed(one), Cause::Failed(two)) => words(one) == words(two),
            (Cause::Stall(one), Cause::Stall(two)) => {
                std::mem::discriminant(one) == std::mem::discriminant(two)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Panic(message) => write!(f, "a panic: {message}"),
            Cause::Error(message) | Cause::Failed(message) => f.write_str(message),
            Cause::Stall(stall) => stall.fmt(f),
        }
    }
}

/// How many of the latest notes are printed.
const SHOWN: usize = 12;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Duration::from_nanos(self.at);
        write!(f, "seed {} failed at {at:?} of virtual time: {}", self.seed, self.cause)?;
        if !self.trace.is_empty() {
            f.write_str("\nthe latest notes:")?;
        }
        for entry in self.trace.iter().skip(self.trace.len().saturating_sub(SHOWN)) {
            write!(f, "\n  {entry}")?;
        }
        write!(f, "\ndigest {}", self.digest)
    }
}

impl std::error::Error for Failure {}
