//! The power fails, or a call does, while checkpoints are written.

use std::path::Path;

use larder_simulated::disk::{CrashModel, Exploration, Failure, Fault, Sync};

use super::super::remove_older;
use super::*;

/// Three checkpoints, each with other keys, and the older ones removed; what is there after each, with
/// the mark when it was acknowledged.
fn history(disk: &SimDisk) -> Vec<(usize, Model)> {
    disk.record();
    let index = Index::new(SALT);
    let mut model = Model::new();
    let mut acknowledged = Vec::new();
    for number in 1..=3 {
        for which in 0..40 {
            let key = key(which * number as u32 % 60).as_cbor().to_vec();
            let new = (which % 5 > 0).then(|| at(number as u32, which));
            let old = match new {
                Some(new) => model.insert(key.clone(), new),
                None => model.remove(&key),
            };
            index.set(&key, old, new);
        }
        write(&index, disk, number);
        acknowledged.push((disk.mark(), model.clone()));
        remove_older(disk, Path::new(DIR), number).unwrap();
    }
    acknowledged
}

fn explore(disk: &SimDisk, cap: usize) -> (u64, u64) {
    let acknowledged = history(disk);
    let recording = disk.recorded();
    let (mut judged, mut wrong) = (0, 0);
    for model in CrashModel::POWER_CUTS {
        let explored = Exploration::new(model, cap).run(&recording, |crash| {
            let least = acknowledged.iter().take_while(|(mark, _)| crash.passed(*mark)).count();
            let (found, _) =
                Index::open(&crash.disk, Path::new(DIR), SALT).map_err(|error| error.to_string())?;
            let number = found.as_ref().map_or(0, |found| found.number as usize);
            if number < least || number > least + 1 {
                return Err(format!("checkpoint {number} was found, and {least} was written"));
            }
            let Some(found) = found else { return Ok(()) };
            let expected = &acknowledged[number - 1].1;
            found.index.compare(expected).map_err(|error| error.to_string())?;
            // And it goes on from there.
            let next = number as u64 + 1;
            let here = found.index.checkpoint(&crash.disk, Path::new(DIR), next, place(9, 16), b"");
            here.map_err(|error| error.to_string())?;
            let opened = Index::open(&crash.disk, Path::new(DIR), SALT).map_err(|error| error.to_string())?;
            let opened = opened.0.ok_or("nothing is found afterwards")?;
            opened.index.compare(expected).map_err(|error| error.to_string())
        });
        judged += explored.judged;
        wrong += explored.wrong;
        if let Some(violation) = explored.violations.first() {
            println!("{model:?}: {violation}");
        }
    }
    (judged, wrong)
}

#[test]
fn a_crash_leaves_the_last_checkpoint_or_the_one_under_way_whole() {
    let (judged, wrong) = explore(&disk(), 60);
    assert!(wrong == 0 && judged > 100, "{wrong} of {judged} states are wrong");
}

#[test]
fn these_crashes_show_a_forgotten_sync() {
    for sync in [Sync::File, Sync::Dir] {
        let (judged, wrong) = explore(&disk().ignoring(sync), 60);
        assert!(wrong > 0, "of {judged} states none is wrong");
    }
}

#[test]
fn a_call_that_fails_changes_nothing_and_the_next_attempt_succeeds() {
    let mut failed = 0;
    for nth in 1.. {
        let disk = disk();
        let index = Index::new(SALT);
        let mut model = Model::new();
        for number in 0..20 {
            index.set(key(number).as_cbor(), None, Some(at(1, number)));
            model.insert(key(number).as_cbor().to_vec(), at(1, number));
        }
        write(&index, &disk, 1);
        index.set(key(3).as_cbor(), Some(at(1, 3)), None);
        model.remove(key(3).as_cbor());
        disk.inject(Fault::at(nth).fails(Failure::Full));
        let result = index.checkpoint(&disk, Path::new(DIR), 2, place(2, 16), b"extra");
        let fired = disk.faults_fired();
        disk.heal();
        index.compare(&model).unwrap();
        if result.is_err() {
            failed += 1;
            write(&index, &disk, 2);
        }
        let opened = open(&disk);
        assert_eq!(opened.number, 2);
        opened.index.compare(&model).unwrap();
        if fired == 0 {
            break;
        }
    }
    assert!(failed >= 5, "{failed}");
}
