//! A workload on a disk on which something goes wrong.

use std::collections::BTreeSet;

use larder::{Backend, Durability, Error, ErrorKind, Key, Result};
use larder_pack::Pack;
use larder_simulated::disk::{CrashModel, SimDisk};

use crate::simulated::ops::{Op, Script};
use crate::simulated::store::{Content, contents, open, shortly};

/// What happens in one.
pub(crate) struct Trial {
    pub(crate) disk: SimDisk,
    durability: Durability,
    keys: Vec<Key>,
    store: Option<Pack>,
    /// What is there.
    content: Content,
    /// What may be there after a power cut: what there was since everything was made durable.
    pub(crate) cut: BTreeSet<Content>,
    /// Calls of the store that failed.
    pub(crate) errors: u64,
    pub(crate) poisoned: u64,
}

impl Trial {
    /// On a copy of what is there.
    pub(crate) fn new(disk: &SimDisk, content: &Content, script: &Script, durability: Durability) -> Trial {
        Trial {
            disk: disk.fork(),
            durability,
            keys: script.universe(),
            store: None,
            content: content.clone(),
            cut: BTreeSet::from([content.clone()]),
            errors: 0,
            poisoned: 0,
        }
    }

    /// Does all of this, and looks at what is there in the end.
    pub(crate) fn run(&mut self, ops: &[Op]) {
        ops.iter().for_each(|op| self.step(op));
    }

    pub(crate) fn step(&mut self, op: &Op) {
        let Some(store) = self.ready() else { return };
        if matches!(op, Op::Reopen) {
            let closed = store.close().wait();
            drop(store);
            match closed {
                Ok(()) => self.settled(),
                Err(_) => self.errors += 1,
            }
            self.store = None;
            return;
        }
        let mut after = self.content.clone();
        op.apply(&mut after);
        match op.run(&store, &self.content) {
            Ok(()) => {
                self.done(after);
                if matches!(op, Op::Sync) {
                    self.settled();
                }
            }
            Err(error) => self.failed(op, store, &error, after),
        }
    }

    /// The open store. It is opened if it is not; if that fails, it is tried once more later.
    fn ready(&mut self) -> Option<Pack> {
        if self.store.is_none() {
            match open(&self.disk, self.durability) {
                Ok(store) => {
                    self.store = Some(store);
                    self.look(&[]);
                    self.seen();
                }
                Err(error) => {
                    self.errors += 1;
                    assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}");
                }
            }
        }
        self.store.clone()
    }

    fn done(&mut self, after: Content) {
        if self.durability == Durability::Synced {
            self.cut.clear();
        }
        self.cut.insert(after.clone());
        self.content = after;
    }

    /// All that is there is durable.
    fn settled(&mut self) {
        self.cut = BTreeSet::from([self.content.clone()]);
    }

    /// Where writes are durable when they are seen, what is there now is.
    fn seen(&mut self) {
        if self.durability == Durability::Synced {
            self.settled();
        }
    }

    fn failed(&mut self, op: &Op, store: Pack, error: &Error, after: Content) {
        self.errors += 1;
        assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}");
        // What is there can be read, and what failed is not seen.
        self.look(&[]);
        if error.is_ambiguous() {
            self.cut.insert(after.clone());
        }
        let synced = store.sync().wait();
        drop(store);
        if synced.is_ok() {
            self.settled();
        }
        if synced.is_err_and(|error| error.kind() == ErrorKind::Poisoned) {
            self.poisoned += 1;
            self.store = None;
            let possible = if error.is_ambiguous() { vec![after] } else { Vec::new() };
            for _ in 0..5 {
                if let Ok(store) = open(&self.disk, self.durability) {
                    self.store = Some(store);
                    self.look(&possible);
                    self.seen();
                    break;
                }
            }
            assert!(self.store.is_some(), "it cannot be opened after {error}");
        } else {
            assert!(!error.is_ambiguous() || !op.changes(), "in doubt, and not poisoned: {error}");
        }
    }

    /// Reads all, and again if that fails: it is what should be there, or one of these, and then that.
    fn look(&mut self, others: &[Content]) {
        let Some(store) = &self.store else { return };
        let found = match contents(store, &self.keys) {
            Ok(found) => found,
            Err(error) => {
                self.errors += 1;
                assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}");
                match contents(store, &self.keys) {
                    Ok(found) => found,
                    Err(again) => panic!("{again}, after {error}"),
                }
            }
        };
        if found != self.content {
            assert!(
                others.contains(&found),
                "there is [{}], and not [{}], {} others",
                shortly(&found),
                shortly(&self.content),
                others.len()
            );
            self.content = found;
        }
    }

    /// Looks at what a killed process leaves, what the store holds when it is opened again, and what power cuts leave.
    pub(crate) fn end(&mut self) {
        self.disk.heal();
        let copy = self.disk.fork();
        self.check(&copy, &BTreeSet::from([self.content.clone()]), "a kill");
        for model in [CrashModel::AllLost, CrashModel::Adversarial] {
            for image in self.disk.crash_states(model, 3) {
                self.check(&image, &self.cut, &format!("{model:?}"));
            }
        }
        self.ready();
        assert!(self.store.is_some(), "it cannot be opened");
        self.look(&[]);
        self.step(&Op::Put(self.keys[0].clone(), "usable".into()));
        self.step(&Op::Compact);
        self.step(&Op::Reopen);
        self.ready();
    }

    fn check(&self, disk: &SimDisk, possible: &BTreeSet<Content>, what: &str) {
        let found: Result<Content> =
            open(disk, self.durability).and_then(|store| contents(&store, &self.keys));
        match found {
            Ok(found) => assert!(
                possible.contains(&found),
                "after {what} there is [{}], and not one of {:?}",
                shortly(&found),
                possible.iter().map(shortly).collect::<Vec<_>>()
            ),
            Err(error) => panic!("after {what}: {error}"),
        }
    }
}
