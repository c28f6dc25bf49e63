//! The row `read_exact_at` of the table of calls.

use std::io;

use larder_pack::append_only_file::{AppendOnlyFileError as E, Bound};

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{PATH, assert_error, create_of, open_rw};

#[test]
fn fills_the_buffer_that_it_is_given() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"HEAD0123456789");
    let file = open_rw(&disk, 10, 4).unwrap();
    let mut buffer = [0; 4];
    file.read_exact_at(&mut buffer, 3).unwrap();
    assert_eq!(&buffer, b"3456");
    // The whole file, and nothing of it.
    let mut all = [0; 10];
    file.read_exact_at(&mut all, 0).unwrap();
    assert_eq!(&all, b"0123456789");
    file.read_exact_at(&mut [], 10).unwrap();
}

/// irmin-pack takes a length beside the buffer, which must not be larger than it (`Invalid_argument`). The
/// length of a slice is its own: there is nothing to get wrong.
#[test]
fn writes_no_more_than_the_slice() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    let mut buffer = *b"................";
    file.read_exact_at(&mut buffer[..4], 2).unwrap();
    assert_eq!(&buffer, b"2345............");
}

#[test]
fn beyond_the_end_the_buffer_is_not_touched() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"01234");
    file.append(b"567").unwrap();
    let mut buffer = *b"....";
    for off in [2, 5, 6, 1 << 40, u64::MAX] {
        let read = file.read_exact_at(&mut buffer, off);
        assert_error!(read, E::ReadOutOfBounds { len: 4, end: 5, bound: Bound::Flushed, .. });
    }
    assert_eq!(&buffer, b"....");
}

#[test]
fn a_short_file_is_out_of_bounds() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    disk.cut(PATH, 5);
    let read = file.read_exact_at(&mut [0; 10], 0);
    assert_error!(read, E::ReadOutOfBounds { off: 0, len: 10, end: 5, bound: Bound::File, .. });
}

#[test]
fn failures_of_the_disk_are_reported() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::ReadAt));
    assert_error!(file.read_exact_at(&mut [0; 2], 0), E::Io { doing: "read", .. });
}

#[test]
fn what_is_cached_is_read_without_waiting() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    disk.take_calls();
    let mut buffer = [0; 4];
    disk.plan(Planned::next(Fault::Part(1)).on(Call::ReadAtCached));
    assert!(file.read_exact_at_cached(&mut buffer, 6).unwrap());
    assert_eq!(&buffer, b"6789");
    assert!(file.reader().unwrap().read_exact_at_cached(&mut buffer, 0).unwrap());
    assert_eq!(&buffer, b"0123");
    let calls = disk.take_calls();
    assert!(calls.iter().all(|call| *call == Call::ReadAtCached), "{calls:?}");
}

#[test]
fn what_may_have_to_be_waited_for_is_left_to_the_other_call() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"0123456789");
    let mut buffer = [0; 4];
    let interrupted = Fault::Fails(io::ErrorKind::Interrupted);
    disk.plan(Planned::next(interrupted).on(Call::ReadAtCached));
    assert!(!file.read_exact_at_cached(&mut buffer, 0).unwrap());
    disk.cut(PATH, 2);
    assert!(!file.read_exact_at_cached(&mut buffer, 0).unwrap(), "the end of the file");
    disk.set_cold();
    assert!(!file.read_exact_at_cached(&mut buffer[..2], 0).unwrap());
    assert!(file.read_exact_at_cached(&mut [], 10).unwrap(), "there is nothing to wait for");
}

#[test]
fn reading_what_is_cached_has_the_same_bounds() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"01234");
    file.append(b"567").unwrap();
    let read = file.read_exact_at_cached(&mut [0; 4], 2);
    assert_error!(read, E::ReadOutOfBounds { end: 5, bound: Bound::Flushed, .. });
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::ReadAtCached));
    assert_error!(file.read_exact_at_cached(&mut [0; 4], 0), E::Io { doing: "read", .. });
}
