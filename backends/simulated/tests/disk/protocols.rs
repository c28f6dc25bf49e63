//! The protocols by which files are replaced, right and wrong: how many of the states that a crash may
//! leave are wrong, under each model. The zeros are where the study behind this crate has them, and so
//! are the others; the numbers of states are this model's own.

use std::path::Path;

use larder::io::{Disk, Mode};
use larder_simulated::disk::{Crash, CrashModel, Exploration, Explored, SimDisk};

const OLD: [u8; 1536] = [b'o'; 1536];
const NEW: [u8; 1536] = [b'n'; 1536];

/// A disk with an old value in place, all of it durable.
fn prepared() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new("/d")).unwrap();
    disk.open(Path::new("/d/key"), Mode::Create).unwrap().write_all_at(&OLD, 0).unwrap();
    disk.settle();
    disk
}

/// A wrong state is one that is neither old nor new, or not new once that was promised.
fn explore(
    model: CrashModel,
    protocol: impl Fn(&SimDisk),
    found: impl Fn(&SimDisk) -> Option<Vec<u8>>,
) -> Explored {
    let disk = prepared();
    disk.record();
    protocol(&disk);
    let done = disk.mark();
    Exploration::new(model, 100_000).run(&disk.recorded(), |crash: &Crash| match found(&crash.disk) {
        Some(value) if value == NEW => Ok(()),
        Some(value) if value == OLD && !crash.passed(done) => Ok(()),
        other => Err(format!("{:?} bytes", other.map(|value| value.len()))),
    })
}

fn put(file_sync: bool, dir_sync: bool) -> impl Fn(&SimDisk) {
    move |disk| {
        let (temp, key) = (Path::new("/d/tmp"), Path::new("/d/key"));
        let file = disk.open(temp, Mode::Create).unwrap();
        file.write_all_at(&NEW, 0).unwrap();
        if file_sync {
            file.sync().unwrap();
        }
        disk.rename(temp, key).unwrap();
        if dir_sync {
            disk.sync_dir(Path::new("/d")).unwrap();
        }
    }
}

fn overwrite(disk: &SimDisk) {
    let file = disk.open(Path::new("/d/key"), Mode::Write).unwrap();
    file.write_all_at(&NEW, 0).unwrap();
    file.sync().unwrap();
}

/// The new pack is in place and the old one goes, before the names are durable.
fn compact(disk: &SimDisk) {
    let (temp, pack) = (Path::new("/d/tmp"), Path::new("/d/pack.2"));
    let file = disk.open(temp, Mode::Create).unwrap();
    file.write_all_at(&NEW, 0).unwrap();
    file.sync().unwrap();
    disk.rename(temp, pack).unwrap();
    disk.remove(Path::new("/d/key")).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
}

#[test]
fn every_wrong_protocol_is_caught_under_the_models_that_can() {
    let at_key = |disk: &SimDisk| disk.bytes(Path::new("/d/key")).ok();
    let in_packs = |disk: &SimDisk| disk.bytes(Path::new("/d/pack.2")).ok().or_else(|| at_key(disk));
    type Row<'a> = (&'a str, Box<dyn Fn(CrashModel) -> Explored + 'a>, [bool; 3], &'a str);
    let rows: [Row<'_>; 5] = [
        (
            "put: tmp, write, fsync, rename, fsync dir",
            Box::new(|model| explore(model, put(true, true), at_key)),
            [false, false, false],
            "0/7 0/13 0/23",
        ),
        (
            "... no file fsync",
            Box::new(|model| explore(model, put(false, true), at_key)),
            [true, true, true],
            "2/6 3/19 33/65",
        ),
        (
            "... no dir fsync",
            Box::new(|model| explore(model, put(true, false), at_key)),
            [true, true, true],
            "1/6 1/13 2/24",
        ),
        (
            "overwrite in place",
            Box::new(|model| explore(model, overwrite, at_key)),
            [false, true, true],
            "0/4 2/7 6/11",
        ),
        (
            "compaction, unlink before dir fsync",
            Box::new(|model| explore(model, compact, in_packs)),
            [false, false, true],
            "0/7 0/14 2/22",
        ),
    ];
    println!("wrong states / states, under all-lost, ordered and adversarial (in the study)");
    for (name, run, wrong, study) in rows {
        let explored = CrashModel::POWER_CUTS.map(run);
        let [all_lost, ordered, adversarial] =
            explored.each_ref().map(|explored| format!("{}/{}", explored.wrong, explored.judged));
        println!("{name:42} {all_lost:>6} {ordered:>6} {adversarial:>8}   ({study})");
        for ((explored, wrong), model) in explored.iter().zip(wrong).zip(CrashModel::POWER_CUTS) {
            assert_eq!(!explored.is_sound(), wrong, "{name} under {model:?}: {explored}");
            assert_eq!(explored.capped, 0, "{name} under {model:?}: all states");
        }
    }
}

#[test]
fn a_synced_overwrite_of_one_sector_is_never_torn() {
    let disk = SimDisk::new(1);
    let path = Path::new("/cell");
    let file = disk.open(path, Mode::Create).unwrap();
    file.write_all_at(&[1; 512], 0).unwrap();
    disk.settle();
    disk.record();
    file.write_all_at(&[2; 512], 0).unwrap();
    file.sync().unwrap();
    let explored = Exploration::new(CrashModel::Adversarial, 100).run(&disk.recorded(), |crash| {
        let found = crash.disk.bytes(path).unwrap();
        if found == [1; 512] || found == [2; 512] { Ok(()) } else { Err("torn".to_owned()) }
    });
    assert!(explored.is_sound() && explored.judged == 2, "{explored}");
}
