//! A file that is kept longer than its content.

use std::io;

use larder_pack::append_only_file::AppendOnlyFileError as E;

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{File, PATH, assert_error, create, create_of, open_ro, open_rw};

fn put(file: &mut File, bytes: &[u8]) {
    file.append(bytes).unwrap();
    file.flush().unwrap();
}

/// How often the length was set since this was last asked.
fn set_lens(disk: &FaultyDisk) -> usize {
    disk.take_calls().into_iter().filter(|call| *call == Call::SetLen).count()
}

#[test]
fn without_being_asked_nothing_is_preallocated() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"content");
    assert!(!file.trim().unwrap());
    assert_eq!((disk.bytes(PATH), set_lens(&disk)), (b"content".to_vec(), 0));
}

#[test]
fn the_length_is_set_ahead_once_a_step_and_zeros_follow_the_content() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"");
    file.preallocate(64).unwrap();
    disk.take_calls();
    let mut content = Vec::new();
    for round in 1..=40_usize {
        put(&mut file, &[7; 5]);
        content.extend([7; 5]);
        let mut expected = content.clone();
        expected.resize((5 * round).next_multiple_of(64), 0);
        assert_eq!(disk.bytes(PATH), expected);
        assert_eq!((file.end_poff(), file.flushed_end_poff()), (5 * round as u64, 5 * round as u64));
        assert_eq!(file.read(0, content.len()).unwrap(), content);
        assert_error!(file.read(content.len() as u64, 1), E::ReadOutOfBounds { .. });
    }
    assert_eq!(set_lens(&disk), 200_usize.div_ceil(64));
    // More than a step at once.
    put(&mut file, &[8; 300]);
    assert_eq!((disk.bytes(PATH).len(), set_lens(&disk)), (512, 1));
}

#[test]
fn what_was_set_ahead_is_cut_off_when_asked_and_set_ahead_again_when_written() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, b"HEADcontent");
    let mut file = open_rw(&disk, 7, 4).unwrap();
    file.preallocate(100).unwrap();
    assert!(!file.trim().unwrap(), "nothing was set ahead");
    put(&mut file, b"+");
    assert_eq!(disk.bytes(PATH).len(), 100);
    file.append(b"buffered").unwrap();
    assert!(file.trim().unwrap());
    assert_eq!(disk.bytes(PATH), b"HEADcontent+");
    assert!(!file.trim().unwrap(), "it was cut off before");
    file.flush().unwrap();
    assert_eq!(&disk.bytes(PATH)[..20], b"HEADcontent+buffered");
    assert_eq!(disk.bytes(PATH).len(), 100);
    file.preallocate(0).unwrap();
    put(&mut file, &[1; 100]);
    assert_eq!(disk.bytes(PATH).len(), 120);
}

#[test]
fn whoever_opens_the_file_finds_the_zeros_as_a_tail() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"");
    file.preallocate(50).unwrap();
    put(&mut file, b"content");
    drop(file);
    assert_eq!(open_ro(&disk, 7, 0).unwrap().tail_at_open(), 43);
    assert_eq!(open_rw(&disk, 7, 0).unwrap().tail_at_open(), 43);
    assert_eq!(disk.bytes(PATH), b"content");
}

#[test]
fn a_length_that_cannot_be_set_ahead_is_done_without_and_cut_off_all_the_same() {
    let faults = [Fault::Fails(io::ErrorKind::Unsupported), Fault::FailsAfter(io::ErrorKind::StorageFull)];
    for (fault, len) in faults.into_iter().zip([14, 100]) {
        let disk = FaultyDisk::new();
        let mut file = create_of(&disk, b"");
        file.preallocate(100).unwrap();
        disk.plan(Planned::next(fault).on(Call::SetLen).forever());
        disk.take_calls();
        put(&mut file, b"content");
        put(&mut file, b"content");
        // It was not tried again.
        assert_eq!((disk.bytes(PATH).len(), set_lens(&disk)), (len, 1));
        if len > 14 {
            assert_error!(file.trim(), E::Io { .. });
        } else {
            // There is nothing that would have to be cut off.
            assert!(file.trim().unwrap());
        }
        disk.heal();
        file.trim().unwrap();
        assert_eq!(disk.bytes(PATH), b"contentcontent");
        file.fsync().unwrap();
    }
}

#[test]
fn a_flush_that_fails_leaves_nothing_beyond_the_next_one_s_end_but_zeros() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"before,");
    file.preallocate(40).unwrap();
    file.append(b"a long text that is torn").unwrap();
    disk.plan(Planned::next(Fault::PartThenFails(11, io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.flush(), E::Io { .. });
    file.take_back(7).unwrap();
    put(&mut file, b"after");
    let mut expected = b"before,after".to_vec();
    expected.resize(40, 0);
    assert_eq!(disk.bytes(PATH), expected);
    file.trim().unwrap();
    assert_eq!(disk.bytes(PATH), b"before,after");
}

#[test]
fn the_remains_of_a_flush_that_failed_are_cut_off_when_asked() {
    let disk = FaultyDisk::new();
    let mut file = create_of(&disk, b"before,");
    file.append(b"torn").unwrap();
    disk.plan(Planned::next(Fault::PartThenFails(2, io::ErrorKind::Other)).on(Call::WriteAt));
    assert_error!(file.flush(), E::Io { .. });
    assert_eq!(disk.bytes(PATH), b"before,to");
    assert!(file.trim().unwrap());
    assert_eq!(disk.bytes(PATH), b"before,");
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"before,torn");
}

#[test]
fn only_an_open_file_that_can_be_written_has_room_made() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, 100);
    file.close().unwrap();
    assert_error!(file.preallocate(1), E::Closed { .. });
    assert_error!(file.trim(), E::Closed { .. });
    let mut reading = open_ro(&disk, 0, 0).unwrap();
    assert_error!(reading.preallocate(1), E::RoNotAllowed { .. });
    assert_error!(reading.trim(), E::RoNotAllowed { .. });
    let mut file = open_rw(&disk, 0, 0).unwrap();
    disk.plan(Planned::next(Fault::Fails(io::ErrorKind::Other)).on(Call::Sync));
    assert_error!(file.fsync(), E::Fsync { .. });
    assert_error!(file.preallocate(1), E::Poisoned { .. });
    assert_error!(file.trim(), E::Poisoned { .. });
}
