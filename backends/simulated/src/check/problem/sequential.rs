//! [`InOwnOrder`]: the operations on one key, of which only the order of each client counts.

use std::collections::BTreeMap;

use super::{Kept, KeyProblem, Problem, Solved, Start, Tier, selected};
use crate::check::entries::{Atom, KeyMachine};
use crate::check::search::{Item, Machine, Memo};

/// The operations on one key as sequential consistency sees them: any order that keeps the order of each
/// client's own operations (by invocation) will do, whatever the time.
#[derive(Debug)]
pub(in crate::check) struct InOwnOrder<'h> {
    pub(in crate::check) key: KeyProblem<'h>,
    /// For each item, its client.
    pub(in crate::check) clients: Vec<u64>,
}

/// How a search ended: whether there is an order; the longest, and who could not follow.
struct Searched {
    order: Vec<u32>,
    blocked: Option<u32>,
    state: u32,
    gave_up: bool,
}

impl InOwnOrder<'_> {
    fn search(&mut self, kept: &[Kept], budget: u64) -> Searched {
        let mut queues: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (at, kept) in (0u32..).zip(kept) {
            queues.entry(self.clients[kept.item as usize]).or_default().push(at);
        }
        let queues: Vec<Vec<u32>> = queues.into_values().collect();
        let items = selected(&self.key.items, kept);
        let atoms: Vec<Atom> = kept.iter().map(|kept| self.key.atoms[kept.item as usize]).collect();
        let mut machine = KeyMachine::new(&mut self.key.table, &atoms, &items).starting_at(self.key.start);
        let state = machine.initial();
        let mut walk = Walk {
            queues: &queues,
            items: &items,
            machine: &mut machine,
            at: vec![0; queues.len()],
            state,
            trail: Vec::new(),
            best: (0, Vec::new(), state, None),
        };
        walk.run(budget)
    }
}

/// A depth-first walk over how many operations of each client are placed.
struct Walk<'a, M> {
    queues: &'a [Vec<u32>],
    items: &'a [Item],
    machine: &'a mut M,
    at: Vec<usize>,
    state: u32,
    trail: Vec<Step>,
    /// The longest trail so far: its length, the order, the state, and the first that could not follow.
    best: (usize, Vec<u32>, u32, Option<u32>),
}

/// A placing of the item at `index` in the queue of a client, past optional ones before it.
#[derive(Clone, Copy)]
struct Step {
    client: usize,
    index: usize,
    /// Where that client was before, and the state.
    before: (usize, u32),
    /// Whether there was a choice.
    chosen: bool,
}

impl<M: Machine> Walk<'_, M> {
    fn run(&mut self, budget: u64) -> Searched {
        let mut failed = Memo::new(self.queues.len() + 1);
        // The last choice tried at the present configuration.
        let mut last: Option<(usize, usize)> = None;
        loop {
            if last.is_none() {
                self.place_what_reads();
                if self.is_done() {
                    let order = self.order();
                    return Searched { order, blocked: None, state: self.state, gave_up: false };
                }
            }
            let fresh = last.is_none() && failed.contains(&self.configuration());
            let next = if fresh { None } else { self.choice(last) };
            if let Some((client, index, state)) = next {
                self.place(client, index, state, true);
                last = None;
                continue;
            }
            if !fresh {
                self.note();
                failed.insert(&self.configuration());
            }
            let gave_up = failed.len() as u64 > budget;
            match self.undo() {
                Some(choice) if !gave_up => last = Some(choice),
                _ => {
                    let (_, order, state, blocked) = std::mem::take(&mut self.best);
                    return Searched { order, blocked, state, gave_up };
                }
            }
        }
    }

    fn configuration(&self) -> Vec<u64> {
        let places = self.at.iter().map(|at| *at as u64);
        std::iter::once(u64::from(self.state)).chain(places).collect()
    }

    /// Whether nothing is left that must happen.
    fn is_done(&self) -> bool {
        let mut left = self.queues.iter().zip(&self.at).flat_map(|(queue, at)| &queue[*at..]);
        left.all(|item| self.items[*item as usize].optional)
    }

    fn order(&self) -> Vec<u32> {
        self.trail.iter().map(|step| self.queues[step.client][step.index]).collect()
    }

    fn note(&mut self) {
        if self.trail.len() >= self.best.0 {
            let heads = self.queues.iter().zip(&self.at).filter_map(|(queue, at)| {
                queue[*at..].iter().copied().find(|item| !self.items[*item as usize].optional)
            });
            let blocked = heads.min_by_key(|item| self.items[*item as usize].hint);
            self.best = (self.trail.len(), self.order(), self.state, blocked);
        }
    }

    /// The items that may come next: of each client those up to the first that must happen.
    fn heads(&self) -> Vec<(usize, usize)> {
        let mut heads = Vec::new();
        for (client, (queue, at)) in self.queues.iter().zip(&self.at).enumerate() {
            let must = |item: &u32| !self.items[*item as usize].optional;
            let end = queue[*at..].iter().position(must).map_or(queue.len(), |first| at + first + 1);
            heads.extend((*at..end).map(|index| (client, index)));
        }
        heads
    }

    /// The next choice after `last`, by client.
    fn choice(&mut self, last: Option<(usize, usize)>) -> Option<(usize, usize, u32)> {
        for (client, index) in self.heads() {
            if last.is_some_and(|last| (client, index) <= last) {
                continue;
            }
            let item = self.queues[client][index] as usize;
            if let Some(state) = self.machine.step(self.state, item)
                && !self.machine.is_hopeless(self.state, state, item)
            {
                return Some((client, index, state));
            }
        }
        None
    }

    fn place_what_reads(&mut self) {
        loop {
            let state = self.state;
            let still = self.heads().into_iter().find(|(client, index)| {
                let item = self.queues[*client][*index] as usize;
                // Optional items before it may be worth more than this one.
                *index == self.at[*client]
                    && !self.items[item].optional
                    && self.machine.only_reads(item)
                    && self.machine.step(state, item) == Some(state)
            });
            let Some((client, index)) = still else { return };
            self.place(client, index, state, false);
        }
    }

    fn place(&mut self, client: usize, index: usize, state: u32, chosen: bool) {
        self.trail.push(Step { client, index, before: (self.at[client], self.state), chosen });
        for passed in self.at[client]..=index {
            self.machine.take(self.queues[client][passed] as usize);
        }
        self.at[client] = index + 1;
        self.state = state;
    }

    /// Goes back to the last choice, and names it.
    fn undo(&mut self) -> Option<(usize, usize)> {
        while let Some(step) = self.trail.pop() {
            for passed in step.before.0..=step.index {
                self.machine.give_back(self.queues[step.client][passed] as usize);
            }
            (self.at[step.client], self.state) = step.before;
            if step.chosen {
                return Some((step.client, step.index));
            }
        }
        None
    }
}

impl Problem for InOwnOrder<'_> {
    fn items(&self) -> &[Item] {
        &self.key.items
    }

    fn only_reads(&self, item: u32) -> bool {
        self.key.only_reads(item)
    }

    fn suppliers(&self, item: u32) -> Vec<u32> {
        self.key.suppliers(item)
    }

    fn solve(&mut self, kept: &[Kept], _start: Start, budget: u64) -> Solved {
        match self.search(kept, budget) {
            Searched { gave_up: true, .. } => Solved::GaveUp,
            Searched { blocked: None, .. } => Solved::Yes(Tier::Search),
            Searched { blocked: Some(blocked), .. } => {
                let blocked = kept.get(blocked as usize).map(|kept| kept.item);
                Solved::No { tier: Tier::Search, blocked, core: None }
            }
        }
    }

    fn order(&mut self, kept: &[Kept], budget: u64) -> Option<(Vec<u32>, String)> {
        let searched = self.search(kept, budget);
        if searched.gave_up || searched.blocked.is_some() {
            return None;
        }
        let order = searched.order.iter().filter_map(|at| kept.get(*at as usize)).map(|kept| kept.item);
        Some((order.collect(), self.key.table.describe(searched.state)))
    }

    fn has_beginnings(&self) -> bool {
        // What a client saw may have been written later.
        false
    }
}
