//! What a disk holds, twice: as programs see it, and as the medium has it, with all that is on its way
//! from the one to the other. Files are nodes with a number; a name is an entry of a directory, so that
//! an open file stays itself whatever becomes of its name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use super::content::{Content, Step};

/// The number of a node.
pub(super) type Ino = u64;

/// The directory that every path begins at.
pub(super) const ROOT: Ino = 1;

/// The entries of a directory.
pub(super) type Names = BTreeMap<OsString, Ino>;

/// A file or a directory.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File(File),
    Dir(Dir),
}

/// A file. What the medium has becomes what programs see by following the steps, unless some were lost
/// by a sync that failed.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) live: Content,
    pub(super) durable: Content,
    pub(super) steps: Vec<Step>,
}

/// A directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Dir {
    pub(super) live: Arc<Names>,
    pub(super) durable: Arc<Names>,
}

/// An entry's place: a directory, and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) dir: Ino,
    pub(super) name: OsString,
}

/// A change of names that the medium makes whole or not at all: what each entry becomes. Of two that
/// change the same entry, the later is never on the medium without the earlier: an entry goes through its
/// states in order.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) number: u64,
    pub(super) sets: Vec<(Slot, Option<Ino>)>,
    /// The node that came into being by it.
    pub(super) makes: Option<Ino>,
}

impl Change {
    pub(super) fn touches(&self, dir: Ino) -> bool {
        self.sets.iter().any(|(slot, _)| slot.dir == dir)
    }

    pub(super) fn apply(&self, mut names: impl FnMut(Ino, &mut dyn FnMut(&mut Names))) {
        for (slot, ino) in &self.sets {
            names(slot.dir, &mut |names| {
                match ino {
                    Some(ino) => names.insert(slot.name.clone(), *ino),
                    None => names.remove(&slot.name),
                };
            });
        }
    }
}

/// All that a disk holds.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) sector: usize,
    pub(super) nodes: BTreeMap<Ino, Arc<Node>>,
    /// The changes of names that no sync of their directory has made durable, in order.
    pub(super) journal: Vec<Arc<Change>>,
    /// Changes with smaller numbers are durable where a journal is written in order.
    pub(super) committed: u64,
    next_ino: Ino,
    pub(super) next_change: u64,
    /// Grows with every change.
    pub(super) version: u64,
    /// How often each node is open.
    open: BTreeMap<Ino, usize>,
    /// So many nodes were left after the last collection.
    collected: usize,
}

impl State {
    pub(super) fn new(sector: usize) -> State {
        State::of_nodes(sector, BTreeMap::from([(ROOT, Arc::new(Node::Dir(Dir::default())))]))
    }

    /// A disk with nothing on its way.
    pub(super) fn of_nodes(sector: usize, nodes: BTreeMap<Ino, Arc<Node>>) -> State {
        let next_ino = nodes.keys().next_back().copied().unwrap_or(ROOT) + 1;
        let collected = nodes.len();
        State {
            sector,
            nodes,
            journal: Vec::new(),
            committed: 0,
            next_ino,
            next_change: 0,
            version: 0,
            open: BTreeMap::new(),
            collected,
        }
    }

    pub(super) fn dir(&self, ino: Ino) -> Option<&Dir> {
        match self.nodes.get(&ino).map(|node| &**node) {
            Some(Node::Dir(dir)) => Some(dir),
            _ => None,
        }
    }

    pub(super) fn file(&self, ino: Ino) -> Option<&File> {
        match self.nodes.get(&ino).map(|node| &**node) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    pub(super) fn dir_mut(&mut self, ino: Ino) -> Option<&mut Dir> {
        match self.nodes.get_mut(&ino).map(Arc::make_mut) {
            Some(Node::Dir(dir)) => Some(dir),
            _ => None,
        }
    }

    pub(super) fn file_mut(&mut self, ino: Ino) -> Option<&mut File> {
        self.version += 1;
        match self.nodes.get_mut(&ino).map(Arc::make_mut) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    /// Makes a node, and its name.
    pub(super) fn make(&mut self, slot: Slot, is_dir: bool) -> Ino {
        let ino = self.next_ino;
        self.next_ino += 1;
        let node = if is_dir { Node::Dir(Dir::default()) } else { Node::File(File::empty(self.sector)) };
        self.nodes.insert(ino, Arc::new(node));
        self.change(vec![(slot, Some(ino))], Some(ino));
        ino
    }

    /// Changes names, all together. The entries must make sense: the caller has looked.
    pub(super) fn change(&mut self, sets: Vec<(Slot, Option<Ino>)>, makes: Option<Ino>) {
        self.version += 1;
        let change = Change { number: self.next_change, sets, makes };
        self.next_change += 1;
        change.apply(|dir, change| {
            if let Some(dir) = self.dir_mut(dir) {
                change(Arc::make_mut(&mut dir.live));
            }
        });
        self.journal.push(Arc::new(change));
    }

    pub(super) fn write(&mut self, ino: Ino, bytes: &[u8], offset: u64) {
        if let Some(file) = self.file_mut(ino) {
            let steps = file.live.write(bytes, offset);
            file.steps.extend(steps);
        }
    }

    pub(super) fn resize(&mut self, ino: Ino, len: u64) {
        if let Some(file) = self.file_mut(ino) {
            let steps = file.live.resize(len);
            file.steps.extend(steps);
        }
    }

    /// Forgets the nodes that nobody can come to any more, now and then.
    pub(super) fn collect(&mut self) {
        if self.nodes.len() > 2 * self.collected + 64 {
            let mut known = BTreeSet::from([ROOT]);
            for node in self.nodes.values() {
                if let Node::Dir(dir) = &**node {
                    known.extend(dir.live.values().chain(dir.durable.values()));
                }
            }
            let on_their_way = self.journal.iter().flat_map(|change| &change.sets);
            known.extend(on_their_way.filter_map(|(_, ino)| *ino));
            known.extend(self.open.keys());
            self.nodes.retain(|ino, _| known.contains(ino));
            self.collected = self.nodes.len();
        }
    }

    /// Notes that a node is open once more: it stays, whatever becomes of its name.
    pub(super) fn hold(&mut self, ino: Ino) {
        *self.open.entry(ino).or_default() += 1;
    }

    /// Notes that a node is open once less.
    pub(super) fn let_go(&mut self, ino: Ino) {
        if let Some(count) = self.open.get_mut(&ino) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&ino);
            }
        }
    }

    /// The same, with nothing open.
    pub(super) fn without_handles(&self) -> State {
        State { open: BTreeMap::new(), ..self.clone() }
    }

    /// Puts other bytes into a file, durably.
    pub(super) fn replace(&mut self, ino: Ino, bytes: &[u8]) {
        let mut content = Content::new(self.sector);
        content.write(bytes, 0);
        if let Some(file) = self.file_mut(ino) {
            *file = File { durable: content.clone(), live: content, steps: Vec::new() };
        }
    }

    /// Visits all files below a directory, in the order of their paths.
    pub(super) fn walk(&self, dir: Ino, path: &Path, visit: &mut impl FnMut(&Path, &File)) {
        let Some(names) = self.dir(dir).map(|dir| &dir.live) else { return };
        for (name, ino) in names.iter() {
            let path = path.join(name);
            match self.file(*ino) {
                Some(file) => visit(&path, file),
                None => self.walk(*ino, &path, visit),
            }
        }
    }

    /// Bytes of the medium that the files take which have a name or are open.
    pub(super) fn used(&self) -> u64 {
        let mut known: BTreeSet<Ino> = self.open.keys().copied().collect();
        for node in self.nodes.values() {
            if let Node::Dir(dir) = &**node {
                known.extend(dir.live.values());
            }
        }
        known.into_iter().filter_map(|ino| self.file(ino)).map(|file| file.live.used()).sum()
    }
}

impl File {
    pub(super) fn empty(sector: usize) -> File {
        let empty = Content::new(sector);
        File { live: empty.clone(), durable: empty, steps: Vec::new() }
    }
}
