//! Calls that fail, do less than they should, or lie; full disks, and bytes that rot.

use std::io::ErrorKind;
use std::path::Path;

use larder::io::{Disk, DiskFile, Mode};
use larder_simulated::disk::{Cached, Call, CrashModel, Failure, Fault, SimDisk, Where};
use larder_simulated::draw::Ratio;

fn create(disk: &SimDisk, path: &str, bytes: &[u8]) -> Box<dyn DiskFile> {
    let file = disk.open(Path::new(path), Mode::Create).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// The file after a crash that loses all that can be lost.
fn after_crash(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    disk.crash_states(CrashModel::AllLost, 1).next().unwrap().bytes(Path::new(path)).ok()
}

#[test]
fn a_fault_happens_to_the_calls_that_it_names_and_to_no_others() {
    let disk = SimDisk::new(0);
    let file = create(&disk, "/a", b"");
    let other = create(&disk, "/b", b"");
    disk.inject(Fault::at(2).on(Call::WriteAt).within(Where::At("/a".into())).times(2).fails(Failure::Io));
    let outcomes: Vec<bool> = (0..5).map(|at| file.write_at(b"x", at).is_ok()).collect();
    assert_eq!(outcomes, [true, false, false, true, true]);
    assert!(other.write_at(b"x", 0).is_ok() && file.len().is_ok());
    assert_eq!(disk.faults_fired(), 2);
    assert_eq!(disk.bytes(Path::new("/a")).unwrap(), b"x\0\0xx");
    disk.inject(Fault::always().on(Call::Entry).on(Call::Remove).fails(Failure::Denied));
    assert_eq!(disk.entry(Path::new("/a")).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(disk.remove(Path::new("/a")).unwrap_err().kind(), ErrorKind::PermissionDenied);
    disk.heal();
    disk.remove(Path::new("/a")).unwrap();
    assert_eq!((disk.calls(Call::Remove), disk.calls(Call::Rename)), (2, 0));
    let trace = disk.trace();
    assert_eq!(trace.len() as u64, disk.total_calls());
    assert!(trace.iter().any(|call| call.starts_with("4 write_at /a 1+1: ")), "{trace:#?}");
}

#[test]
fn the_errors_are_those_of_the_system() {
    let disk = SimDisk::new(0);
    let kind = |failure| {
        disk.heal();
        disk.inject(Fault::always().fails(failure));
        disk.entry(Path::new("/")).unwrap_err()
    };
    assert_eq!(kind(Failure::Full).kind(), ErrorKind::StorageFull);
    assert_eq!(kind(Failure::Interrupted).kind(), ErrorKind::Interrupted);
    assert_eq!(kind(Failure::Kind(ErrorKind::TimedOut)).kind(), ErrorKind::TimedOut);
    if cfg!(unix) {
        assert_eq!(kind(Failure::Io).raw_os_error(), Some(5));
        assert_eq!(kind(Failure::TooManyFiles).raw_os_error(), Some(24));
    }
}

#[test]
fn a_call_may_fail_before_its_effect_or_after_it() {
    for after in [false, true] {
        let disk = SimDisk::new(0);
        let fault = Fault::at(1).on(Call::CreateDir);
        disk.inject(if after { fault.fails_after(Failure::Io) } else { fault.fails(Failure::Io) });
        assert!(disk.create_dir(Path::new("/d")).is_err());
        assert_eq!(disk.entry(Path::new("/d")).unwrap().is_some(), after);
    }
}

#[test]
fn short_reads_and_writes_are_completed_by_whoever_expects_them() {
    let disk = SimDisk::new(5);
    let file = create(&disk, "/a", b"");
    disk.inject(Fault::always().on(Call::WriteAt).on(Call::ReadAt).shortens());
    let bytes: Vec<u8> = (0..200).collect();
    assert!(file.write_at(&bytes, 0).unwrap() < 200);
    file.write_all_at(&bytes, 0).unwrap();
    let mut read = vec![0; 300];
    assert!(file.read_at(&mut read, 0).unwrap() < 200);
    assert_eq!(file.read_full_at(&mut read, 0).unwrap(), 200);
    assert_eq!(read[..200], bytes);
}

#[test]
fn after_a_sync_that_lost_data_the_next_succeeds_and_a_crash_shows_it() {
    let disk = SimDisk::new(0);
    let file = create(&disk, "/a", &[1; 1000]);
    disk.settle();
    file.write_all_at(&[2; 1000], 0).unwrap();
    disk.inject(Fault::at(1).on(Call::Sync).loses(Failure::Io));
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(disk.bytes(Path::new("/a")).unwrap(), [2; 1000], "the cache still has it");
    assert_eq!(after_crash(&disk, "/a").unwrap(), [1; 1000]);
    // What is written again is written: with the sectors that it is in, and no others.
    file.write_all_at(&[3; 10], 0).unwrap();
    file.sync().unwrap();
    let left = after_crash(&disk, "/a").unwrap();
    assert_eq!((&left[..11], left[511], left[512]), (&[3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2][..], 2, 1));
}

#[test]
fn a_full_disk_takes_what_fits_and_space_comes_back() {
    let disk = SimDisk::new(0).capacity(2048);
    let file = create(&disk, "/a", &[1; 1000]);
    assert_eq!(disk.used(), 1024);
    let other = create(&disk, "/b", b"");
    assert_eq!(other.write_at(&[2; 2000], 100).unwrap(), 924, "the rest of two sectors");
    assert_eq!(other.write_at(&[2; 2000], 1024).unwrap_err().kind(), ErrorKind::StorageFull);
    other.write_all_at(&[3; 1024], 0).unwrap();
    file.set_len(1 << 20).unwrap();
    assert_eq!(disk.used(), 2048, "a hole takes nothing");
    disk.remove(Path::new("/a")).unwrap();
    assert!(other.write_at(b"x", 5000).is_err(), "an open file keeps its space");
    drop(file);
    other.write_all_at(b"x", 5000).unwrap();
    assert_eq!(disk.used(), 1536);
    other.set_len(10).unwrap();
    assert_eq!(disk.used(), 512);
}

#[test]
fn rot_stays_and_a_misdirected_write_harms_another_file() {
    let disk = SimDisk::new(0);
    create(&disk, "/a", b"aaaa");
    create(&disk, "/b", b"bbbb");
    disk.settle();
    assert!(disk.rot(Path::new("/a"), 2, 1).unwrap() && !disk.rot(Path::new("/a"), 4, 1).unwrap());
    assert!(disk.rot(Path::new("/"), 0, 1).is_err() && disk.rot(Path::new("/c"), 0, 1).is_err());
    assert_eq!(after_crash(&disk, "/a").unwrap(), b"aa`a");
    let file = disk.open(Path::new("/a"), Mode::Write).unwrap();
    disk.inject(Fault::at(1).on(Call::WriteAt).misdirects("/b", 1));
    file.write_all_at(b"xx", 0).unwrap();
    assert_eq!(disk.bytes(Path::new("/a")).unwrap(), b"aa`a");
    assert_eq!(disk.bytes(Path::new("/b")).unwrap(), b"bxxb");
}

#[test]
fn what_is_cached_is_decided_by_a_switch() {
    let found = |cached, seed| -> Vec<bool> {
        let disk = SimDisk::new(seed).cached(cached);
        create(&disk, "/a", b"x");
        (0..32).map(|_| disk.open_cached(Path::new("/a")).unwrap().is_some()).collect()
    };
    assert_eq!(found(Cached::Always, 0), [true; 32]);
    assert_eq!(found(Cached::Never, 0), [false; 32]);
    let sometimes = Cached::Sometimes(Ratio::percent(50));
    let once = found(sometimes, 1);
    assert!(once.contains(&true) && once.contains(&false));
    assert_eq!(once, found(sometimes, 1));
    assert_ne!(once, found(sometimes, 2));
    let disk = SimDisk::new(0).cached(Cached::Never);
    assert!(disk.open_cached(Path::new("/absent")).unwrap().is_none(), "nor is absence known");
    let file = create(&disk, "/a", b"x");
    assert_eq!(file.read_at_cached(&mut [0], 0).unwrap(), None);
}

#[test]
fn a_listing_is_in_an_order_of_its_own_and_the_same_every_time() {
    let names = |seed| -> Vec<String> {
        let disk = SimDisk::new(seed);
        (0..20).for_each(|n| _ = create(&disk, &format!("/{n:02}"), b""));
        let names =
            disk.list(Path::new("/")).unwrap().map(|entry| entry.unwrap().name.into_string().unwrap());
        names.collect()
    };
    assert_eq!(names(1), names(1));
    assert_ne!(names(1), names(2));
    assert!(!names(1).is_sorted());
}
