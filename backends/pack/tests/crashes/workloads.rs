//! Long runs by chance, a crash at every point of each.

use larder::Durability;
use larder_simulated::disk::{CrashModel, SimDisk};

use crate::history::History;
use crate::simulated::ops::Script;
use crate::{Extent, MODELS, seed, survives};

fn run(name: &str, script: Script, durability: Durability, models: &[CrashModel], cap: usize) {
    let script = Script { seed: seed(script.seed), ..script };
    let history = History::of(script, durability, &SimDisk::new(script.seed));
    let extent = Extent { cap, nested: 0, before_syncs: false };
    let judged = survives(name, &history, models, extent);
    assert!(judged > 500, "{name}: only {judged} states");
}

#[test]
fn synced_writes_survive_every_crash() {
    run("synced", Script::new(1, 80), Durability::Synced, &MODELS, 5);
}

#[test]
fn synced_writes_of_another_run_survive_every_crash() {
    run("synced", Script::new(2, 80), Durability::Synced, &MODELS, 5);
}

#[test]
fn flushed_writes_survive_a_kill_and_synced_ones_a_power_cut() {
    run("flushed", Script::new(3, 80), Durability::Flushed, &MODELS, 5);
}

#[test]
fn flushed_writes_of_another_run_survive_a_kill_and_synced_ones_a_power_cut() {
    run("flushed", Script { syncs: 2, ..Script::new(4, 80) }, Durability::Flushed, &MODELS, 5);
}

#[test]
fn overwriting_and_compaction_survive_every_crash() {
    let script = Script { keys: 5, removals: 5, batches: 5, compactions: 10, syncs: 0, ..Script::new(5, 70) };
    run("overwriting", script, Durability::Synced, &MODELS, 5);
}

#[test]
fn removals_and_compaction_survive_every_crash() {
    let script = Script { keys: 20, removals: 50, batches: 10, compactions: 6, ..Script::new(6, 80) };
    run("removals", script, Durability::Synced, &MODELS, 5);
}

#[test]
fn batches_are_whole_after_every_crash() {
    let script = Script { batches: 80, removals: 5, largest: 2000, ..Script::new(7, 40) };
    run("batches", script, Durability::Synced, &MODELS, 5);
}

#[test]
fn unsynced_batches_are_whole_after_every_crash() {
    let script = Script { batches: 80, removals: 5, syncs: 10, largest: 2000, ..Script::new(8, 40) };
    run("unsynced batches", script, Durability::Flushed, &MODELS, 5);
}
