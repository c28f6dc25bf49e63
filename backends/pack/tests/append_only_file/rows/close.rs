//! The row `close` of the table of calls.

use std::io;

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{MUCH, PATH, assert_error, create, create_of, open_ro};

#[test]
fn refuses_while_bytes_are_buffered_and_stays_open() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    file.append(b"abc").unwrap();
    assert_error!(file.close(), E::PendingFlush { buffered: 3, .. });
    assert_error!(file.close(), E::PendingFlush { .. });
    file.append(b"d").unwrap();
    file.flush().unwrap();
    file.close().unwrap();
    assert_eq!(disk.bytes(PATH), b"abcd");
}

#[test]
fn a_second_close_is_a_double_close() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.close().unwrap();
    assert_error!(file.close(), E::DoubleClose { .. });
    let mut file = open_ro(&disk, 3, 0).unwrap();
    file.close().unwrap();
    assert_error!(file.close(), E::DoubleClose { .. });
}

#[test]
fn closes_the_file_of_the_disk() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    assert_eq!(disk.open_handles(), 1);
    file.close().unwrap();
    assert_eq!(disk.open_handles(), 0);
}

#[test]
fn everything_that_needs_the_file_is_closed_afterwards() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.close().unwrap();
    disk.take_calls();
    let mut buffer = [0; 1];
    assert_error!(file.read(0, 1), E::Closed { .. });
    assert_error!(file.read(0, 0), E::Closed { .. });
    assert_error!(file.read_exact_at(&mut buffer, 0), E::Closed { .. });
    assert_error!(file.read_exact_at_cached(&mut buffer, 0), E::Closed { .. });
    assert_error!(file.append(b"d"), E::Closed { .. });
    assert_error!(file.flush(), E::Closed { .. });
    assert_error!(file.fsync(), E::Closed { .. });
    assert_error!(file.take_back(0), E::Closed { .. });
    assert_error!(file.reader(), E::Closed { .. });
    assert_error!(file.refresh_end_poff(0), E::Closed { .. });
    assert_eq!(disk.take_calls(), []);
}

#[test]
fn a_closed_read_only_handle_is_closed_rather_than_read_only() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abc");
    let mut file = open_ro(&disk, 3, 0).unwrap();
    file.close().unwrap();
    assert_error!(file.append(b"d"), E::Closed { .. });
    assert_error!(file.flush(), E::Closed { .. });
    assert_error!(file.fsync(), E::Closed { .. });
    assert_error!(file.refresh_end_poff(1), E::Closed { .. });
}

#[test]
fn accessors_go_on_answering_afterwards() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.fsync().unwrap();
    file.close().unwrap();
    assert_eq!((file.end_poff(), file.flushed_end_poff(), file.synced_end_poff()), (3, 3, 3));
    assert_eq!(file.path(), std::path::Path::new(PATH));
    assert_eq!(file.auto_flush_threshold(), Some(MUCH));
    assert!(!file.readonly() && file.empty_buffer());
}

#[test]
fn neither_writes_nor_syncs() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    disk.take_calls();
    file.close().unwrap();
    assert_eq!(disk.take_calls(), []);
}

#[test]
fn a_poisoned_handle_is_closed_whatever_it_holds() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.append(b"d").unwrap();
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::Sync));
    assert_error!(file.fsync(), E::Fsync { .. });
    assert_error!(file.flush(), E::Poisoned { .. });
    file.close().unwrap();
    assert_eq!(file.end_poff(), 3);
    assert_error!(file.close(), E::DoubleClose { .. });
    assert_eq!(disk.bytes(PATH), b"abc");
}

#[test]
fn a_reader_goes_on_and_keeps_the_file_open_until_it_is_gone() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    let reader = file.reader().unwrap();
    file.close().unwrap();
    assert_eq!(reader.read(0, 3).unwrap(), b"abc");
    assert_eq!(disk.open_handles(), 1);
    drop(reader);
    assert_eq!(disk.open_handles(), 0);
}

#[test]
fn a_handle_that_is_dropped_writes_nothing() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"abc");
    file.append(b"d").unwrap();
    disk.take_calls();
    drop(file);
    assert_eq!(disk.take_calls(), []);
    assert_eq!(disk.bytes(PATH), b"abc");
}
