//! What a crash may leave, and what it may not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use larder::io::{Disk, DiskFile, Mode};
use larder_simulated::disk::{CrashModel, Exploration, SimDisk, Sync, Where};
use larder_simulated::draw::{Draws, below};

type Files = Vec<(PathBuf, Vec<u8>)>;

fn states(disk: &SimDisk, model: CrashModel) -> Vec<Files> {
    let states = disk.crash_states(model, 1_000_000);
    assert!(!states.is_capped());
    states.map(|image| image.files()).collect()
}

fn create(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn DiskFile> {
    let file = disk.open(Path::new(path), Mode::Create).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn has(files: &Files, path: &str) -> bool {
    files.iter().any(|(at, _)| at == Path::new(path))
}

#[test]
fn the_sync_of_a_new_file_keeps_its_data_and_not_its_name() {
    let disk = SimDisk::new(0);
    create(&disk, "/new", b"text").sync().unwrap();
    assert_eq!(states(&disk, CrashModel::AllLost), [Files::new()]);
    assert_eq!(
        states(&disk, CrashModel::Adversarial),
        [Files::new(), vec![("/new".into(), b"text".to_vec())]]
    );
    assert_eq!(states(&disk, CrashModel::Ordered), [vec![("/new".into(), b"text".to_vec())]]);
}

#[test]
fn the_sync_of_a_directory_keeps_names_and_not_data() {
    let disk = SimDisk::new(0);
    create(&disk, "/new", &[1; 600]);
    disk.sync_dir(Path::new("/")).unwrap();
    for model in CrashModel::POWER_CUTS {
        let states = states(&disk, model);
        assert!(states.iter().all(|files| has(files, "/new")));
        assert!(states.iter().any(|files| files[0].1.is_empty()), "{model:?}");
        assert!(states.contains(&disk.files()) != (model == CrashModel::AllLost));
    }
    let lengths: BTreeSet<usize> =
        states(&disk, CrashModel::Adversarial).iter().map(|files| files[0].1.len()).collect();
    assert_eq!(lengths, BTreeSet::from([0, 512, 600]));
}

#[test]
fn a_length_without_data_is_zeros_or_garbage_but_not_where_a_journal_is_ordered() {
    let disk = SimDisk::new(0);
    create(&disk, "/new", &[7; 512]);
    disk.sync_dir(Path::new("/")).unwrap();
    let contents = |model| {
        let found = states(&disk, model).into_iter().map(|files| files[0].1.clone());
        found.filter(|bytes| bytes.len() == 512).map(|bytes| (bytes[0], bytes[511])).collect::<Vec<_>>()
    };
    let found = contents(CrashModel::Adversarial);
    assert!(found.len() == 3 && found.contains(&(0, 0)) && found.contains(&(7, 7)), "{found:?}");
    assert_eq!(contents(CrashModel::Ordered), [(7, 7)]);
}

#[test]
fn an_open_file_stays_itself_when_it_is_renamed_or_removed() {
    let disk = SimDisk::new(0);
    let file = create(&disk, "/tmp", b"one");
    disk.rename(Path::new("/tmp"), Path::new("/key")).unwrap();
    file.write_all_at(b"two", 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(states(&disk, CrashModel::Adversarial), [vec![("/key".into(), b"two".to_vec())]]);
    disk.remove(Path::new("/key")).unwrap();
    file.write_all_at(b"three", 0).unwrap();
    let mut buffer = [0; 5];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 5);
    assert_eq!((&buffer, file.len().unwrap()), (b"three", 5));
    assert!(disk.files().is_empty() && disk.used() > 0);
    drop(file);
    assert_eq!(disk.used(), 0);
}

#[test]
fn a_rename_is_whole_unless_the_disk_tears_it() {
    for tears in [false, true] {
        let disk = if tears { SimDisk::new(0).tearing_renames() } else { SimDisk::new(0) };
        create(&disk, "/from", b"new");
        create(&disk, "/to", b"old");
        disk.settle();
        disk.rename(Path::new("/from"), Path::new("/to")).unwrap();
        let states = states(&disk, CrashModel::Adversarial);
        let both = |files: &Files| has(files, "/from") && files.contains(&("/to".into(), b"new".to_vec()));
        assert_eq!((states.len(), states.iter().any(both)), (if tears { 6 } else { 2 }, tears));
    }
}

#[test]
fn an_entry_goes_through_its_states_in_order() {
    let disk = SimDisk::new(0);
    for value in [b"1", b"2"] {
        create(&disk, "/tmp", value).sync().unwrap();
        disk.rename(Path::new("/tmp"), Path::new("/key")).unwrap();
    }
    let states = states(&disk, CrashModel::Adversarial);
    let value =
        |files: &Files, path: &str| files.iter().find(|(at, _)| at == Path::new(path)).map(|at| at.1[0]);
    let seen: BTreeSet<_> = states.iter().map(|files| (value(files, "/key"), value(files, "/tmp"))).collect();
    let (one, two) = (Some(b'1'), Some(b'2'));
    assert_eq!(
        seen,
        BTreeSet::from([(None, None), (None, one), (one, None), (one, two), (two, None)]),
        "the second rename takes the first along"
    );
}

#[test]
fn what_lies_in_a_directory_that_is_lost_is_lost() {
    let disk = SimDisk::new(0);
    disk.create_dir(Path::new("/d")).unwrap();
    create(&disk, "/d/file", b"x").sync().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    assert_eq!(states(&disk, CrashModel::AllLost), [Files::new()]);
    let kept = vec![("/d/file".into(), b"x".to_vec())];
    assert_eq!(states(&disk, CrashModel::Adversarial), [Files::new(), kept.clone()]);
    assert_eq!(
        states(&disk, CrashModel::Ordered),
        std::slice::from_ref(&kept),
        "the journal has the parent's entry first"
    );
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(states(&disk, CrashModel::AllLost), [kept]);
}

#[test]
fn a_sync_that_is_ignored_makes_nothing_durable() {
    let run = |disk: SimDisk| {
        create(&disk, "/a", b"x").sync().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        states(&disk, CrashModel::AllLost)[0].clone()
    };
    assert_eq!(run(SimDisk::new(0)), [("/a".into(), b"x".to_vec())]);
    assert_eq!(run(SimDisk::new(0).ignoring(Sync::File)), [("/a".into(), Vec::new())]);
    assert!(run(SimDisk::new(0).ignoring(Sync::Dir)).is_empty());
    assert_eq!(run(SimDisk::new(0).ignoring(Sync::All)).len(), 1);
    let elsewhere = SimDisk::new(0).ignoring_within(Sync::File, Where::At("/b".into()));
    assert_eq!(run(elsewhere), [("/a".into(), b"x".to_vec())]);
    let disk = SimDisk::new(0).ignoring(Sync::All);
    create(&disk, "/a", b"x");
    disk.syncer(Path::new("/")).unwrap().sync_all().unwrap();
    let image = disk.crash_states(CrashModel::AllLost, 1).next().unwrap();
    create(&image, "/b", b"x");
    image.syncer(Path::new("/")).unwrap().sync_all().unwrap();
    assert!(states(&image, CrashModel::AllLost)[0].is_empty(), "it goes on after a crash");
}

/// Random calls that leave much on its way.
fn busy(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed).sector(64);
    let draws = Draws::new(seed).domain("busy");
    let paths = ["/a", "/b", "/d/a", "/d/b"].map(Path::new);
    disk.create_dir(Path::new("/d")).unwrap();
    let mut open: Vec<Box<dyn DiskFile>> = Vec::new();
    for n in 0..9 {
        let draws = draws.of(n);
        let path = paths[below(draws.at(1), 4) as usize];
        match below(draws.at(0), 10) {
            0..=2 => open.extend(disk.open(path, Mode::Create).ok()),
            3..=5 => {
                if let Some(file) = open.last() {
                    let length = 1 + below(draws.at(3), 150) as usize;
                    file.write_all_at(&vec![n as u8 + 1; length], below(draws.at(2), 100)).unwrap();
                }
            }
            6 => _ = disk.rename(path, paths[below(draws.at(2), 4) as usize]),
            7 => _ = disk.remove(path),
            8 => _ = disk.sync_dir(Path::new(if draws.at(2).is_multiple_of(2) { "/" } else { "/d" })),
            _ => {
                if let Some(file) = open.last() {
                    if draws.at(2).is_multiple_of(2) {
                        file.sync().unwrap()
                    } else {
                        file.set_len(40).unwrap()
                    }
                }
            }
        }
    }
    disk
}

#[test]
fn the_models_contain_one_another() {
    let mut most = 0;
    for seed in 0..120 {
        let disk = busy(seed);
        let adversarial = states(&disk, CrashModel::Adversarial);
        let all: BTreeSet<Files> = adversarial.iter().cloned().collect();
        for files in states(&disk, CrashModel::Ordered).into_iter().chain(states(&disk, CrashModel::AllLost))
        {
            assert!(all.contains(&files), "seed {seed}: {files:?}");
        }
        let live = disk.files();
        assert!(all.contains(&live) && states(&disk, CrashModel::Ordered).contains(&live), "seed {seed}");
        most = most.max(adversarial.len());
        disk.settle();
        for model in CrashModel::POWER_CUTS {
            assert_eq!(states(&disk, model), std::slice::from_ref(&live), "seed {seed}");
        }
    }
    assert!(most > 1000, "{most}");
}

#[test]
fn a_cap_leaves_some_of_all_states_and_says_so() {
    for seed in 0..40 {
        let all: BTreeSet<Files> = states(&busy(seed), CrashModel::Adversarial).into_iter().collect();
        for cap in [1, 7, 40] {
            let disk = busy(seed);
            let some = || {
                let states = disk.crash_states(CrashModel::Adversarial, cap);
                (states.is_capped(), states.map(|image| image.files()).collect::<Vec<_>>())
            };
            let (capped, found) = some();
            assert_eq!(some(), (capped, found.clone()), "seed {seed}: the same again");
            assert!(found.len() <= cap && found.iter().all(|files| all.contains(files)), "seed {seed}");
            if !capped {
                // Equal files may stand beside different empty directories, so there may be more states.
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all, "seed {seed}");
            }
        }
        let total = busy(seed).crash_states(CrashModel::Adversarial, 1_000_000).len();
        for cap in [1, total.max(2) - 1, total] {
            let states = busy(seed).crash_states(CrashModel::Adversarial, cap);
            assert_eq!(states.is_capped(), cap < total, "seed {seed}: {cap} of {total}");
        }
    }
}

#[test]
fn a_rename_out_of_a_synced_directory_takes_along_what_stood_in_its_way() {
    let disk = SimDisk::new(0);
    for dir in ["/d", "/e"] {
        disk.create_dir(Path::new(dir)).unwrap();
    }
    disk.settle();
    create(&disk, "/e/x", b"first").sync().unwrap();
    create(&disk, "/d/a", b"second").sync().unwrap();
    disk.rename(Path::new("/d/a"), Path::new("/e/x")).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    for model in CrashModel::POWER_CUTS {
        assert_eq!(states(&disk, model), [vec![("/e/x".into(), b"second".to_vec())]], "{model:?}");
    }
}

#[test]
fn what_a_crash_may_bring_back_is_not_forgotten() {
    let disk = SimDisk::new(0);
    disk.create_dir(Path::new("/other")).unwrap();
    for n in 0..300 {
        create(&disk, &format!("/{n}"), b"x");
    }
    disk.settle();
    create(&disk, "/brief", b"z").sync().unwrap();
    disk.remove(Path::new("/brief")).unwrap();
    for n in 0..300 {
        disk.remove(Path::new(&format!("/{n}"))).unwrap();
    }
    for n in 0..1000 {
        create(&disk, &format!("/other/{n}"), b"y").sync().unwrap();
        disk.sync_dir(Path::new("/other")).unwrap();
    }
    let left = &states(&disk, CrashModel::AllLost)[0];
    assert_eq!(left.iter().filter(|(_, bytes)| bytes == b"x").count(), 300);
    assert_eq!(left.iter().filter(|(_, bytes)| bytes == b"y").count(), 1000);
    assert_eq!(disk.files().len(), 1000);
    let mut some = disk.crash_states(CrashModel::Adversarial, 300);
    assert!(some.any(|image| image.bytes(Path::new("/brief")).is_ok_and(|bytes| bytes == b"z")));
}

#[test]
fn each_state_comes_once() {
    let disk = SimDisk::new(0);
    create(&disk, "/a", b"");
    disk.remove(Path::new("/a")).unwrap();
    assert_eq!(states(&disk, CrashModel::Adversarial), [Files::new(), vec![("/a".into(), Vec::new())]]);
    assert_eq!(states(&disk, CrashModel::Ordered), [Files::new(), vec![("/a".into(), Vec::new())]]);
}

#[test]
fn samples_keep_the_order_of_each_entry_too() {
    let disk = SimDisk::new(0);
    for value in 0..12 {
        create(&disk, "/tmp", &[value]).sync().unwrap();
        disk.rename(Path::new("/tmp"), Path::new("/key")).unwrap();
    }
    let all: BTreeSet<Files> = states(&disk, CrashModel::Adversarial).into_iter().collect();
    assert_eq!(all.len(), 25);
    for cap in 1..25 {
        let states = disk.crash_states(CrashModel::Adversarial, cap);
        assert!(states.is_capped());
        let found: Vec<Files> = states.map(|image| image.files()).collect();
        assert!(found.len() <= cap && found.iter().all(|files| all.contains(files)), "{cap}: {found:?}");
    }
}

#[test]
fn a_file_of_many_sectors_is_sampled_whole_empty_and_with_holes() {
    let disk = SimDisk::new(0);
    let file = create(&disk, "/file", &[]);
    disk.settle();
    file.write_all_at(&[7; 100 * 512], 0).unwrap();
    let states = disk.crash_states(CrashModel::Adversarial, 200);
    assert!(states.is_capped());
    let found: Vec<Vec<u8>> = states.map(|image| image.files()[0].1.clone()).collect();
    assert!(found.contains(&Vec::new()) && found.contains(&vec![7; 100 * 512]));
    let holes =
        |bytes: &Vec<u8>| bytes.chunks(512).filter(|sector| sector.iter().all(|byte| *byte == 0)).count();
    let garbage = |bytes: &Vec<u8>| bytes.chunks(512).filter(|sector| sector[0] & 0x80 != 0).count();
    assert!(found.iter().any(|bytes| bytes.len() == 100 * 512 && holes(bytes) == 100));
    assert!(found.iter().any(|bytes| bytes.len() == 100 * 512 && holes(bytes) + garbage(bytes) == 1));
    assert!(found.iter().any(|bytes| holes(bytes) > 2 && garbage(bytes) > 2));
}

#[test]
fn hundreds_of_unsynced_names_are_sampled_from_none_to_all() {
    let disk = SimDisk::new(3);
    for n in 0..200 {
        create(&disk, &format!("/{n}"), b"x").sync().unwrap();
    }
    let states = disk.crash_states(CrashModel::Adversarial, 500);
    assert!(states.is_capped());
    let counts: Vec<usize> = states.map(|image| image.files().len()).collect();
    assert_eq!(counts.len(), 500);
    for wanted in [0, 1, 199, 200] {
        assert!(counts.contains(&wanted), "{wanted}");
    }
    assert!(counts.iter().any(|count| (80..120).contains(count)));
    assert_eq!(disk.crash_states(CrashModel::Ordered, 500).len(), 1);
}

#[test]
fn a_crash_during_a_recovery_is_explored_too() {
    // A recovery that removes the journal before it has made durable what it took from there.
    let run = |careful: bool| {
        let disk = SimDisk::new(0);
        create(&disk, "/journal", b"new");
        create(&disk, "/key", b"old");
        disk.settle();
        disk.record();
        let exploration = Exploration::new(CrashModel::AllLost, 10).then(CrashModel::Adversarial, 100);
        exploration.run(&disk.recorded(), |crash| {
            let key = crash.disk.open(Path::new("/key"), Mode::Write).map_err(|error| error.to_string())?;
            if crash.disk.bytes(Path::new("/journal")).is_ok() {
                key.write_all_at(b"new", 0).map_err(|error| error.to_string())?;
                if careful {
                    key.sync().map_err(|error| error.to_string())?;
                }
                crash.disk.remove(Path::new("/journal")).map_err(|error| error.to_string())?;
            }
            let found = crash.disk.bytes(Path::new("/key")).map_err(|error| error.to_string())?;
            if found == b"new" { Ok(()) } else { Err(format!("the key is {found:?}")) }
        })
    };
    assert!(run(true).is_sound(), "{}", run(true));
    let careless = run(false);
    assert_eq!(careless.wrong, 1, "{careless}");
    assert_eq!(careless.violations[0].after.len(), 2);
}

#[test]
fn marks_tell_what_had_happened_when_the_power_failed() {
    let disk = SimDisk::new(0);
    disk.record();
    let before = disk.mark();
    create(&disk, "/a", b"x");
    let after = disk.mark();
    let recording = disk.recorded();
    assert_eq!(recording.points(), 3);
    assert_eq!((before, after), (0, 1));
    assert_eq!([0, 1, 2].map(|point| recording.marks_at(point)), [1, 1, 2]);
    assert!(recording.after(1).starts_with("open /a"), "{}", recording.after(1));
    assert_eq!([0, 1, 2].map(|point| recording.disk_at(point).unwrap().files().len()), [0, 1, 1]);
}
