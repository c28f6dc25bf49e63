//! What a crash may leave of the names: which of the changes that were on their way are on the medium.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::state::{Change, Ino, Names, ROOT, Slot, State};
use super::CrashModel;
use crate::draw::{Draws, below};

/// Which changes of the journal are kept.
pub(super) type Kept = Vec<bool>;

/// The sets of changes that a crash may keep.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    changes: &'a [Arc<Change>],
    /// For each change, the earlier ones of the same entries: it is never kept without them.
    needs: Vec<Vec<usize>>,
    /// So many are kept in any case.
    certain: usize,
    model: CrashModel,
}

impl<'a> Journal<'a> {
    pub(super) fn new(state: &'a State, model: CrashModel) -> Journal<'a> {
        let changes = state.journal.as_slice();
        let certain = match model {
            CrashModel::Ordered => changes.iter().filter(|change| change.number < state.committed).count(),
            _ => 0,
        };
        let mut last: BTreeMap<&Slot, usize> = BTreeMap::new();
        let mut needs = Vec::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            let earlier: BTreeSet<usize> = change
                .sets
                .iter()
                .filter_map(|(slot, _)| last.insert(slot, at))
                .filter(|earlier| *earlier != at)
                .collect();
            needs.push(earlier.into_iter().collect());
        }
        Journal { changes, needs, certain, model }
    }

    /// All sets, or `None` if there are more than `most`.
    pub(super) fn all(&self, most: usize) -> Option<Vec<Kept>> {
        let count = self.changes.len();
        let first = |kept: usize| (0..count).map(|at| at < kept).collect();
        match self.model {
            CrashModel::AllLost | CrashModel::Killed => Some(vec![first(0)]),
            CrashModel::Ordered => {
                (count - self.certain < most).then(|| (self.certain..=count).map(first).collect())
            }
            CrashModel::Adversarial => {
                let mut sets: Vec<Kept> = vec![Vec::with_capacity(count)];
                for at in 0..count {
                    let with: Vec<Kept> = sets
                        .iter()
                        .filter(|kept| self.needs[at].iter().all(|need| kept[*need]))
                        .map(|kept| kept.iter().copied().chain([true]).collect())
                        .collect();
                    sets.iter_mut().for_each(|kept| kept.push(false));
                    sets.extend(with);
                    if sets.len() > most {
                        return None;
                    }
                }
                Some(sets)
            }
        }
    }

    /// The most telling sets: none, all, each change alone, each missing, and each beginning.
    pub(super) fn telling(&self) -> Vec<Kept> {
        let count = self.changes.len();
        let mut sets = vec![vec![false; count], vec![true; count]];
        for at in 0..count {
            if self.model == CrashModel::Adversarial {
                let mut alone = vec![false; count];
                alone[at] = true;
                let mut missing = vec![true; count];
                missing[at] = false;
                sets.extend([self.with_needs(alone), self.without_needy(missing)]);
            }
            sets.push((0..count).map(|other| other <= at).collect());
        }
        if self.model == CrashModel::Ordered {
            sets.retain(|kept| kept[..self.certain].iter().all(|kept| *kept));
        }
        sets
    }

    /// A set by chance.
    pub(super) fn by_chance(&self, draws: Draws) -> Kept {
        let count = self.changes.len();
        match self.model {
            CrashModel::AllLost | CrashModel::Killed => vec![false; count],
            CrashModel::Ordered => {
                let kept = self.certain as u64 + below(draws.at(0), (count - self.certain) as u64 + 1);
                (0..count).map(|at| (at as u64) < kept).collect()
            }
            CrashModel::Adversarial => {
                // Few, half or most of them.
                let bound = [1, 4, 7][below(draws.at(0), 3) as usize];
                let drawn = (0..count).map(|at| below(draws.at(1 + at as u64), 8) < bound).collect();
                self.without_needy(drawn)
            }
        }
    }

    /// Adds what the kept ones need.
    fn with_needs(&self, mut kept: Kept) -> Kept {
        for at in (0..kept.len()).rev() {
            if kept[at] {
                self.needs[at].iter().for_each(|need| kept[*need] = true);
            }
        }
        kept
    }

    /// Takes out those that need one that is not kept.
    fn without_needy(&self, mut kept: Kept) -> Kept {
        for at in 0..kept.len() {
            kept[at] &= self.needs[at].iter().all(|need| kept[*need]);
        }
        kept
    }
}

/// The directories that a crash changes, and what it leaves in them.
pub(super) type Namespace = BTreeMap<Ino, Arc<Names>>;

/// What these changes make of the durable names.
pub(super) fn namespace(state: &State, kept: &Kept) -> Namespace {
    let mut changed = Namespace::new();
    for (change, _) in state.journal.iter().zip(kept).filter(|(_, kept)| **kept) {
        change.apply(|dir, change| {
            let durable = || state.dir(dir).map(|dir| Arc::clone(&dir.durable)).unwrap_or_default();
            change(Arc::make_mut(changed.entry(dir).or_insert_with(durable)));
        });
    }
    changed
}

/// Visits all that can be come to, in the order of the paths: directories when they begin, with `None`
/// when they end.
pub(super) fn walk(state: &State, names: &Namespace, visit: &mut impl FnMut(&std::ffi::OsStr, Option<Ino>)) {
    fn below(
        state: &State,
        names: &Namespace,
        dir: Ino,
        seen: &mut BTreeSet<Ino>,
        visit: &mut impl FnMut(&std::ffi::OsStr, Option<Ino>),
    ) {
        let Some(entries) = names.get(&dir).or_else(|| state.dir(dir).map(|dir| &dir.durable)) else {
            return;
        };
        for (name, ino) in entries.iter() {
            let is_dir = state.is_dir(*ino);
            // No directory stands in two places.
            if is_dir && !seen.insert(*ino) {
                continue;
            }
            visit(name, Some(*ino));
            if is_dir {
                below(state, names, *ino, seen, visit);
                visit(name, None);
            }
        }
    }
    below(state, names, ROOT, &mut BTreeSet::from([ROOT]), visit);
}
