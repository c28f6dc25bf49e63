//! [`Needs`]: which contents the operations that are left still need, and what may bring them about.

use super::atom::Atom;
use super::table::Table;

/// Counts over the atoms of one key that are not placed yet. They tell when a step is hopeless: it leaves a
/// content that somebody must still find and nobody can bring about again, or makes a log longer than what must
/// still be read, or in another way.
#[derive(Debug)]
pub(super) struct Needs {
    /// For each content, how many atoms that must happen need it.
    needed: Vec<u32>,
    /// For each content, how many atoms may leave it behind.
    made: Vec<u32>,
    /// How many atoms may leave behind anything.
    wild: u32,
    /// How many atoms may leave behind something else than a longer log.
    resets: u32,
    /// How many appends may be of elements that somebody must still read.
    loose: u32,
    /// How many atoms that must happen need a log.
    logs: u32,
    /// Of a log that only grows, the longest that is read and all its beginnings, by length. Empty if there are
    /// atoms that do something else: what is still to be read may then begin in another way.
    longest: Vec<u32>,
}

impl Needs {
    /// The counts of these atoms, each with whether it must happen.
    pub(super) fn new(table: &Table<'_>, atoms: impl Iterator<Item = (Atom, bool)> + Clone) -> Needs {
        let mut needs = Needs {
            needed: vec![0; table.len()],
            made: vec![0; table.len()],
            wild: 0,
            resets: 0,
            loose: 0,
            logs: 0,
            longest: Vec::new(),
        };
        atoms.clone().for_each(|(atom, must)| needs.count(table, atom, must, true));
        let logs = atoms.filter_map(|(atom, must)| atom.needs().filter(|_| must));
        let longest = logs.filter_map(|log| Some((table.log_len(log)?, log))).max();
        if let Some((_, longest)) = longest
            && needs.resets == 0
        {
            needs.longest = table.prefixes(longest);
        }
        needs
    }

    fn count(&mut self, table: &Table<'_>, atom: Atom, must: bool, more: bool) {
        let change = |count: &mut u32| *count = if more { *count + 1 } else { count.saturating_sub(1) };
        if let Some(content) = atom.needs().filter(|_| must) {
            self.needed.get_mut(content as usize).into_iter().for_each(change);
            if table.log_len(content).is_some() {
                change(&mut self.logs);
            }
        }
        if let Some(content) = atom.makes() {
            self.made.get_mut(content as usize).into_iter().for_each(change);
        }
        if matches!(atom, Atom::Deep(_)) {
            change(&mut self.wild);
        }
        if matches!(atom, Atom::Append(_)) {
            change(&mut self.loose);
        }
        let grows = match atom {
            Atom::Append(_) | Atom::Unread(_) => true,
            Atom::Move { to, .. } => table.log_len(to).is_some(),
            _ => false,
        };
        if !grows && !atom.only_reads() {
            change(&mut self.resets);
        }
    }

    pub(super) fn take(&mut self, table: &Table<'_>, atom: Atom, must: bool) {
        self.count(table, atom, must, false);
    }

    pub(super) fn give_back(&mut self, table: &Table<'_>, atom: Atom, must: bool) {
        self.count(table, atom, must, true);
    }

    /// Whether the step by this atom, which is still counted, leaves the rest without a chance.
    pub(super) fn is_hopeless(&self, table: &Table<'_>, from: u32, to: u32, atom: Atom, must: bool) -> bool {
        if from == to {
            return false;
        }
        let count = |counts: &[u32], content: u32| counts.get(content as usize).copied().unwrap_or(0);
        let own = u32::from(must && atom.needs() == Some(from));
        if count(&self.needed, from) > own {
            let unmade = count(&self.made, from) == 0 && self.wild == 0;
            let lost = match table.log_len(from) {
                // Where it is not known who appends what, a log comes back only if it is taken away first.
                Some(_) => self.resets == 0 || unmade && self.loose == 0,
                None => unmade,
            };
            if lost {
                return true;
            }
        }
        if self.resets > 0 || self.logs == 0 {
            return false;
        }
        match (atom, table.log_len(to)) {
            // From here the log only grows, and what was appended now is in nothing that is read.
            (Atom::Unread(_), _) => true,
            // What is still to be read is longer, and begins like this.
            (_, Some(len)) if !self.longest.is_empty() => self.longest.get(len as usize) != Some(&to),
            _ => false,
        }
    }
}
