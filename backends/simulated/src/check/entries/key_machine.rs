//! [`KeyMachine`]: one key as a machine for the search.

use super::atom::Atom;
use super::needs::Needs;
use super::table::Table;
use crate::check::search::{Item, Machine};

/// One key: its state is the number of its content.
#[derive(Debug)]
pub(in crate::check) struct KeyMachine<'t, 'h> {
    table: &'t mut Table<'h>,
    atoms: &'t [Atom],
    items: &'t [Item],
    needs: Needs,
    start: u32,
}

impl<'t, 'h> KeyMachine<'t, 'h> {
    /// The machine of these atoms; the item with the same number says whether one must happen.
    pub(in crate::check) fn new(
        table: &'t mut Table<'h>,
        atoms: &'t [Atom],
        items: &'t [Item],
    ) -> KeyMachine<'t, 'h> {
        let needs = Needs::new(table, atoms.iter().zip(items).map(|(atom, item)| (*atom, !item.optional)));
        KeyMachine { table, atoms, items, needs, start: Atom::ABSENT }
    }

    /// The same, beginning with this content.
    #[must_use]
    pub(in crate::check) fn starting_at(mut self, start: u32) -> KeyMachine<'t, 'h> {
        self.start = start;
        self
    }
}

impl Machine for KeyMachine<'_, '_> {
    fn initial(&mut self) -> u32 {
        self.start
    }

    fn step(&mut self, state: u32, item: usize) -> Option<u32> {
        self.table.step(state, self.atoms[item])
    }

    fn only_reads(&self, item: usize) -> bool {
        self.atoms[item].only_reads()
    }

    fn take(&mut self, item: usize) {
        self.needs.take(self.table, self.atoms[item], !self.items[item].optional);
    }

    fn give_back(&mut self, item: usize) {
        self.needs.give_back(self.table, self.atoms[item], !self.items[item].optional);
    }

    fn is_hopeless(&self, from: u32, to: u32, item: usize) -> bool {
        self.needs.is_hopeless(self.table, from, to, self.atoms[item], !self.items[item].optional)
    }

    fn is_blind(&self, item: usize) -> bool {
        matches!(self.atoms[item], Atom::Write(_) | Atom::Remove { seen: false })
    }
}
