//! Large data, in files of their own.

use larder::Durability;
use larder_simulated::disk::{CrashModel, SimDisk};

use crate::history::History;
use crate::simulated::ops::Script;
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
