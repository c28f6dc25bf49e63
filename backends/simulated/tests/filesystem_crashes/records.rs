//! Writing, replacing and removing records, acknowledged when they are durable.

use ::larder::{Backend, Bytes, Durability, Expect, Key, Part, Removed, Written};
use larder_simulated::disk::{CrashModel, Exploration, SimDisk};

use crate::support::*;

fn begin(disk: SimDisk) -> Run {
    Run::begin(&prepared(disk), Durability::Synced)
}

pub(crate) fn put(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    run.put("new", vec![b'n'; 1300]);
    survives("put", run, Extent::ALL)
}

#[test]
fn a_put_survives_every_crash() {
    sound(put);
}

pub(crate) fn replace(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    run.put("old", "newer");
    run.put("wide", vec![b'x'; 900]);
    survives("replace", run, Extent::ALL)
}

#[test]
fn a_replacement_survives_every_crash() {
    sound(replace);
}

pub(crate) fn remove(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    run.remove("old");
    run.put("old", "again");
    run.remove("old");
    survives("remove", run, Extent::ALL)
}

#[test]
fn a_removal_survives_every_crash() {
    sound(remove);
}

pub(crate) fn stream(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    run.stream("streamed", vec![Bytes::from_static(b"in "), Bytes::from_static(b"pieces")]);
    survives("streamed", run, Extent::ALL)
}

#[test]
fn a_streamed_write_survives_every_crash() {
    sound(stream);
}

/// Records of this size are written before their round, by a way of their own.
pub(crate) fn large(disk: SimDisk) -> Verdict {
    let mut run = begin(disk.sector(4096));
    run.put("large", vec![b'l'; 1 << 20]);
    survives("large", run, Extent { cap: 60, nested: 0, before_syncs: false })
}

#[test]
fn a_large_write_survives_every_crash() {
    sound(large);
}

pub(crate) fn conditional(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    let key = Key::from("counter");
    let write = |value: &str, expect| {
        let (key, record) = (key.clone(), record(&key, value.to_owned()));
        move |store: &larder_filesystem::Filesystem| {
            matches!(store.write(&key, record, expect).wait().unwrap(), Written::Done(_))
        }
    };
    run.note(&key, Some(b"1".to_vec()), write("1", Expect::Absent));
    let version = run.store.read(&key, Part::Head).wait().unwrap().unwrap().version;
    run.note(&key, Some(b"lost".to_vec()), write("lost", Expect::Absent));
    run.note(&key, Some(b"2".to_vec()), write("2", Expect::Version(version.clone())));
    run.note(&key, None, |store| {
        store.remove(&key, Expect::Version(version)).wait().unwrap() == Removed::Done
    });
    survives("conditional", run, Extent::ALL)
}

#[test]
fn conditional_writes_survive_every_crash() {
    sound(conditional);
}

pub(crate) fn hashed(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    run.put(7, "seven");
    run.put("x".repeat(500), "long");
    run.remove(7);
    survives("hashed names", run, Extent::ALL)
}

#[test]
fn keys_whose_names_are_hashes_survive_every_crash() {
    sound(hashed);
}

pub(crate) fn sequence(disk: SimDisk) -> Verdict {
    let mut run = begin(disk);
    for round in 0..6u8 {
        run.put("old", vec![round; 10]);
        run.put(format!("key {round}"), vec![round; 700]);
        if round % 2 == 0 {
            run.remove(format!("key {round}"));
        }
    }
    run.close();
    survives("sequence and close", run, Extent { cap: 300, nested: 16, before_syncs: true })
}

#[test]
fn a_long_sequence_and_its_close_survive_every_crash() {
    sound(sequence);
}

#[test]
fn a_crash_during_the_recovery_from_a_crash_during_a_recovery_changes_nothing() {
    let mut run = begin(SimDisk::new(1));
    run.put("old", "newer");
    let recording = run.disk.recorded();
    for model in [CrashModel::Ordered, CrashModel::Adversarial] {
        let exploration = Exploration::new(model, 100).then(model, 16).then(model, 4).until_wrong(1);
        let explored = exploration.run(&recording, |crash| run.judge(crash, model));
        println!("{:20} {:12} {explored}", "twice in recovery", format!("{model:?}"));
        assert!(explored.is_sound(), "{}", explored.violations[0]);
        assert!(explored.nested_points > 100, "{explored}");
    }
}
