//! The row `read` of the table of calls.

use std::io;

use larder_pack::append_only_file::{AppendOnlyFileError as E, Bound};

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{MUCH, PATH, assert_error, create, create_of, open_ro, open_rw};

#[test]
fn gives_the_bytes_of_every_range_below_the_end() {
    let disk = FaultyDisk::new();
    let bytes = b"0123456789";
    let file = create_of(&disk, bytes);
    for from in 0..=10 {
        for to in from..=10 {
            assert_eq!(file.read(from as u64, to - from).unwrap(), &bytes[from..to]);
        }
    }
}

#[test]
fn nothing_beyond_the_flushed_end_can_be_read() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"01234");
    file.append(b"567").unwrap();
    disk.take_calls();
    for (off, len) in [(0, 6), (5, 1), (4, 2), (5, 3), (6, 0), (8, 1), (u64::MAX, 0), (u64::MAX, 1)] {
        assert_error!(file.read(off, len), E::ReadOutOfBounds { end: 5, bound: Bound::Flushed, .. });
    }
    assert_error!(file.read(1, usize::MAX), E::ReadOutOfBounds { .. });
    assert_eq!(disk.take_calls(), [], "the disk need not be asked");
    file.flush().unwrap();
    assert_eq!(file.read(4, 4).unwrap(), b"4567");
}

#[test]
fn buffered_bytes_cannot_be_read_even_for_writing() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    let offset = file.append(b"abc").unwrap();
    assert_error!(file.read(offset, 3), E::ReadOutOfBounds { end: 0, .. });
    assert_error!(file.reader().unwrap().read(offset, 3), E::ReadOutOfBounds { .. });
    file.flush().unwrap();
    assert_eq!(file.read(offset, 3).unwrap(), b"abc");
}

#[test]
fn nothing_at_the_end_is_nothing() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"abc");
    assert_eq!(file.read(3, 0).unwrap(), b"");
    assert_error!(file.read(4, 0), E::ReadOutOfBounds { .. });
}

#[test]
fn the_dead_header_cannot_be_read() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"secret! ok");
    let file = open_rw(&disk, 2, 8).unwrap();
    assert_eq!(file.read(0, 2).unwrap(), b"ok");
    // In irmin-pack a negative offset reads it. Here it would be a very large one.
    for off in [-1_i64, -8, i64::MIN] {
        assert_error!(file.read(off as u64, 1), E::ReadOutOfBounds { .. });
        assert_error!(file.read(off as u64, 8), E::ReadOutOfBounds { .. });
    }
}

#[test]
fn a_file_that_was_cut_is_out_of_bounds_and_no_zeros() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    disk.cut(PATH, 7);
    assert_eq!(file.read(0, 7).unwrap(), b"0123456");
    assert_error!(file.read(5, 5), E::ReadOutOfBounds { off: 5, len: 5, end: 7, bound: Bound::File, .. });
    assert_error!(file.read(8, 1), E::ReadOutOfBounds { end: 8, bound: Bound::File, .. });
}

#[test]
fn short_and_interrupted_reads_go_on() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    disk.plan(Planned::next(Fault::Part(3)).on(Call::ReadAt));
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Interrupted)).on(Call::ReadAt).after(1));
    disk.plan(Planned::next(Fault::Part(1)).on(Call::ReadAt).after(2));
    assert_eq!(file.read(0, 10).unwrap(), b"0123456789");
    assert_eq!(disk.fired(), 3);
}

#[test]
fn a_failed_read_is_reported_and_harms_nothing() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"0123456789");
    disk.plan(Planned::next(Fault::PartThenFails(4, io::ErrorKind::Other)).on(Call::ReadAt));
    assert_error!(file.read(0, 10), E::Io { doing: "read", .. });
    assert_eq!(file.read(0, 10).unwrap(), b"0123456789");
    file.append(b"x").unwrap();
    file.flush().unwrap();
    file.fsync().unwrap();
}

#[test]
fn no_memory_is_taken_for_a_length_that_is_not_there() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abc");
    let file = open_ro(&disk, 3, 0).unwrap();
    // Even the end on record may be nonsense.
    file.refresh_end_poff(u64::MAX).unwrap();
    let len = usize::MAX >> 1;
    match file.read(0, len) {
        Err(E::Io { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::OutOfMemory),
        Err(E::ReadOutOfBounds { bound: Bound::File, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_error!(file.read(u64::MAX - 8, 8), E::ReadOutOfBounds { bound: Bound::File, .. });
}
