//! The row `open_rw` of the table of calls.

use std::io;
use std::sync::Arc;

use larder_pack::append_only_file::{AppendOnlyFileError as E, AutoFlush};

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{File, PATH, assert_error, open_rw};

#[test]
fn goes_on_at_the_given_end() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"0123456789");
    let mut file = open_rw(&disk, 10, 0).unwrap();
    assert_eq!((file.end_poff(), file.flushed_end_poff(), file.tail_at_open()), (10, 10, 0));
    assert_eq!(file.append(b"ab").unwrap(), 10);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"0123456789ab");
    assert_eq!(file.read(8, 4).unwrap(), b"89ab");
}

#[test]
fn leaves_a_file_of_the_right_length_alone() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"0123456789");
    open_rw(&disk, 10, 0).unwrap();
    let calls = disk.take_calls();
    assert!(!calls.contains(&Call::SetLen) && !calls.contains(&Call::WriteAt), "{calls:?}");
}

#[test]
fn offsets_begin_behind_the_dead_header() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"sixteen bytes...data");
    let mut file = open_rw(&disk, 4, 16).unwrap();
    assert_eq!(file.end_poff(), 4);
    assert_eq!(file.read(0, 4).unwrap(), b"data");
    assert_eq!(file.append(b"more").unwrap(), 4);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"sixteen bytes...datamore");
    assert_eq!(file.read(2, 6).unwrap(), b"tamore");
}

#[test]
fn a_tail_beyond_the_end_is_cut_off_and_counted() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"sixteen bytes...data, and a tail");
    let mut file = open_rw(&disk, 4, 16).unwrap();
    assert_eq!(file.tail_at_open(), 12);
    assert_eq!(disk.bytes(PATH), b"sixteen bytes...data");
    file.append(b"!").unwrap();
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"sixteen bytes...data!");
}

#[test]
fn a_shorter_file_is_inconsistent_and_left_alone() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"0123456789");
    assert_error!(open_rw(&disk, 11, 0), E::InconsistentStore { end_poff: 11, physical: 10, .. });
    assert_error!(open_rw(&disk, 7, 4), E::InconsistentStore { dead_header_size: 4, .. });
    assert_error!(open_rw(&disk, 0, 11), E::InconsistentStore { .. });
    assert_error!(open_rw(&disk, u64::MAX, 16), E::InconsistentStore { .. });
    assert_eq!(disk.bytes(PATH), b"0123456789");
    assert_eq!(disk.open_handles(), 0, "irmin-pack leaks the descriptor here");
}

#[test]
fn what_is_not_there_is_no_such_file() {
    let disk = FaultyDisk::new();
    assert_error!(open_rw(&disk, 0, 0), E::NoSuchFileOrDirectory { .. });
    disk.put_file(PATH, b"");
    let below = format!("{PATH}/below");
    let opened = File::open_rw(Arc::clone(&disk), &below, 0, 0, 1, AutoFlush::Internal);
    assert_error!(opened, E::NoSuchFileOrDirectory { .. });
}

#[test]
fn a_directory_or_a_link_is_not_a_file() {
    let disk = FaultyDisk::new();
    disk.put_dir(PATH);
    assert_error!(open_rw(&disk, 0, 0), E::NotAFile { .. });
    disk.put_other(PATH);
    assert_error!(open_rw(&disk, 0, 0), E::NotAFile { .. });
}

#[test]
fn what_changes_between_looking_and_opening_has_the_same_names() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"");
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::NotFound)).on(Call::Open));
    assert_error!(open_rw(&disk, 0, 0), E::NoSuchFileOrDirectory { .. });
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::IsADirectory)).on(Call::Open));
    assert_error!(open_rw(&disk, 0, 0), E::NotAFile { .. });
}

#[test]
fn a_failure_to_look_is_not_taken_for_absence() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"0123456789");
    for call in [Call::Entry, Call::Open, Call::Len, Call::SetLen] {
        disk.plan(Planned::next(Fault::Fails(io::ErrorKind::PermissionDenied)).on(call));
        // One byte less, so that there is something to cut.
        assert_error!(open_rw(&disk, 9, 0), E::Io { .. });
        assert_eq!(disk.open_handles(), 0);
        assert_eq!(disk.bytes(PATH), b"0123456789");
    }
}
