//! [`MapMachine`]: several keys, of which some operations change more than one at once.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::atom::{ABSENT, Atom};
use super::needs::Needs;
use super::table::Table;
use crate::check::search::{Item, Machine};

/// What one operation does: an atom for each key that it touches, by the number of the key.
pub(in crate::check) type MapItem = Vec<(usize, Atom)>;

/// Several keys: a state is the list of the numbers of their contents, and has a number itself.
#[derive(Debug)]
pub(in crate::check) struct MapMachine<'t, 'h> {
    tables: &'t mut [Table<'h>],
    atoms: &'t [MapItem],
    items: &'t [Item],
    needs: Vec<Needs>,
    states: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, u32, FixedState>,
}

impl<'t, 'h> MapMachine<'t, 'h> {
    pub(in crate::check) fn new(
        tables: &'t mut [Table<'h>],
        atoms: &'t [MapItem],
        items: &'t [Item],
    ) -> MapMachine<'t, 'h> {
        let needs = tables.iter().enumerate().map(|(key, table)| {
            let of_key = atoms.iter().zip(items).flat_map(move |(parts, item)| {
                let parts = parts.iter().filter(move |(of, _)| *of == key);
                parts.map(|(_, atom)| (*atom, !item.optional))
            });
            Needs::new(table, of_key)
        });
        let needs = needs.collect();
        MapMachine { tables, atoms, items, needs, states: Vec::new(), numbers: HashMap::default() }
    }

    /// The contents in a state, by the number of the key.
    pub(in crate::check) fn contents(&self, state: u32) -> &[u32] {
        self.states.get(state as usize).map_or(&[], |contents| contents)
    }

    fn number(&mut self, state: Box<[u32]>) -> u32 {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.states.len() as u32;
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}

impl Machine for MapMachine<'_, '_> {
    fn initial(&mut self) -> u32 {
        self.number(vec![ABSENT; self.tables.len()].into())
    }

    fn step(&mut self, state: u32, item: usize) -> Option<u32> {
        let before = &self.states[state as usize];
        let parts = &self.atoms[item];
        let mut after: Option<Box<[u32]>> = None;
        for (key, atom) in parts {
            let present = after.as_ref().unwrap_or(before)[*key];
            let next = self.tables[*key].step(present, *atom)?;
            if next != present {
                after.get_or_insert_with(|| before.clone())[*key] = next;
            }
        }
        Some(after.map_or(state, |after| self.number(after)))
    }

    fn only_reads(&self, item: usize) -> bool {
        self.atoms[item].iter().all(|(_, atom)| atom.only_reads())
    }

    fn take(&mut self, item: usize) {
        for (key, atom) in &self.atoms[item] {
            self.needs[*key].take(&self.tables[*key], *atom, !self.items[item].optional);
        }
    }

    fn give_back(&mut self, item: usize) {
        for (key, atom) in &self.atoms[item] {
            self.needs[*key].give_back(&self.tables[*key], *atom, !self.items[item].optional);
        }
    }

    fn is_hopeless(&self, from: u32, to: u32, item: usize) -> bool {
        let (from, to) = (&self.states[from as usize], &self.states[to as usize]);
        self.atoms[item].iter().any(|(key, atom)| {
            let must = !self.items[item].optional;
            self.needs[*key].is_hopeless(&self.tables[*key], from[*key], to[*key], *atom, must)
        })
    }
}
