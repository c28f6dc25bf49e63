//! Making a store, opening one that others left, and taking away what they left behind.

use ::larder::{Backend, Durability, Expect, Key};
use larder_simulated::disk::{Call, CrashModel, SimDisk, Where};

use crate::support::*;

pub(crate) fn new_store(disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&disk, Durability::Synced);
    run.put("first", "1");
    survives("new store", run, Extent { cap: 8, nested: 0, before_syncs: false })
}

#[test]
fn a_new_store_survives_every_crash() {
    sound(new_store);
}

/// Crashes during the opening that follows a crash during the making: at few points, since there are
/// hundreds of names on their way at each.
pub(crate) fn new_store_again(disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&disk, Durability::Synced);
    run.put("first", "1");
    survives("new store, crashed again", run, Extent { cap: 5, nested: 2, before_syncs: true })
}

#[test]
fn a_new_store_survives_crashes_while_it_is_opened_again() {
    sound(new_store_again);
}

/// A store in which a process was killed between writing and renaming, all of it durable; with another
/// temporary file whose owner's file is gone.
pub(crate) fn abandoned(disk: SimDisk) -> SimDisk {
    let disk = prepared(disk);
    let dying = disk.process();
    let store = open(&dying, Durability::Synced, 3000).unwrap();
    let killed = dying.clone();
    disk.before(Call::Rename, Where::Anywhere, move || killed.kill());
    let key = Key::from("unfinished");
    assert!(store.write(&key, record(&key, "x"), Expect::Any).wait().is_err());
    drop(store);
    disk.settle();
    assert_eq!(leftovers(&disk).len(), 2, "{:?}", leftovers(&disk));
    disk
}

pub(crate) fn sweep(disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&abandoned(disk), Durability::Synced);
    run.put("new", "x");
    run.close();
    survives("sweep", run, Extent::ALL)
}

#[test]
fn sweeping_after_a_dead_process_survives_every_crash() {
    sound(sweep);
}

/// A failed write removes its temporary file, and closing the file of the owner: a power cut must not
/// bring back the one without the other.
pub(crate) fn failed_write(disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&prepared(disk), Durability::Synced);
    let key = Key::from("old");
    let failing = run.disk.clone();
    let fault = larder_simulated::disk::Fault::at(1).on(Call::Rename);
    failing.inject(fault.fails(larder_simulated::disk::Failure::Denied));
    run.note(&key, Some(b"x".to_vec()), |store| {
        store.write(&key, record(&key, "x"), Expect::Any).wait().is_ok()
    });
    run.put("old", "newer");
    run.close();
    survives("failed write", run, Extent::ALL)
}

#[test]
fn what_a_failed_write_leaves_survives_no_crash() {
    sound(failed_write);
}

/// Whatever a killed process had made, the next one makes durable before it acknowledges anything.
pub(crate) fn killed_while_making(disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&disk, Durability::Synced);
    run.close();
    let recording = run.disk.recorded();
    let key = Key::from("k");
    for point in 0..recording.points() {
        let disk = recording.disk_at(point).unwrap();
        let context = |what: &dyn std::fmt::Display| {
            format!("a process was killed after: {}; then: {what}", recording.after(point))
        };
        let store = open(&disk, Durability::Synced, 1).map_err(|error| context(&error))?;
        store.write(&key, record(&key, "v"), Expect::Any).wait().map_err(|error| context(&error))?;
        for model in CrashModel::POWER_CUTS {
            for image in disk.crash_states(model, 3) {
                let store = open(&image, Durability::Synced, 2).map_err(|error| context(&error))?;
                let found = get(&store, &key).map_err(|error| context(&error))?;
                if found.as_deref() != Some(b"v") {
                    return Err(context(&format!(
                        "what was acknowledged is {found:?} after a power cut, {model:?}"
                    )));
                }
            }
        }
    }
    println!("{:26} {:12} {} points", "killed while making", "then all", recording.points());
    Ok(())
}

#[test]
fn a_store_that_a_killed_process_began_to_make_is_as_durable_as_any() {
    sound(killed_while_making);
}
