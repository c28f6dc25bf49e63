//! [`Checker`]: how a history is to be judged, and the judging.

use std::fmt;
use std::str::FromStr;

use super::judge::Judge;
use super::model::Model;
use super::search::Timeline;
use super::verdict::{Undecided, Verdict};
use crate::history::History;

/// How a history is to be judged.
///
/// ```
/// use larder_simulated::check::{Checker, Consistency, Model};
/// # let history = larder_simulated::history::History::default();
/// let checker = Checker::new().model(Model::Larder).consistency(Consistency::Linearizable).budget(100_000);
/// assert!(checker.check(&history).is_linearizable());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    model: Model,
    pub(super) consistency: Consistency,
    pub(super) budget: u64,
    pub(super) explains: bool,
}

/// What is promised about order. All but the first are about each key for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Consistency {
    /// Every operation happens at one moment between its invocation and its return.
    #[default]
    Linearizable,
    /// There is one order that everybody agrees on and that keeps each client's own, whatever the time.
    Sequential,
    /// A client sees its own writes, or later ones.
    ReadYourWrites,
    /// A client never sees what was there before what it has already seen.
    MonotonicReads,
}

impl Consistency {
    /// All promises with their names.
    pub const ALL: [(&'static str, Consistency); 4] = [
        ("linearizable", Consistency::Linearizable),
        ("sequential", Consistency::Sequential),
        ("read-your-writes", Consistency::ReadYourWrites),
        ("monotonic-reads", Consistency::MonotonicReads),
    ];
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Consistency::ALL.iter().find(|(_, consistency)| consistency == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Consistency {
    type Err = String;

    fn from_str(text: &str) -> Result<Consistency, String> {
        let found = Consistency::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, consistency)| *consistency).ok_or_else(|| {
            let names: Vec<&str> = Consistency::ALL.iter().map(|(name, _)| *name).collect();
            format!("there is no promise {text:?}, only {}", names.join(", "))
        })
    }
}

/// A verdict, and how it came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// How many keys there are.
    pub keys: usize,
    /// How many keys, and groups of keys that batches join, were decided by effects.
    pub by_witness: usize,
    /// How many by zones.
    pub by_zones: usize,
    /// How many by searching.
    pub by_search: usize,
}

impl Checker {
    /// Dead ends that a search may come to before it is given up, unless told otherwise.
    pub const BUDGET: u64 = 4_000_000;

    /// Linearizability of what larder promises.
    pub const fn new() -> Checker {
        Checker {
            model: Model::Larder,
            consistency: Consistency::Linearizable,
            budget: Checker::BUDGET,
            explains: true,
        }
    }

    /// Judges by this model. Models other than [`Model::Larder`] know linearizability only.
    #[must_use]
    pub const fn model(mut self, model: Model) -> Checker {
        self.model = model;
        self
    }

    /// Judges by this promise.
    #[must_use]
    pub const fn consistency(mut self, consistency: Consistency) -> Checker {
        self.consistency = consistency;
        self
    }

    /// Gives up a search after so many dead ends. Each takes about 40 bytes, and some microseconds where few
    /// operations are under way at a time.
    #[must_use]
    pub const fn budget(mut self, budget: u64) -> Checker {
        self.budget = budget;
        self
    }

    /// Says what is wrong, but not why: a [`Violation`](super::verdict::Violation) then names the rule and the
    /// keys alone. For those who judge many histories and look at few, such as a shrinker.
    #[must_use]
    pub const fn without_explanation(mut self) -> Checker {
        self.explains = false;
        self
    }

    /// Judges a history.
    pub fn check(&self, history: &History) -> Verdict {
        self.decide(history).verdict
    }

    /// Judges a history, and tells how.
    pub fn decide(&self, history: &History) -> Decided {
        let mut judge = Judge::new(history, *self);
        let foreign = history.operations().iter().find(|operation| !self.model.knows(&operation.call));
        if history.len() > Timeline::MOST {
            judge.undecided(Undecided::TooMany);
        } else if let Some(foreign) = foreign {
            judge.undecided(Undecided::Foreign { operation: foreign.to_string() });
        } else {
            match self.model {
                // A store can do what registers and logs can.
                Model::Larder | Model::Register | Model::CasRegister | Model::Log => {
                    judge.entries();
                }
                Model::Counter => judge.counters(),
                Model::Text => judge.texts(),
            }
        }
        judge.finish()
    }
}

impl Default for Checker {
    fn default() -> Checker {
        Checker::new()
    }
}
