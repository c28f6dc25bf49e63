//! The row `end_poff` of the table of calls.

use crate::support::FaultyDisk;
use crate::{MUCH, PATH, create, open_ro, open_rw};

#[test]
fn counts_flushed_and_buffered_bytes_without_a_call_on_the_disk() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    file.append(b"12345").unwrap();
    file.flush().unwrap();
    file.append(b"678").unwrap();
    disk.take_calls();
    assert_eq!(file.end_poff(), 8);
    assert_eq!(file.flushed_end_poff(), 5);
    assert_eq!(disk.take_calls(), []);
    file.flush().unwrap();
    assert_eq!((file.end_poff(), file.flushed_end_poff()), (8, 8));
}

#[test]
fn grows_by_exactly_what_is_appended() {
    let disk = FaultyDisk::new();
    // Some of them flush, some do not.
    let mut file = create(&disk, 7);
    let mut end = 0;
    for len in [0, 1, 6, 0, 7, 8, 100, 3, 3, 1] {
        assert_eq!(file.append(&vec![b'x'; len]).unwrap(), end);
        end += len as u64;
        assert_eq!(file.end_poff(), end);
    }
}

#[test]
fn leaves_out_the_dead_header() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, &[0; 26]);
    let mut file = open_rw(&disk, 10, 16).unwrap();
    file.append(b"x").unwrap();
    assert_eq!(file.end_poff(), 11);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH).len(), 27);
}

#[test]
fn read_only_it_is_what_was_last_told() {
    let disk = FaultyDisk::new();
    disk.put_file(PATH, &[0; 10]);
    let file = open_ro(&disk, 4, 0).unwrap();
    disk.put_file(PATH, &[0; 20]);
    disk.take_calls();
    assert_eq!(file.end_poff(), 4);
    file.refresh_end_poff(9).unwrap();
    assert_eq!((file.end_poff(), file.flushed_end_poff(), file.synced_end_poff()), (9, 9, 0));
    assert_eq!(disk.take_calls(), []);
}
