//! A recorded run: what was done, when each operation began and was acknowledged, and what it left.

use std::cell::RefCell;

use larder::{Backend, Durability, Key};
use larder_simulated::disk::{Recording, SimDisk};

use crate::simulated::ops::{Op, Script};
use crate::simulated::store::{Content, open};

/// A run. Operations come one after the other, so what is on the disk is what some prefix of them left.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) durability: Durability,
    pub(crate) recording: Recording,
    pub(crate) keys: Vec<Key>,
    /// What is there before the first operation, and after each.
    pub(crate) states: Vec<Content>,
    /// The marks at which each began and was acknowledged.
    pub(crate) began: Vec<usize>,
    pub(crate) acknowledged: Vec<usize>,
    /// After so many operations, everything was made durable by this mark.
    pub(crate) barriers: Vec<(usize, usize)>,
    /// What recovery found after the crash that is being judged.
    pub(crate) settled: RefCell<Option<Content>>,
}

impl History {
    /// Runs a script on a new store that was made and settled before.
    pub(crate) fn of(script: Script, durability: Durability, disk: &SimDisk) -> History {
        let store = open(disk, durability).unwrap();
        store.close().wait().unwrap();
        drop(store);
        disk.settle();
        History::run(script.seed, &script.ops(), script.universe(), durability, disk)
    }

    /// Runs operations on what is there, which is empty or to be made; the recording begins before the store is opened,
    /// and ends after it was closed.
    pub(crate) fn run(
        seed: u64,
        ops: &[Op],
        keys: Vec<Key>,
        durability: Durability,
        disk: &SimDisk,
    ) -> History {
        disk.record();
        let mut store = open(disk, durability).unwrap();
        let (mut states, mut barriers) = (vec![Content::new()], Vec::new());
        let (mut began, mut acknowledged) = (Vec::new(), Vec::new());
        for op in ops {
            let before = states.last().unwrap();
            if matches!(op, Op::Reopen) {
                store.close().wait().unwrap();
                barriers.push((began.len(), disk.mark()));
                drop(store);
                store = open(disk, durability).unwrap();
                continue;
            }
            if !op.changes() {
                op.run(&store, before).unwrap_or_else(|error| panic!("seed {seed}, {op:?}: {error}"));
                if matches!(op, Op::Sync) {
                    barriers.push((began.len(), disk.mark()));
                }
                continue;
            }
            began.push(disk.mark());
            op.run(&store, before).unwrap_or_else(|error| panic!("seed {seed}, {op:?}: {error}"));
            acknowledged.push(disk.mark());
            let mut after = before.clone();
            op.apply(&mut after);
            states.push(after);
        }
        store.close().wait().unwrap();
        barriers.push((began.len(), disk.mark()));
        drop(store);
        let recording = disk.recorded();
        let settled = RefCell::default();
        History { seed, durability, recording, keys, states, began, acknowledged, barriers, settled }
    }
}
