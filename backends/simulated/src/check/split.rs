//! Splitting a history by key: what holds for every key holds for all, unless one operation changes several
//! at once (Horn and Kroening: Faster linearizability checking via P-compositionality, 2015).

use std::collections::HashMap;

use foldhash::fast::FixedState;
use larder::{Document, Key};

use super::entries::{Atom, Compiled, MapItem, Must, Pieces, Table, compile, parts};
use super::problem::{KeyProblem, MapProblem};
use super::search::{Item, NEVER};
use crate::history::{Answer, Call, History, Operation};

/// A history by key.
#[derive(Debug)]
pub(super) struct Split<'h> {
    history: &'h History,
    pub(super) keys: Vec<&'h Key>,
    /// For each key, operations and which part of them is about it.
    of_key: Vec<Vec<(u32, u32)>>,
    /// The keys that atomic batches join: lists of at least two.
    pub(super) joined: Vec<Vec<usize>>,
    /// The listings.
    pub(super) listings: Vec<u32>,
}

impl<'h> Split<'h> {
    pub(super) fn new(history: &'h History) -> Split<'h> {
        let mut numbers: HashMap<&Key, usize, FixedState> = HashMap::default();
        let mut split =
            Split { history, keys: Vec::new(), of_key: Vec::new(), joined: Vec::new(), listings: Vec::new() };
        let mut union = Union::default();
        for (at, operation) in (0u32..).zip(history.operations()) {
            if matches!(operation.call, Call::Keys(_)) {
                split.listings.push(at);
            }
            let mut first = None;
            for (key, part) in parts(&operation.call) {
                let number = *numbers.entry(key).or_insert_with(|| {
                    split.keys.push(key);
                    split.of_key.push(Vec::new());
                    union.add()
                });
                split.of_key[number].push((at, part as u32));
                if is_atomic(operation) {
                    union.join(*first.get_or_insert(number), number);
                }
            }
        }
        split.joined = union.groups();
        split
    }

    /// The operations on one key, batches as if they were single.
    pub(super) fn key(&self, key: usize) -> KeyProblem<'h> {
        let parts = &self.of_key[key];
        let mut problem = KeyProblem::new(Atom::ABSENT);
        for (at, part) in parts {
            let operation = self.operation(*at);
            match compile(&mut problem.table, operation, *part as usize) {
                Compiled::Nothing => {}
                Compiled::Opaque => problem.opaque = true,
                Compiled::Atom(atom, must) => {
                    let item = item(self.history, operation, must == Must::Must);
                    problem.add(atom, item, operation.effect, *at);
                }
            }
        }
        problem
    }

    /// The operations on one key that is a text: a log of the pieces that were written and appended. `None` if it
    /// cannot be told where a piece ends and the next begins.
    pub(super) fn text(&self, key: usize) -> Option<KeyProblem<'h>> {
        let text = |document: &Document| document.decode::<String>().ok();
        let operations = || self.operations_of(key).map(|at| (at, self.operation(at)));
        let mut pieces = Vec::new();
        for (_, operation) in operations().filter(|(_, operation)| !operation.has_failed()) {
            match &operation.call {
                Call::Assoc(_, value) => pieces.push(text(value)?),
                Call::Append(_, more) => pieces.extend(more.iter().map(text).collect::<Option<Vec<_>>>()?),
                _ => {}
            }
        }
        let pieces = Pieces::new(pieces)?;
        let mut problem = KeyProblem::new(Atom::EMPTY_LOG);
        for (at, operation) in operations().filter(|(_, operation)| !operation.has_failed()) {
            let table = &mut problem.table;
            let atom = match (&operation.call, operation.answer()) {
                (Call::Get(_), None) => continue,
                (Call::Get(_), Some(Answer::Value(seen))) => {
                    let seen = seen.as_ref().map_or(Some(String::new()), text);
                    match seen.and_then(|seen| pieces.split(&seen)) {
                        Some(seen) => Atom::Read(table.log(&seen)),
                        None => Atom::Never,
                    }
                }
                (Call::Assoc(_, value), None | Some(Answer::Done)) => {
                    Atom::Write(table.log(&pieces.split(&text(value)?)?))
                }
                (Call::Append(_, more), None | Some(Answer::Done)) => {
                    let more: Vec<Document> = more
                        .iter()
                        .filter(|piece| text(piece).is_some_and(|piece| !piece.is_empty()))
                        .cloned()
                        .collect();
                    Atom::Append(table.list(&more))
                }
                _ => Atom::Never,
            };
            problem.add(
                atom,
                item(self.history, operation, operation.answer().is_some()),
                operation.effect,
                at,
            );
        }
        Some(problem)
    }

    /// The numbers of the operations on one key.
    pub(super) fn operations_of(&self, key: usize) -> impl Iterator<Item = u32> {
        self.of_key[key].iter().map(|(at, _)| *at)
    }

    /// The operations on several keys that batches join.
    pub(super) fn group(&self, keys: &[usize]) -> MapProblem<'h> {
        let mut tables: Vec<Table<'h>> = keys.iter().map(|_| Table::new()).collect();
        // By operation and part, so that an atomic batch is put together again.
        let mut pieces: Vec<(u32, u32, usize)> = Vec::new();
        for (local, key) in keys.iter().enumerate() {
            pieces.extend(self.of_key[*key].iter().map(|(at, part)| (*at, *part, local)));
        }
        pieces.sort_unstable();
        let mut problem = MapProblem {
            tables: Vec::new(),
            atoms: Vec::new(),
            items: Vec::new(),
            effects: Vec::new(),
            sources: Vec::new(),
            opaque: false,
        };
        let mut last = None;
        for (at, part, local) in pieces {
            let operation = self.operation(at);
            match compile(&mut tables[local], operation, part as usize) {
                Compiled::Nothing => {}
                Compiled::Opaque => problem.opaque = true,
                Compiled::Atom(atom, must) => {
                    if last == Some(at)
                        && is_atomic(operation)
                        && let Some(atoms) = problem.atoms.last_mut()
                    {
                        atoms.push((local, atom));
                        continue;
                    }
                    last = Some(at);
                    let atoms: MapItem = vec![(local, atom)];
                    problem.atoms.push(atoms);
                    problem.items.push(item(self.history, operation, must == Must::Must));
                    problem.effects.push(operation.effect);
                    problem.sources.push(at);
                }
            }
        }
        problem.tables = tables;
        problem
    }

    fn operation(&self, at: u32) -> &'h Operation {
        &self.history.operations()[at as usize]
    }
}

/// When an operation may have happened. One of unknown outcome may have until the next crash, or for ever.
pub(super) fn item(history: &History, operation: &Operation, must: bool) -> Item {
    let returned = match must {
        true => operation.returned.map_or(NEVER - 1, |returned| returned.max(operation.invoked)),
        false => history.crash_after(operation.invoked).unwrap_or(NEVER),
    };
    Item { invoked: operation.invoked, returned, optional: !must, hint: operation.effect.unwrap_or(returned) }
}

fn is_atomic(operation: &Operation) -> bool {
    match &operation.call {
        Call::MultiAssoc { entries, atomic } => *atomic && entries.len() > 1,
        Call::MultiDissoc { keys, atomic } => *atomic && keys.len() > 1,
        _ => false,
    }
}

/// Sets of numbers that can be joined.
#[derive(Default)]
struct Union {
    parents: Vec<usize>,
}

impl Union {
    fn add(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn root(&mut self, mut of: usize) -> usize {
        while self.parents[of] != of {
            self.parents[of] = self.parents[self.parents[of]];
            of = self.parents[of];
        }
        of
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.parents[other.max(one)] = one.min(other);
    }

    /// The sets of more than one, in the order of their first members.
    fn groups(mut self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = vec![Vec::new(); self.parents.len()];
        for member in 0..self.parents.len() {
            let root = self.root(member);
            groups[root].push(member);
        }
        groups.retain(|group| group.len() > 1);
        groups
    }
}
