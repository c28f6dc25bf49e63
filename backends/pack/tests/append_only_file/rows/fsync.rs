//! The row `fsync` of the table of calls.

use std::io;

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{MUCH, PATH, assert_error, create, create_of, open_ro, open_rw};

#[test]
fn syncs_and_does_not_flush() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.append(b"de").unwrap();
    disk.take_calls();
    file.fsync().unwrap();
    assert!(!disk.take_calls().contains(&Call::WriteAt));
    assert_eq!(disk.bytes(PATH), b"abc");
    assert_eq!((file.end_poff(), file.flushed_end_poff(), file.synced_end_poff()), (5, 3, 3));
    assert!(!file.empty_buffer());
    file.flush().unwrap();
    assert_eq!(file.synced_end_poff(), 3);
    file.fsync().unwrap();
    assert_eq!(file.synced_end_poff(), 5);
}

#[test]
fn the_first_of_a_handle_syncs_the_directory_too() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    disk.take_calls();
    file.fsync().unwrap();
    assert_eq!(disk.take_calls(), [Call::Sync, Call::SyncDir]);
    file.fsync().unwrap();
    assert_eq!(disk.take_calls(), [Call::Sync]);
    file.close().unwrap();
    // Who made the file may have been killed before it synced.
    let mut file = open_rw(&disk, 0, 0).unwrap();
    disk.take_calls();
    file.fsync().unwrap();
    assert_eq!(disk.take_calls(), [Call::Sync, Call::SyncDir]);
}

#[test]
fn a_handle_does_not_know_what_was_synced_before() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abc");
    let mut file = open_rw(&disk, 3, 0).unwrap();
    assert_eq!(file.synced_end_poff(), 0);
    file.fsync().unwrap();
    assert_eq!(file.synced_end_poff(), 3);
}

#[test]
fn read_only_it_is_refused() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abc");
    let mut file = open_ro(&disk, 3, 0).unwrap();
    assert_error!(file.fsync(), E::RoNotAllowed { .. });
}

/// After a failed fsync Linux marks the pages clean that it could not write: the next fsync succeeds, and
/// the bytes are not on the medium.
#[test]
fn one_that_fails_poisons_the_handle_for_writing() {
    for call in [Call::Sync, Call::SyncDir] {
        for kind in [io::ErrorKind::Other, io::ErrorKind::StorageFull, io::ErrorKind::Interrupted] {
            let disk = FaultyDisk::new();
            let mut file = create_of(&disk, b"abc");
            let reader = file.reader().unwrap();
            file.append(b"de").unwrap();
            disk.plan(Planned::next(Fault::Fails(kind)).on(call));
            match file.fsync() {
                Err(E::Fsync { source, .. }) => assert_eq!(source.kind(), kind),
                other => panic!("{other:?}"),
            }
            assert!(file.is_poisoned());
            assert_eq!(file.synced_end_poff(), 0);
            disk.take_calls();
            assert_error!(file.fsync(), E::Poisoned { .. });
            assert_error!(file.flush(), E::Poisoned { .. });
            assert_error!(file.append(b"f"), E::Poisoned { .. });
            assert_eq!(disk.take_calls(), [], "nothing is tried any more");
            assert_eq!(file.end_poff(), 5);
            // Reads go on, and what is buffered can be taken back.
            assert_eq!(file.read(0, 3).unwrap(), b"abc");
            assert_eq!(reader.read(1, 2).unwrap(), b"bc");
            assert_eq!(file.take_back(3).unwrap(), 3);
            file.close().unwrap();
        }
    }
}

#[test]
fn one_that_fails_after_others_keeps_what_those_made_durable() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.fsync().unwrap();
    file.append(b"de").unwrap();
    file.flush().unwrap();
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::Sync));
    assert_error!(file.fsync(), E::Fsync { .. });
    assert_eq!((file.synced_end_poff(), file.flushed_end_poff()), (3, 5));
}

#[test]
fn a_failed_flush_does_not_poison() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.append(b"de").unwrap();
    disk.plan(Planned::next(Fault::PartThenFails(1, io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.flush(), E::Io { .. });
    assert!(!file.is_poisoned());
    file.fsync().unwrap();
    assert_eq!(file.synced_end_poff(), 3, "what the failed flush left does not count");
    file.flush().unwrap();
    file.fsync().unwrap();
    assert_eq!(file.synced_end_poff(), 5);
}
