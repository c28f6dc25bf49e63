//! The crash matrix, as far as it is about this file: where a run may stop, and what is promised then.

use std::path::Path;
use std::sync::Arc;

use larder::io::{Disk, Mode};
use larder_pack::append_only_file::AppendOnlyFileError as E;
use larder_simulated::disk::{Call, CrashModel, Failure, Fault, SimDisk};

use crate::crashes::{SIM_PATH, SimFile, create_sim, open_sim, prepared};

fn on_disk(disk: &SimDisk) -> Vec<u8> {
    disk.bytes(Path::new(SIM_PATH)).unwrap()
}

/// A synced file of 600 bytes.
fn synced(disk: &SimDisk) -> SimFile {
    let mut file = create_sim(disk);
    file.append(&[b'1'; 600]).unwrap();
    file.flush().unwrap();
    file.fsync().unwrap();
    file
}

#[test]
fn after_an_append_before_its_flush_nothing_is_on_the_disk() {
    let disk = prepared(SimDisk::new(1));
    let mut file = synced(&disk);
    file.append(&[b'2'; 600]).unwrap();
    for model in [CrashModel::Killed, CrashModel::AllLost, CrashModel::Ordered, CrashModel::Adversarial] {
        for left in disk.crash_states(model, 100) {
            assert_eq!(on_disk(&left), [b'1'; 600]);
        }
    }
}

#[test]
fn after_a_flush_a_killed_process_has_lost_nothing() {
    let disk = prepared(SimDisk::new(1));
    let mut file = synced(&disk);
    file.append(&[b'2'; 60]).unwrap();
    file.flush().unwrap();
    for left in disk.crash_states(CrashModel::Killed, 100) {
        let file = open_sim(&left, 660).unwrap();
        assert_eq!(file.read(600, 60).unwrap(), [b'2'; 60]);
    }
}

#[test]
fn in_the_middle_of_a_write_a_tail_of_any_kind_is_left_and_cut_off() {
    let disk = prepared(SimDisk::new(1));
    let mut file = synced(&disk);
    disk.inject(Fault::at(1).on(Call::WriteAt).shortens());
    disk.inject(Fault::at(2).on(Call::WriteAt).fails(Failure::Io));
    assert!(matches!(file.append(&[b'2'; 3000]), Err(E::Io { .. })));
    let mut tails = Vec::new();
    for left in disk.crash_states(CrashModel::Adversarial, 100) {
        tails.push(on_disk(&left).len() - 600);
        let file = open_sim(&left, 600).unwrap();
        assert_eq!(file.tail_at_open(), *tails.last().unwrap() as u64);
        assert_eq!(on_disk(&left), [b'1'; 600]);
    }
    assert!(tails.contains(&0) && tails.iter().any(|tail| *tail > 0), "{tails:?}");
}

/// Why the end is recorded after the fsync.
#[test]
fn an_end_recorded_before_the_fsync_may_be_beyond_the_file_and_is_told() {
    let disk = prepared(SimDisk::new(1));
    let mut file = synced(&disk);
    file.append(&[b'2'; 600]).unwrap();
    file.flush().unwrap();
    let too_early = file.end_poff();
    let opened = |disk: &SimDisk| match open_sim(disk, too_early) {
        Ok(_) => true,
        Err(E::InconsistentStore { end_poff: 1200, .. }) => false,
        Err(error) => panic!("{error:?}"),
    };
    let states = disk.crash_states(CrashModel::Adversarial, 100);
    assert!(states.into_iter().any(|left| !opened(&left)));
    file.fsync().unwrap();
    let states = disk.crash_states(CrashModel::Adversarial, 100);
    assert!(states.into_iter().all(|left| opened(&left)));
}

#[test]
fn before_the_directory_is_synced_the_file_may_be_gone_and_afterwards_not() {
    let disk = prepared(SimDisk::new(1));
    let mut file = create_sim(&disk);
    file.append(b"x").unwrap();
    file.flush().unwrap();
    let is_there = |left: SimDisk| left.entry(Path::new(SIM_PATH)).unwrap().is_some();
    assert!(!disk.crash_states(CrashModel::Adversarial, 100).all(is_there));
    file.fsync().unwrap();
    assert!(disk.crash_states(CrashModel::Adversarial, 100).all(is_there));
}

#[test]
fn a_full_disk_fails_the_flush_and_reading_and_trying_again_are_possible() {
    let disk = prepared(SimDisk::new(1).capacity(4096));
    let other = disk.open(Path::new("/store/other"), Mode::Create).unwrap();
    other.write_all_at(&[0; 2048], 0).unwrap();
    let mut file = synced(&disk);
    for _ in 0..3 {
        let error = larder::Error::from(file.append(&[b'2'; 2000]).unwrap_err());
        assert_eq!(error.kind(), larder::ErrorKind::Full, "{error}");
        assert_eq!((file.end_poff(), file.flushed_end_poff()), (600, 600));
        assert_eq!(file.read(0, 600).unwrap(), [b'1'; 600]);
    }
    drop(other);
    disk.remove(Path::new("/store/other")).unwrap();
    assert_eq!(file.append(&[b'2'; 2000]).unwrap(), 600);
    file.fsync().unwrap();
    assert_eq!(on_disk(&disk).len(), 2600);
}

#[test]
fn a_reader_sees_the_old_end_or_the_new_whatever_the_writer_is_at() {
    let disk = prepared(SimDisk::new(1));
    let mut file = synced(&disk);
    let follower = SimFile::open_ro(Arc::new(disk.process()), SIM_PATH, 600, 0).unwrap();
    let old = |follower: &SimFile| {
        assert_eq!(follower.read(0, 600).unwrap(), [b'1'; 600]);
        assert!(matches!(follower.read(600, 1), Err(E::ReadOutOfBounds { end: 600, .. })));
    };
    file.append(&[b'2'; 200]).unwrap();
    old(&follower);
    file.flush().unwrap();
    old(&follower);
    file.fsync().unwrap();
    old(&follower);
    follower.refresh_end_poff(file.synced_end_poff()).unwrap();
    assert_eq!(follower.read(600, 200).unwrap(), [b'2'; 200]);
    // The writer is killed, and another one writes on: what was published stays as it is.
    file.append(&[b'3'; 100]).unwrap();
    file.flush().unwrap();
    drop(file);
    let mut file = open_sim(&disk, 800).unwrap();
    file.append(&[b'4'; 50]).unwrap();
    file.flush().unwrap();
    assert_eq!(follower.read(0, 800).unwrap(), [[b'1'; 600].as_slice(), &[b'2'; 200]].concat());
}
