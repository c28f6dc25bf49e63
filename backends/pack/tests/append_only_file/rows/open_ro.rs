//! The row `open_ro` of the table of calls.

use crate::support::{Call, FaultyDisk};
use crate::{PATH, assert_error, open_ro};
use larder_pack::append_only_file::AppendOnlyFileError as E;

#[test]
fn reads_up_to_the_given_end() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"HEAD0123456789");
    let file = open_ro(&disk, 6, 4).unwrap();
    assert_eq!((file.end_poff(), file.flushed_end_poff()), (6, 6));
    assert_eq!(file.read(0, 6).unwrap(), b"012345");
    assert_error!(file.read(0, 7), E::ReadOutOfBounds { end: 6, .. });
}

#[test]
fn leaves_the_tail_where_it_is() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"0123456789");
    let file = open_ro(&disk, 6, 0).unwrap();
    assert_eq!(file.tail_at_open(), 4);
    assert_eq!(disk.bytes(PATH), b"0123456789");
    let calls = disk.take_calls();
    assert!(!calls.contains(&Call::SetLen) && !calls.contains(&Call::WriteAt), "{calls:?}");
}

#[test]
fn has_no_buffer_and_no_threshold() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"");
    let mut file = open_ro(&disk, 0, 0).unwrap();
    assert!(file.readonly() && file.empty_buffer());
    assert_eq!(file.auto_flush_threshold(), None);
    assert_error!(file.append(b"x"), E::RoNotAllowed { .. });
    assert_error!(file.take_back(0), E::RoNotAllowed { .. });
}

#[test]
fn errors_are_those_of_open_rw() {
    let disk = FaultyDisk::new();
    assert_error!(open_ro(&disk, 0, 0), E::NoSuchFileOrDirectory { .. });
    // A directory could be opened for reading.
    disk.put_dir(PATH);
    assert_error!(open_ro(&disk, 0, 0), E::NotAFile { .. });
    disk.put_other(PATH);
    assert_error!(open_ro(&disk, 0, 0), E::NotAFile { .. });
    disk.put_file(PATH, b"0123");
    assert_error!(open_ro(&disk, 4, 1), E::InconsistentStore { .. });
    assert_error!(open_ro(&disk, 5, 0), E::InconsistentStore { .. });
    assert_eq!(disk.open_handles(), 0);
}
