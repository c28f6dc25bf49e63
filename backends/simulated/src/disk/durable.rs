//! How what programs have written becomes durable: what each kind of sync takes along, and what it does
//! not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::state::{Change, File, Ino, Node, State};

impl State {
    /// Makes a file's data and length durable, and not its name: except where a journal is written in
    /// order. There a file that has grown takes with it all that came before, and one that has not, at
    /// least its own making.
    pub(super) fn sync_file(&mut self, ino: Ino) {
        let Some(file) = self.file(ino) else { return };
        let grows = file.steps.iter().any(|step| {
            step.len != file.durable.len()
                || step.sector.as_ref().is_some_and(|(index, _)| file.durable.get(*index).is_none())
        });
        let committed = if grows {
            self.next_change
        } else {
            let made = self.journal.iter().find(|change| change.makes == Some(ino));
            made.map_or(0, |change| change.number + 1)
        };
        if file.steps.is_empty() && committed <= self.committed {
            return;
        }
        self.committed = self.committed.max(committed);
        if let Some(file) = self.file_mut(ino) {
            file.settle();
        }
    }

    /// The data that is on its way to the medium is lost, and nobody will write it again.
    pub(super) fn lose(&mut self, ino: Ino) {
        if self.file(ino).is_some_and(|file| !file.steps.is_empty())
            && let Some(file) = self.file_mut(ino)
        {
            file.steps.clear();
        }
    }

    /// The files with data on its way.
    pub(super) fn unsynced(&self) -> Vec<Ino> {
        let dirty = |node: &Node| matches!(node, Node::File(file) if !file.steps.is_empty());
        self.nodes.iter().filter(|(_, node)| dirty(node)).map(|(ino, _)| *ino).collect()
    }

    /// Makes the names in a directory durable, and whatever changed together with them or before in the
    /// same entries. Where a journal is written in order, all that came before too.
    pub(super) fn sync_dir(&mut self, ino: Ino) {
        let last = self.journal.iter().rfind(|change| change.touches(ino) || change.makes == Some(ino));
        let Some(committed) = last.map(|change| change.number + 1) else { return };
        let mut entries = BTreeSet::new();
        let (mut synced, mut left) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut self.journal).into_iter().rev() {
            if change.touches(ino) || change.sets.iter().any(|(slot, _)| entries.contains(slot)) {
                entries.extend(change.sets.iter().map(|(slot, _)| slot.clone()));
                synced.push(change);
            } else {
                left.push(change);
            }
        }
        left.reverse();
        self.journal = left;
        if committed > self.committed || !synced.is_empty() {
            self.version += 1;
            self.committed = self.committed.max(committed);
        }
        synced.iter().rev().for_each(|change| self.make_durable(change));
        self.collect();
    }

    /// Makes everything durable.
    pub(super) fn sync_all(&mut self) {
        let unsynced = self.unsynced();
        if !self.journal.is_empty() || !unsynced.is_empty() {
            self.version += 1;
        }
        for ino in unsynced {
            if let Some(file) = self.file_mut(ino) {
                file.settle();
            }
        }
        self.committed = self.next_change;
        for change in std::mem::take(&mut self.journal) {
            self.make_durable(&change);
        }
        self.collect();
    }

    fn make_durable(&mut self, change: &Change) {
        change.apply(|dir, change| {
            if let Some(dir) = self.dir_mut(dir) {
                change(Arc::make_mut(&mut dir.durable));
            }
        });
    }
}

impl File {
    /// All that is on its way has arrived.
    fn settle(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            self.durable.follow(&step);
        }
        // Share the sectors again, unless some were lost.
        if self.durable.is_same(&self.live) {
            self.durable = self.live.clone();
        }
    }
}
