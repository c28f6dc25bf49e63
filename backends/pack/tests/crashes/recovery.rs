//! Crashes while a crash is recovered from.

use larder::Durability;
use larder_simulated::disk::{CrashModel, SimDisk};

use crate::history::History;
use crate::simulated::ops::Script;
use crate::{Extent, MODELS, seed, survives};

fn run(name: &str, script: Script, durability: Durability, models: &[CrashModel]) {
    let script = Script { seed: seed(script.seed), ..script };
    let history = History::of(script, durability, &SimDisk::new(script.seed));
    survives(name, &history, models, Extent { cap: 3, nested: 3, before_syncs: true });
}

#[test]
fn a_crash_during_recovery_changes_nothing() {
    run("recovery", Script { compactions: 10, ..Script::new(11, 30) }, Durability::Synced, &MODELS);
}

#[test]
fn a_crash_during_recovery_of_flushed_writes_changes_nothing() {
    run("recovery, flushed", Script { compactions: 10, ..Script::new(12, 30) }, Durability::Flushed, &MODELS);
}
