//! [`Checker`]: how a history is to be judged, and the judging.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use larder::Key;

use super::explain::{Explained, explain};
use super::listing::{self, Presence};
use super::model::Model;
use super::problem::{InOwnOrder, KeyProblem, Problem, Solved, SpecProblem, Start, Tier};
use super::search::Timeline;
use super::sessions;
use super::spec::{Counter, Spec, Text};
use super::split::{Split, item};
use super::verdict::{Offender, Rule, Undecided, Verdict, Violation};
use crate::history::{Answer, Call, History, Operation};

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
    consistency: Consistency,
    budget: u64,
    explains: bool,
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

    /// Says what is wrong, but not why: a [`Violation`] then names the rule and the keys alone. For those who
    /// judge many histories and look at few, such as a shrinker.
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
                Model::Counter => {
                    (0..judge.split.keys.len()).for_each(|key| judge.by_spec(key, &Counter::default()))
                }
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

/// A judgement under way.
struct Judge<'h> {
    history: &'h History,
    split: Split<'h>,
    checker: Checker,
    decided: Decided,
    /// The earliest violation so far, with the place where it shows.
    violation: Option<(u64, Violation)>,
    undecided: Option<Undecided>,
}

impl<'h> Judge<'h> {
    fn new(history: &'h History, checker: Checker) -> Judge<'h> {
        let split = Split::new(history);
        let decided = Decided {
            verdict: Verdict::Linearizable,
            keys: split.keys.len(),
            by_witness: 0,
            by_zones: 0,
            by_search: 0,
        };
        Judge { history, split, checker, decided, violation: None, undecided: None }
    }

    fn finish(mut self) -> Decided {
        self.decided.verdict = match (self.violation, self.undecided) {
            (Some((_, violation)), _) => Verdict::NotLinearizable(Box::new(violation)),
            (None, Some(undecided)) => Verdict::Unknown(undecided),
            (None, None) => Verdict::Linearizable,
        };
        self.decided
    }

    fn undecided(&mut self, why: Undecided) {
        self.undecided.get_or_insert(why);
    }

    fn count(&mut self, tier: Tier) {
        *match tier {
            Tier::Witness => &mut self.decided.by_witness,
            Tier::Zones => &mut self.decided.by_zones,
            Tier::Search => &mut self.decided.by_search,
        } += 1;
    }

    fn entries(&mut self) {
        let consistency = self.checker.consistency;
        let mut presence = Vec::with_capacity(self.split.keys.len());
        for number in 0..self.split.keys.len() {
            let mut problem = self.split.key(number);
            let keys = vec![self.split.keys[number].clone()];
            if !self.split.listings.is_empty() {
                presence.push(Presence::of(&problem));
            }
            let (opaque, sources) = (problem.opaque, problem.sources.clone());
            match consistency {
                Consistency::Linearizable => {
                    let solved = problem.decide(self.checker.budget);
                    self.solved(solved, &mut problem, &sources, keys, opaque, Rule::Linearizable);
                }
                Consistency::Sequential => {
                    let clients = self.clients(&sources);
                    let mut problem = InOwnOrder { key: problem, clients };
                    let all = problem.all();
                    let solved = problem.solve(&all, Start::Empty, self.checker.budget);
                    self.solved(solved, &mut problem, &sources, keys, opaque, Rule::Sequential);
                }
                Consistency::ReadYourWrites => self.session(&problem, keys, Rule::ReadYourWrites),
                Consistency::MonotonicReads => self.session(&problem, keys, Rule::MonotonicReads),
            }
        }
        if consistency == Consistency::Linearizable {
            self.groups();
            self.listings(&presence);
        }
    }

    fn clients(&self, sources: &[u32]) -> Vec<u64> {
        sources.iter().map(|at| self.history.operations()[*at as usize].client).collect()
    }

    fn session(&mut self, problem: &KeyProblem<'h>, keys: Vec<Key>, rule: Rule) {
        let clients = self.clients(&problem.sources);
        let core = sessions::violation(problem, &clients, rule);
        self.count(Tier::Zones);
        if let Some(core) = core {
            let blocked = core.last().copied();
            let why = Explained { core, context: Vec::new(), prefix: None, blocked };
            self.violated(rule, keys, &problem.sources, why);
        }
    }

    /// Keys that atomic batches join, once each of them is in order for itself.
    fn groups(&mut self) {
        for group in self.split.joined.clone() {
            let keys: Vec<Key> = group.iter().map(|number| self.split.keys[*number].clone()).collect();
            if self.violation.as_ref().is_some_and(|(_, violation)| keys.contains(&violation.keys[0])) {
                continue;
            }
            let mut problem = self.split.group(&group);
            let solved = problem.decide(self.checker.budget);
            let (opaque, sources) = (problem.opaque, problem.sources.clone());
            self.solved(solved, &mut problem, &sources, keys, opaque, Rule::Linearizable);
        }
    }

    fn solved(
        &mut self,
        solved: Solved,
        problem: &mut dyn Problem,
        sources: &[u32],
        keys: Vec<Key>,
        opaque: bool,
        rule: Rule,
    ) {
        match solved {
            Solved::Yes(tier) => self.count(tier),
            Solved::GaveUp => self.undecided(Undecided::Budget { keys, budget: self.checker.budget }),
            // What is not known may explain it.
            Solved::No { .. } if opaque => self.undecided(Undecided::Opaque { keys }),
            Solved::No { tier, blocked, core } => {
                self.count(tier);
                let why = match self.checker.explains {
                    true => explain(problem, blocked, core),
                    false => Explained { blocked, ..Explained::default() },
                };
                self.violated(rule, keys, sources, why);
            }
        }
    }

    fn texts(&mut self) {
        for number in 0..self.split.keys.len() {
            let Some(mut problem) = self.split.text(number) else {
                self.by_spec(number, &Text);
                continue;
            };
            let solved = problem.decide(self.checker.budget);
            let (keys, sources) = (vec![self.split.keys[number].clone()], problem.sources.clone());
            self.solved(solved, &mut problem, &sources, keys, false, Rule::Linearizable);
        }
    }

    /// One key, by a specification that has no faster form.
    fn by_spec<S: Spec<Call = Call, Answer = Answer>>(&mut self, key: usize, spec: &S) {
        let operations =
            self.split.operations_of(key).map(|at| (at, &self.history.operations()[at as usize]));
        let operations = operations.filter(|(_, operation)| {
            !operation.has_failed() && (operation.answer().is_some() || !operation.call.only_reads())
        });
        let (sources, operations): (Vec<u32>, Vec<_>) = operations.unzip();
        let item = |operation: &&Operation| item(self.history, operation, operation.answer().is_some());
        let mut problem = SpecProblem {
            spec,
            calls: operations.iter().map(|operation| (&operation.call, operation.answer())).collect(),
            items: operations.iter().map(item).collect(),
        };
        let all = problem.all();
        let solved = problem.solve(&all, Start::Empty, self.checker.budget);
        let keys = vec![self.split.keys[key].clone()];
        self.solved(solved, &mut problem, &sources, keys, false, Rule::Linearizable);
    }

    fn listings(&mut self, presence: &[Presence]) {
        let keys = self.split.keys.clone();
        let numbers: HashMap<&Key, usize, FixedState> =
            keys.iter().enumerate().map(|(number, key)| (*key, number)).collect();
        for at in self.split.listings.clone() {
            let listing = &self.history.operations()[at as usize];
            if let Some((rule, key, shown_by)) = listing::wrong(listing, &keys, &numbers, presence) {
                let mut sources: Vec<u32> = shown_by.into_iter().collect();
                sources.push(at);
                let core: Vec<u32> = (0..sources.len() as u32).collect();
                let blocked = core.last().copied();
                let why = Explained { core, context: Vec::new(), prefix: None, blocked };
                self.violated(rule, vec![key], &sources, why);
            }
        }
    }

    /// Keeps the violation, if it is the earliest.
    fn violated(&mut self, rule: Rule, keys: Vec<Key>, sources: &[u32], why: Explained) {
        let source = |item: &u32| sources[*item as usize] as usize;
        let operations = self.history.operations();
        let returned = |index: usize| operations[index].returned.unwrap_or(u64::MAX);
        let place = match why.blocked {
            Some(blocked) => returned(source(&blocked)),
            None => why.core.iter().map(|item| returned(source(item))).max().unwrap_or(u64::MAX),
        };
        if self.violation.as_ref().is_some_and(|(earliest, _)| *earliest <= place) {
            return;
        }
        let offender = |item: &u32| {
            let index = source(item);
            Offender { index, operation: operations[index].clone() }
        };
        let (prefix, state, open) = match &why.prefix {
            Some(prefix) => {
                let ordered: Vec<usize> = prefix.order.iter().map(source).collect();
                let mut placed = vec![false; operations.len()];
                ordered.iter().for_each(|index| placed[*index] = true);
                let under_way =
                    |index: &usize| operations[*index].invoked <= prefix.deadline && !placed[*index];
                let open = sources.iter().map(|at| *at as usize).filter(under_way).collect();
                (ordered, prefix.state.clone(), open)
            }
            None => (Vec::new(), String::new(), Vec::new()),
        };
        let violation = Violation {
            rule,
            keys,
            offending: why.core.iter().map(offender).collect(),
            context: why.context.iter().map(offender).collect(),
            blocked: why.blocked.as_ref().map(source),
            prefix,
            state,
            open,
        };
        self.violation = Some((place, violation));
    }
}
