//! [`KeyProblem`]: the operations on one key.

use super::{Kept, Problem, Solved, Start, Tier, ordered, selected};
use crate::check::entries::{Atom, KeyMachine, Table, Tightened, drop_unseen, pin, tighten};
use crate::check::search::{Found, Item, Timeline, search};
use crate::check::{witness, zones};

/// The operations on one key.
#[derive(Debug)]
pub(in crate::check) struct KeyProblem<'h> {
    pub(in crate::check) table: Table<'h>,
    pub(in crate::check) atoms: Vec<Atom>,
    pub(in crate::check) items: Vec<Item>,
    /// Where each took effect, as far as that is said.
    pub(in crate::check) effects: Vec<Option<u64>>,
    /// For each item, the number of its operation.
    pub(in crate::check) sources: Vec<u32>,
    /// What is there at the start.
    pub(in crate::check) start: u32,
    /// Whether an operation was left out whose effect nobody knows.
    pub(in crate::check) opaque: bool,
}

impl<'h> KeyProblem<'h> {
    /// No operations yet, and this content at the start.
    pub(in crate::check) fn new(start: u32) -> KeyProblem<'h> {
        KeyProblem {
            table: Table::new(),
            atoms: Vec::new(),
            items: Vec::new(),
            effects: Vec::new(),
            sources: Vec::new(),
            start,
            opaque: false,
        }
    }

    pub(in crate::check) fn add(&mut self, atom: Atom, item: Item, effect: Option<u64>, source: u32) {
        self.atoms.push(atom);
        self.items.push(item);
        self.effects.push(effect);
        self.sources.push(source);
    }

    /// Decides about all items: by their effects if those are known and fit, then as [`Problem::solve`].
    pub(in crate::check) fn decide(&mut self, budget: u64) -> Solved {
        let mut machine = KeyMachine::new(&mut self.table, &self.atoms, &self.items).starting_at(self.start);
        if witness::fits(&mut machine, &self.items, &self.effects) {
            return Solved::Yes(Tier::Witness);
        }
        let all = self.all();
        self.solve(&all, Start::Empty, budget)
    }

    /// The contents that may matter at the start of these atoms: those that somebody needs, none, and another.
    fn starts(&self, atoms: &[Atom]) -> Vec<u32> {
        let other = self.table.len() as u32;
        let mut starts: Vec<u32> = atoms.iter().filter_map(|atom| atom.needs()).collect();
        starts.extend(atoms.iter().filter_map(|atom| match atom {
            Atom::Swap { from, .. } => Some(*from),
            _ => None,
        }));
        starts.extend([Atom::ABSENT, other]);
        starts.sort_unstable();
        starts.dedup();
        starts
    }
}

/// Decides about atoms that begin with nothing.
fn decide(
    table: &mut Table<'_>,
    mut atoms: Vec<Atom>,
    mut items: Vec<Item>,
    start: u32,
    budget: u64,
) -> (Solved, Vec<usize>) {
    let pinned = pin(table, &mut atoms, &items, start);
    let worth = drop_unseen(table, &atoms, &items);
    if worth.len() < atoms.len() {
        atoms = worth.iter().map(|at| atoms[*at]).collect();
        items = worth.iter().map(|at| items[*at]).collect();
    }
    if let Some(solved) = zones::zones(&atoms, &items, start) {
        let solved = match solved {
            Ok(()) => Solved::Yes(Tier::Zones),
            Err(core) => Solved::No { tier: Tier::Zones, blocked: core.last().copied(), core: Some(core) },
        };
        return (solved, worth);
    }
    let solved = match tighten(table, &mut atoms, &mut items, start) {
        Tightened::Contradiction(core) => {
            let core: Vec<u32> = core.iter().map(|at| *at as u32).collect();
            // Who read what was pinned would belong to it as well.
            let core = Some(core).filter(|core| !core.is_empty() && !pinned);
            let blocked = core.as_ref().and_then(|core| core.last().copied());
            Solved::No { tier: Tier::Zones, blocked, core }
        }
        Tightened::Well => by_search(table, &atoms, items, start, budget),
    };
    (solved, worth)
}

fn by_search(table: &mut Table<'_>, atoms: &[Atom], items: Vec<Item>, start: u32, budget: u64) -> Solved {
    let timeline = Timeline::new(items);
    let mut machine = KeyMachine::new(table, atoms, timeline.items()).starting_at(start);
    match search(&timeline, &mut machine, budget) {
        Found::Order(_) => Solved::Yes(Tier::Search),
        Found::Nothing(blocked) => Solved::No { tier: Tier::Search, blocked: Some(blocked), core: None },
        Found::GaveUp => Solved::GaveUp,
    }
}

impl Problem for KeyProblem<'_> {
    fn items(&self) -> &[Item] {
        &self.items
    }

    fn only_reads(&self, item: u32) -> bool {
        self.atoms[item as usize].only_reads()
    }

    fn suppliers(&self, item: u32) -> Vec<u32> {
        let Some(needed) = self.atoms[item as usize].needs() else { return Vec::new() };
        let makes = |at: &u32| self.atoms[*at as usize].makes() == Some(needed);
        (0..self.atoms.len() as u32).filter(makes).collect()
    }

    fn can_start_anywhere(&self, kept: &[Kept]) -> bool {
        !kept.iter().any(|kept| {
            let atom = self.atoms[kept.item as usize];
            matches!(atom, Atom::NotOf(_) | Atom::Size(_) | Atom::Append(_) | Atom::Deep(_) | Atom::Look(_))
        })
    }

    fn solve(&mut self, kept: &[Kept], start: Start, budget: u64) -> Solved {
        let items = selected(&self.items, kept);
        let atoms: Vec<Atom> = kept.iter().map(|kept| self.atoms[kept.item as usize]).collect();
        if start == Start::Any {
            let mut last = Solved::GaveUp;
            for start in self.starts(&atoms) {
                last = by_search(&mut self.table, &atoms, items.clone(), start, budget);
                if !last.is_no() {
                    return last;
                }
            }
            return last;
        }
        let (solved, worth) = decide(&mut self.table, atoms, items, self.start, budget);
        let back = |at: u32| worth.get(at as usize).and_then(|at| kept.get(*at)).map_or(0, |kept| kept.item);
        match solved {
            Solved::No { tier, blocked, core } => Solved::No {
                tier,
                blocked: blocked.map(back),
                core: core.map(|core| core.into_iter().map(back).collect()),
            },
            solved => solved,
        }
    }

    fn order(&mut self, kept: &[Kept], budget: u64) -> Option<(Vec<u32>, String)> {
        let mut items = selected(&self.items, kept);
        let mut atoms: Vec<Atom> = kept.iter().map(|kept| self.atoms[kept.item as usize]).collect();
        pin(&mut self.table, &mut atoms, &items, self.start);
        if tighten(&self.table, &mut atoms, &mut items, self.start) != Tightened::Well {
            return None;
        }
        let timeline = Timeline::new(items);
        let mut machine = KeyMachine::new(&mut self.table, &atoms, timeline.items()).starting_at(self.start);
        let (order, state) = ordered(&timeline, &mut machine, kept, budget)?;
        Some((order, self.table.describe(state)))
    }
}
