//! Weaknesses that irmin-pack's append-only file is known to have, or that it leaves to whoever uses it.

use std::io;
use std::sync::{Arc, Mutex};

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{PATH, assert_error, create_of, open_rw};

/// There, whoever takes the length of a file for the end of its data takes in the remains of a crash.
#[test]
fn the_length_of_a_closed_file_is_its_end_whatever_tail_it_had() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"HEADdata, and a very long tail that a crash has left");
    let mut file = open_rw(&disk, 4, 4).unwrap();
    file.append(b"+").unwrap();
    file.flush().unwrap();
    let mark = file.append(b"another long text").unwrap();
    disk.plan(Planned::next(Fault::PartThenFails(9, io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.flush(), E::Io { .. });
    file.take_back(mark).unwrap();
    file.flush().unwrap();
    let physical = file.end_poff() + 4;
    file.close().unwrap();
    assert_eq!(disk.bytes(PATH).len() as u64, physical);
}

/// There, a batch that fails flushes what it had appended so far.
#[test]
fn a_batch_that_fails_halfway_leaves_nothing() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"before,");
    let mark = file.end_poff();
    file.append(b"the first of two,").unwrap();
    assert_eq!(file.take_back(mark).unwrap(), mark);
    file.append(b"after").unwrap();
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"before,after");
}

/// There, a write that writes nothing is taken for one that has written everything.
#[test]
fn a_write_without_progress_is_an_error_and_no_success() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"");
    file.append(b"abc").unwrap();
    disk.plan(Planned::next(Fault::Nothing).on(Call::WriteAt));
    match file.flush() {
        Err(E::Io { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::WriteZero),
        other => panic!("{other:?}"),
    }
    assert_eq!(file.flushed_end_poff(), 0);
}

/// There, reads and writes wait for each other on one thread. Here a reader gets what is flushed while the
/// writer is inside the disk: it would wait for itself if there was a lock.
#[test]
fn readers_wait_neither_for_a_flush_nor_for_an_fsync() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"flushed");
    let seen = Arc::new(Mutex::new(Vec::new()));
    for call in [Call::WriteAt, Call::Sync, Call::SyncDir] {
        let (reader, seen) = (file.reader().unwrap(), Arc::clone(&seen));
        disk.before(call, move || {
            let end = reader.flushed_end_poff() as usize;
            seen.lock().unwrap().push((call, reader.read(0, end).unwrap()));
        });
    }
    file.append(b" and more").unwrap();
    file.flush().unwrap();
    file.fsync().unwrap();
    let expected = [
        (Call::WriteAt, b"flushed".to_vec()),
        (Call::Sync, b"flushed and more".to_vec()),
        (Call::SyncDir, b"flushed and more".to_vec()),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}
