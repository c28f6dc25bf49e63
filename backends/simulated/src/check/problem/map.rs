//! [`MapProblem`]: the operations on several keys that atomic batches join.

use super::{Kept, Problem, Solved, Start, Tier, ordered, selected};
use crate::check::entries::{MapItem, MapMachine, Table};
use crate::check::search::{Found, Item, Timeline, search};
use crate::check::witness;

/// The operations on several keys.
#[derive(Debug)]
pub(in crate::check) struct MapProblem<'h> {
    pub(in crate::check) tables: Vec<Table<'h>>,
    pub(in crate::check) atoms: Vec<MapItem>,
    pub(in crate::check) items: Vec<Item>,
    pub(in crate::check) effects: Vec<Option<u64>>,
    pub(in crate::check) sources: Vec<u32>,
    pub(in crate::check) opaque: bool,
}

impl MapProblem<'_> {
    /// Decides about all items, first by their effects.
    pub(in crate::check) fn decide(&mut self, budget: u64) -> Solved {
        let mut machine = MapMachine::new(&mut self.tables, &self.atoms, &self.items);
        if witness::fits(&mut machine, &self.items, &self.effects) {
            return Solved::Yes(Tier::Witness);
        }
        let all = self.all();
        self.solve(&all, Start::Empty, budget)
    }
}

impl Problem for MapProblem<'_> {
    fn items(&self) -> &[Item] {
        &self.items
    }

    fn only_reads(&self, item: u32) -> bool {
        self.atoms[item as usize].iter().all(|(_, atom)| atom.only_reads())
    }

    fn suppliers(&self, item: u32) -> Vec<u32> {
        let needed: Vec<_> =
            self.atoms[item as usize].iter().filter_map(|(key, atom)| Some((*key, atom.needs()?))).collect();
        let makes = |at: &u32| {
            let makes = self.atoms[*at as usize].iter().filter_map(|(key, atom)| Some((*key, atom.makes()?)));
            makes.into_iter().any(|made| needed.contains(&made))
        };
        (0..self.atoms.len() as u32).filter(makes).collect()
    }

    fn solve(&mut self, kept: &[Kept], _start: Start, budget: u64) -> Solved {
        let atoms: Vec<MapItem> = kept.iter().map(|kept| self.atoms[kept.item as usize].clone()).collect();
        let timeline = Timeline::new(selected(&self.items, kept));
        let mut machine = MapMachine::new(&mut self.tables, &atoms, timeline.items());
        match search(&timeline, &mut machine, budget) {
            Found::Order(_) => Solved::Yes(Tier::Search),
            Found::Nothing(blocked) => {
                let blocked = kept.get(blocked as usize).map(|kept| kept.item);
                Solved::No { tier: Tier::Search, blocked, core: None }
            }
            Found::GaveUp => Solved::GaveUp,
        }
    }

    fn order(&mut self, kept: &[Kept], budget: u64) -> Option<(Vec<u32>, String)> {
        let atoms: Vec<MapItem> = kept.iter().map(|kept| self.atoms[kept.item as usize].clone()).collect();
        let timeline = Timeline::new(selected(&self.items, kept));
        let mut machine = MapMachine::new(&mut self.tables, &atoms, timeline.items());
        let (order, state) = ordered(&timeline, &mut machine, kept, budget)?;
        let contents = machine.contents(state).to_vec();
        let words: Vec<String> =
            self.tables.iter().zip(contents).map(|(table, content)| table.describe(content)).collect();
        Some((order, format!("[{}]", words.join(", "))))
    }
}
