//! Large data, in files of their own.

use larder::{Bytes, Durability, Key};
use larder_simulated::disk::{CrashModel, SimDisk};

use crate::history::History;
use crate::simulated::ops::{Op, Script, blob};
use crate::{Extent, seed, survives};

fn run(name: &str, script: Script, durability: Durability, models: &[CrashModel]) {
    let script = Script { seed: seed(script.seed), keys: 4, blobs: 60, reopenings: 10, ..script };
    let history = History::of(script, durability, &SimDisk::new(script.seed).sector(4096));
    survives(name, &history, models, Extent { cap: 3, nested: 0, before_syncs: false });
}

#[test]
fn large_values_survive_every_crash() {
    run("blobs", Script::new(21, 14), Durability::Synced, &crate::MODELS);
}

#[test]
fn large_values_that_were_flushed_survive_a_kill_and_synced_ones_a_power_cut() {
    run("blobs, flushed", Script { syncs: 15, ..Script::new(22, 14) }, Durability::Flushed, &crate::MODELS);
}

/// A blob that was removed, and that a power cut brings back when nothing tells of it any more.
#[test]
fn the_file_of_a_large_value_that_was_removed_does_not_stay() {
    let keys = vec![Key::from("large"), Key::from("small")];
    let put = |key: &Key, value: Bytes| Op::Put(key.clone(), value);
    let small = || Bytes::from_static(b"small");
    let ops = [
        put(&keys[0], blob(1, 0)),
        Op::Remove(keys[0].clone()),
        Op::Reopen,
        put(&keys[1], small()),
        put(&keys[1], blob(2, 0)),
        put(&keys[1], small()),
    ];
    for durability in [Durability::Synced, Durability::Flushed] {
        let history = History::run(23, &ops, keys.clone(), durability, &SimDisk::new(23).sector(4096));
        survives("removed blob", &history, &crate::MODELS, Extent { cap: 4, nested: 0, before_syncs: false });
    }
}
