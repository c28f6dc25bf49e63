//! The row `refresh_end_poff` of the table of calls.

use larder_pack::append_only_file::{AppendOnlyFileError as E, Bound};

use crate::support::FaultyDisk;
use crate::{PATH, assert_error, create_of, open_ro};

#[test]
fn lets_a_read_only_handle_follow_the_writer() {
    let disk = FaultyDisk::new();
    let mut writer = create_of(&disk, b"abc");
    let file = open_ro(&disk, writer.flushed_end_poff(), 0).unwrap();
    let reader = file.reader().unwrap();
    writer.append(b"defg").unwrap();
    writer.flush().unwrap();
    assert_error!(file.read(0, 7), E::ReadOutOfBounds { end: 3, .. });
    disk.take_calls();
    file.refresh_end_poff(writer.flushed_end_poff()).unwrap();
    assert_eq!(disk.take_calls(), []);
    assert_eq!(file.end_poff(), 7);
    assert_eq!(file.read(0, 7).unwrap(), b"abcdefg");
    assert_eq!(reader.flushed_end_poff(), 7);
    assert_eq!(reader.read(3, 4).unwrap(), b"defg", "its readers follow");
}

#[test]
fn for_writing_it_is_refused() {
    let disk = FaultyDisk::new();
    let file = create_of(&disk, b"abc");
    assert_error!(file.refresh_end_poff(3), E::RwNotAllowed { .. });
    assert_error!(file.refresh_end_poff(1), E::RwNotAllowed { .. });
    assert_eq!(file.end_poff(), 3);
}

#[test]
fn may_shrink() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abcdef");
    let file = open_ro(&disk, 6, 0).unwrap();
    file.refresh_end_poff(2).unwrap();
    assert_eq!(file.read(0, 2).unwrap(), b"ab");
    assert_error!(file.read(0, 3), E::ReadOutOfBounds { end: 2, .. });
}

#[test]
fn the_length_of_the_file_shows_when_it_is_read() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abcdef");
    let file = open_ro(&disk, 6, 0).unwrap();
    file.refresh_end_poff(100).unwrap();
    assert_eq!(file.end_poff(), 100);
    assert_eq!(file.read(0, 6).unwrap(), b"abcdef");
    assert_error!(file.read(0, 7), E::ReadOutOfBounds { end: 6, bound: Bound::File, .. });
    file.refresh_end_poff(u64::MAX).unwrap();
    assert_eq!(file.end_poff(), u64::MAX);
    assert_error!(file.read(u64::MAX - 1, 1), E::ReadOutOfBounds { bound: Bound::File, .. });
}
