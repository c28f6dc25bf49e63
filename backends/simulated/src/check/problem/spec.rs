//! [`SpecProblem`]: operations on anything that has a specification.

use super::{Kept, Problem, Solved, Start, Tier, ordered, selected};
use crate::check::search::{Found, Item, SpecMachine, Timeline, search};
use crate::check::spec::Spec;

/// Calls with their answers, under a specification.
pub(in crate::check) struct SpecProblem<'a, S: Spec> {
    pub(in crate::check) spec: &'a S,
    pub(in crate::check) calls: Vec<(&'a S::Call, Option<&'a S::Answer>)>,
    pub(in crate::check) items: Vec<Item>,
}

impl<S: Spec> SpecProblem<'_, S> {
    /// Searches for an order of all items.
    pub(in crate::check) fn find(&self, budget: u64) -> Found {
        let timeline = Timeline::new(self.items.clone());
        let mut machine = SpecMachine::new(self.spec, self.calls.clone());
        search(&timeline, &mut machine, budget)
    }
}

impl<S: Spec> Problem for SpecProblem<'_, S> {
    fn items(&self) -> &[Item] {
        &self.items
    }

    fn only_reads(&self, _item: u32) -> bool {
        false
    }

    fn suppliers(&self, _item: u32) -> Vec<u32> {
        Vec::new()
    }

    fn solve(&mut self, kept: &[Kept], _start: Start, budget: u64) -> Solved {
        let calls = kept.iter().map(|kept| self.calls[kept.item as usize]).collect();
        let timeline = Timeline::new(selected(&self.items, kept));
        match search(&timeline, &mut SpecMachine::new(self.spec, calls), budget) {
            Found::Order(_) => Solved::Yes(Tier::Search),
            Found::Nothing(blocked) => {
                let blocked = kept.get(blocked as usize).map(|kept| kept.item);
                Solved::No { tier: Tier::Search, blocked, core: None }
            }
            Found::GaveUp => Solved::GaveUp,
        }
    }

    fn order(&mut self, kept: &[Kept], budget: u64) -> Option<(Vec<u32>, String)> {
        let calls = kept.iter().map(|kept| self.calls[kept.item as usize]).collect();
        let timeline = Timeline::new(selected(&self.items, kept));
        let mut machine = SpecMachine::new(self.spec, calls);
        ordered(&timeline, &mut machine, kept, budget).map(|(order, _)| (order, String::new()))
    }
}
