//! The row `create_rw` of the table of calls.

use std::io;
use std::sync::Arc;

use larder_pack::append_only_file::{AppendOnlyFileError as E, AutoFlush};

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{File, MUCH, PATH, assert_error, create, create_of};

fn overwrite(disk: &Arc<FaultyDisk>) -> Result<File, E> {
    File::create_rw(Arc::clone(disk), PATH, true, MUCH, AutoFlush::Internal)
}

#[test]
fn makes_an_empty_file_without_a_dead_header() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    assert_eq!((file.end_poff(), file.flushed_end_poff(), file.tail_at_open()), (0, 0, 0));
    assert!(!file.readonly() && file.empty_buffer());
    assert_eq!(file.append(b"first").unwrap(), 0);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"first");
}

#[test]
fn refuses_what_is_there_and_leaves_it_alone() {
    let disk = FaultyDisk::new();
    drop(create_of(&disk, b"old"));
    let again = File::create_rw(Arc::clone(&disk), PATH, false, MUCH, AutoFlush::Internal);
    assert_error!(again, E::FileExists { .. });
    assert_eq!(disk.bytes(PATH), b"old");
    assert_eq!(disk.open_handles(), 0);
}

#[test]
fn refuses_a_directory_that_is_there_as_well() {
    let disk = FaultyDisk::new();
    disk.put_dir(PATH);
    let made = File::create_rw(Arc::clone(&disk), PATH, false, MUCH, AutoFlush::Internal);
    assert_error!(made, E::FileExists { .. });
}

#[test]
fn overwriting_empties_what_is_there() {
    let disk = FaultyDisk::new();
    drop(create_of(&disk, b"a longer old text"));
    let mut file = overwrite(&disk).unwrap();
    assert_eq!(file.end_poff(), 0);
    assert_eq!(disk.bytes(PATH), b"");
    file.append(b"new").unwrap();
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"new");
}

#[test]
fn overwriting_nothing_makes_the_file() {
    let disk = FaultyDisk::new();
    overwrite(&disk).unwrap();
    assert_eq!(disk.bytes(PATH), b"");
}

#[test]
fn overwriting_what_is_no_file_is_refused() {
    let disk = FaultyDisk::new();
    disk.put_dir(PATH);
    assert_error!(overwrite(&disk), E::NotAFile { .. });
    disk.put_other(PATH);
    assert_error!(overwrite(&disk), E::NotAFile { .. });
}

#[test]
fn failures_of_the_disk_are_reported_and_leave_nothing_open() {
    let disk = FaultyDisk::new();
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::StorageFull)));
    let made = File::create_rw(Arc::clone(&disk), PATH, false, MUCH, AutoFlush::Internal);
    assert_error!(made, E::Io { doing: "create", .. });
    drop(create_of(&disk, b"old"));
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::SetLen));
    assert_error!(overwrite(&disk), E::Io { doing: "empty", .. });
    assert_eq!(disk.open_handles(), 0);
}

#[test]
fn a_missing_directory_is_an_error_of_the_disk() {
    let disk = FaultyDisk::new();
    let made = File::create_rw(disk, "/none/dir/file", false, MUCH, AutoFlush::Internal);
    match made {
        Err(E::Io { doing: "create", source, .. }) => assert_eq!(source.kind(), io::ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
}
