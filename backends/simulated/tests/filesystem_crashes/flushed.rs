//! Writes that are acknowledged when the system has them: they survive the end of the process, and a
//! power cut once a sync has answered.

use ::larder::{Backend, Durability, Expect, Key};
use larder_simulated::disk::{CrashModel, SimDisk};

use crate::support::*;

pub(crate) fn barrier(disk: SimDisk) -> Verdict {
    flushed(disk, Extent { cap: 40, nested: 2, before_syncs: true })
}

fn flushed(disk: SimDisk, extent: Extent) -> Verdict {
    let mut run = Run::begin(&prepared(disk), Durability::Flushed);
    run.put("old", "1");
    run.put("new", "1");
    run.remove("kept");
    run.sync();
    run.put("new", "2");
    run.put("old", "2");
    survives("flushed, sync", run, extent)
}

#[test]
fn what_was_flushed_survives_a_kill_and_what_was_synced_a_power_cut() {
    sound(barrier);
    sound(|disk| flushed(disk.without_sync_all(), Extent { cap: 200, nested: 0, before_syncs: false }));
}

/// The barrier is as good on a store that was only just made.
pub(crate) fn barrier_on_a_new_store(disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&disk, Durability::Flushed);
    run.put("first", "1");
    run.sync();
    survives("flushed, sync, new store", run, Extent { cap: 8, nested: 0, before_syncs: true })
}

#[test]
fn the_first_sync_of_a_new_store_makes_all_of_it_durable() {
    sound(barrier_on_a_new_store);
    sound(|disk| barrier_on_a_new_store(disk.without_sync_all()));
}

/// What a process that was killed had acknowledged is acknowledged: the next one's sync makes it durable.
pub(crate) fn barrier_of_the_next_process(disk: SimDisk) -> Verdict {
    let disk = prepared(disk);
    let (first, second) = (disk.process(), disk.process());
    let key = Key::from("old");
    let failed = |error: larder::Error| error.to_string();
    let store = open(&first, Durability::Flushed, 1).map_err(failed)?;
    store.write(&key, record(&key, "newer"), Expect::Any).wait().map_err(failed)?;
    first.kill();
    let store = open(&second, Durability::Flushed, 2).map_err(failed)?;
    store.sync().wait().map_err(failed)?;
    for model in CrashModel::POWER_CUTS {
        for image in disk.crash_states(model, 50) {
            let store = open(&image, Durability::Flushed, 3).map_err(failed)?;
            let found = get(&store, &key).map_err(failed)?;
            if found.as_deref() != Some(b"newer") {
                return Err(format!("after the sync there is {found:?} under {key}, {model:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn a_sync_includes_what_a_killed_process_had_acknowledged() {
    sound(barrier_of_the_next_process);
    sound(|disk| barrier_of_the_next_process(disk.without_sync_all()));
}
