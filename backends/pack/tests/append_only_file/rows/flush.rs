//! The row `flush` of the table of calls.

use std::io;

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{MUCH, PATH, assert_error, create, create_of, open_ro, open_rw};

#[test]
fn writes_the_buffer_behind_the_flushed_end_and_does_not_sync() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"HEAD012");
    let mut file = open_rw(&disk, 3, 4).unwrap();
    file.append(b"345").unwrap();
    file.append(b"678").unwrap();
    disk.take_calls();
    file.flush().unwrap();
    assert_eq!(disk.take_calls(), [Call::WriteAt], "one write, and no sync");
    assert_eq!(disk.bytes(PATH), b"HEAD012345678");
    assert_eq!((file.flushed_end_poff(), file.synced_end_poff()), (9, 0));
    assert!(file.empty_buffer());
}

#[test]
fn of_an_empty_buffer_does_nothing() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    disk.take_calls();
    file.flush().unwrap();
    assert_eq!(disk.take_calls(), []);
    assert_eq!(file.end_poff(), 3);
}

#[test]
fn read_only_it_is_refused() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abc");
    let mut file = open_ro(&disk, 3, 0).unwrap();
    assert_error!(file.flush(), E::RoNotAllowed { .. });
}

#[test]
fn one_that_fails_changes_nothing_and_the_next_writes_the_same_bytes_there() {
    let other = io::ErrorKind::Other;
    let faults = [
        Fault::Fails(io::ErrorKind::StorageFull),
        Fault::FailsAfter(other),
        Fault::PartThenFails(1, other),
        Fault::PartThenFails(5, other),
        Fault::Nothing,
    ];
    for fault in faults {
        let disk = FaultyDisk::new();
        let mut file = create_of(&disk, b"old ");
        file.append(b"new bytes").unwrap();
        for _ in 0..3 {
            disk.plan(Planned::next(fault).on(Call::WriteAt));
            assert_error!(file.flush(), E::Io { doing: "write to", .. });
            assert_eq!((file.end_poff(), file.flushed_end_poff()), (13, 4), "{fault:?}");
            assert!(!file.empty_buffer());
            assert_eq!(file.read(0, 4).unwrap(), b"old ");
            assert_error!(file.read(4, 1), E::ReadOutOfBounds { .. });
        }
        file.append(b" and more").unwrap();
        file.flush().unwrap();
        assert_eq!(disk.bytes(PATH), b"old new bytes and more", "{fault:?}");
        assert_eq!(file.read(4, 18).unwrap(), b"new bytes and more");
    }
}

#[test]
fn short_and_interrupted_writes_go_on() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    file.append(b"0123456789").unwrap();
    disk.plan(Planned::next(Fault::Part(3)).on(Call::WriteAt));
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Interrupted)).on(Call::WriteAt).after(1));
    disk.plan(Planned::next(Fault::Part(1)).on(Call::WriteAt).after(2));
    file.flush().unwrap();
    assert_eq!(disk.fired(), 3);
    assert_eq!(disk.bytes(PATH), b"0123456789");
}

#[test]
fn a_short_write_and_then_an_error_leave_nothing_to_read() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    let reader = file.reader().unwrap();
    file.append(b"0123456789").unwrap();
    disk.plan(Planned::next(Fault::Part(6)).on(Call::WriteAt));
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::StorageFull)).on(Call::WriteAt).after(1));
    assert_error!(file.flush(), E::Io { .. });
    assert_eq!(disk.bytes(PATH), b"012345");
    assert_eq!(reader.flushed_end_poff(), 0);
    assert_error!(reader.read(0, 6), E::ReadOutOfBounds { end: 0, .. });
    file.flush().unwrap();
    assert_eq!(reader.read(0, 10).unwrap(), b"0123456789");
}

#[test]
fn what_a_failed_one_left_is_cut_off_by_the_next() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"old ");
    let mark = file.append(b"a long record").unwrap();
    disk.plan(Planned::next(Fault::FailsAfter(io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.flush(), E::Io { .. });
    file.take_back(mark).unwrap();
    // Even if there is nothing to write.
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"old ");
    disk.take_calls();
    file.flush().unwrap();
    assert_eq!(disk.take_calls(), [], "once is enough");
}

#[test]
fn a_cut_that_fails_is_made_again() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"old ");
    let mark = file.append(b"a long record").unwrap();
    disk.plan(Planned::next(Fault::FailsAfter(io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.flush(), E::Io { .. });
    file.take_back(mark).unwrap();
    file.append(b"x").unwrap();
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::SetLen));
    assert_error!(file.flush(), E::Io { doing: "cut the torn end of", .. });
    assert_eq!((file.end_poff(), file.flushed_end_poff()), (5, 4));
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"old x");
}
