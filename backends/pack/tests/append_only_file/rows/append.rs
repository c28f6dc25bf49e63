//! The row `append` of the table of calls.

use std::io;

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{MUCH, PATH, assert_error, create, create_of, open_ro, open_rw};

#[test]
fn gathers_in_the_buffer_without_a_call_on_the_disk() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    disk.take_calls();
    assert_eq!(file.append(b"abc").unwrap(), 0);
    assert_eq!(file.append(b"de").unwrap(), 3);
    assert!(!file.empty_buffer());
    assert_eq!(disk.take_calls(), []);
    assert_eq!(disk.bytes(PATH), b"");
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"abcde");
}

#[test]
fn flushes_at_the_threshold_and_not_before() {
    for (len, flushes) in [(9, false), (10, true), (11, true), (1000, true)] {
        let disk = FaultyDisk::new();
        let mut file = create(&disk, 10);
        file.append(&vec![b'x'; len]).unwrap();
        assert_eq!(file.empty_buffer(), flushes, "one append of {len} bytes");
        assert_eq!(disk.bytes(PATH).len(), if flushes { len } else { 0 });
    }
}

#[test]
fn the_buffer_counts_and_not_the_single_append() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 10);
    for _ in 0..9 {
        file.append(b"x").unwrap();
    }
    assert_eq!(disk.bytes(PATH), b"");
    file.append(b"x").unwrap();
    assert_eq!(disk.bytes(PATH), [b'x'; 10]);
    assert!(file.empty_buffer());
}

#[test]
fn a_threshold_of_zero_flushes_every_append_and_no_empty_one() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 0);
    disk.take_calls();
    file.append(b"").unwrap();
    assert_eq!(disk.take_calls(), []);
    file.append(b"x").unwrap();
    assert_eq!(disk.bytes(PATH), b"x");
}

#[test]
fn read_only_it_is_refused() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"abc");
    let mut file = open_ro(&disk, 3, 0).unwrap();
    assert_error!(file.append(b"d"), E::RoNotAllowed { .. });
    assert_error!(file.append(b""), E::RoNotAllowed { .. });
    assert_error!(file.append_pieces(&[]), E::RoNotAllowed { .. });
    assert_eq!(file.end_poff(), 3);
    assert_eq!(disk.bytes(PATH), b"abc");
}

#[test]
fn pieces_are_appended_as_one() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 6);
    disk.take_calls();
    // After the second piece the threshold is passed: the third is flushed with it all the same.
    assert_eq!(file.append_pieces(&[b"head", b"body", b"", b"foot"]).unwrap(), 0);
    assert_eq!(disk.take_calls(), [Call::WriteAt]);
    assert_eq!(disk.bytes(PATH), b"headbodyfoot");
    assert_eq!(file.append_pieces(&[]).unwrap(), 12);
}

#[test]
fn one_that_fails_to_flush_has_not_happened_and_may_be_made_again() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 10);
    file.append(b"before ").unwrap();
    for part in [0, 3, 7, 9] {
        let fault = Fault::PartThenFails(part, io::ErrorKind::StorageFull);
        disk.plan(Planned::next(fault).on(Call::WriteAt));
        assert_error!(file.append(b"again"), E::Io { doing: "write to", .. });
        assert_eq!((file.end_poff(), file.flushed_end_poff()), (7, 0));
    }
    assert_eq!(file.append(b"again").unwrap(), 7);
    assert_eq!(disk.bytes(PATH), b"before again");
    assert_eq!(file.read(0, 12).unwrap(), b"before again");
}

#[test]
fn after_one_that_failed_another_may_be_appended_instead() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 10);
    file.append(b"before ").unwrap();
    disk.plan(Planned::next(Fault::FailsAfter(io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.append(b"a very long text"), E::Io { .. });
    assert_eq!(file.append(b"it").unwrap(), 7);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"before it", "nothing sticks out");
}

#[test]
fn failing_for_ever_does_not_make_the_buffer_grow() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 10);
    file.append(b"12345").unwrap();
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::StorageFull)).on(Call::WriteAt).forever());
    for _ in 0..100 {
        assert_error!(file.append(b"67890"), E::Io { .. });
        assert_eq!(file.end_poff(), 5);
    }
    disk.heal();
    file.append(b"67890").unwrap();
    assert_eq!(disk.bytes(PATH), b"1234567890");
}

#[test]
fn no_file_grows_beyond_what_a_system_can_count() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"");
    let end = i64::MAX as u64 - 20;
    disk.pretend_len(end);
    let mut file = open_rw(&disk, end - 16, 16).unwrap();
    file.append(&[0; 15]).unwrap();
    match file.append(&[0; 6]) {
        Err(E::Io { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::FileTooLarge),
        other => panic!("{other:?}"),
    }
    assert_eq!(file.end_poff(), end - 1);
    file.append(&[0; 5]).unwrap();
}

#[test]
fn what_is_buffered_can_be_taken_back() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"flushed");
    let mark = file.end_poff();
    file.append(b" one").unwrap();
    let second = file.append(b" two").unwrap();
    assert_eq!(file.take_back(100).unwrap(), 15, "there is nothing at 100");
    assert_eq!(file.take_back(second).unwrap(), 11);
    assert_eq!(file.append(b" 2").unwrap(), 11);
    assert_eq!(file.take_back(mark).unwrap(), 7);
    assert!(file.empty_buffer());
    assert_eq!(file.take_back(3).unwrap(), 7, "what is flushed stays");
    file.append(b"!").unwrap();
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"flushed!");
}
