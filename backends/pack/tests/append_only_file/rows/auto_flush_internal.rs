//! The row `auto_flush_internal` of the table of calls.

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, FaultyDisk};
use crate::{PATH, assert_error, create, open_ro};

#[test]
fn flushes_and_does_not_sync() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 4);
    disk.take_calls();
    file.append(b"abcde").unwrap();
    assert_eq!(disk.take_calls(), [Call::WriteAt]);
    assert_eq!((file.flushed_end_poff(), file.synced_end_poff()), (5, 0));
}

#[test]
fn publishes_nothing() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 4);
    let other = open_ro(&disk, 0, 0).unwrap();
    file.append(b"abcde").unwrap();
    assert_eq!(disk.bytes(PATH), b"abcde");
    // The bytes are in the file. Who has been told of no new end does not see them.
    assert_eq!(file.read(0, 5).unwrap(), b"abcde");
    assert_error!(other.read(0, 1), E::ReadOutOfBounds { end: 0, .. });
}
