//! Segments whose file is longer than their content.

use super::*;

/// With so many zeros behind it.
fn ahead(bytes: &[u8], zeros: usize) -> Vec<u8> {
    let mut longer = bytes.to_vec();
    longer.resize(bytes.len() + zeros, 0);
    longer
}

/// More than is read at once.
const LONG: usize = 2 << 20;

#[test]
fn zeros_behind_a_log_are_not_part_of_it() {
    let segment = Segment::example();
    for zeros in [1, 7, 16, 60, 4096, LONG + 5] {
        let bytes = ahead(&segment.bytes, zeros);
        for known in [0, segment.durable, segment.end()] {
            assert_eq!(end_of(&bytes, known), (LogEnd::At(segment.end()), segment.frames.clone()));
        }
        assert_eq!(end_of(&bytes, segment.end() + 1).0, LogEnd::Damaged { at: segment.end() });
    }
}

#[test]
fn a_claim_beyond_zeros_is_found() {
    let mut segment = Segment::new();
    segment.record(b"synced", Batch::Alone);
    let hole = segment.end();
    // What was synced and is zeros now, and more than is read at once.
    for _ in 0..3 {
        segment.record(&vec![1; LONG / 2], Batch::Alone);
    }
    let end = segment.end();
    segment.sync();
    segment.record(b"tells of it", Batch::Alone);
    let mut bytes = ahead(&segment.bytes, 5000);
    bytes[hole as usize..end as usize].fill(0);
    assert_eq!(end_of(&bytes, 0).0, LogEnd::Damaged { at: hole });
    let (frames, damage) = scan(&bytes[..segment.end() as usize], first());
    assert_eq!((frames.len(), damage), (2, vec![(hole, end)]));
}

#[test]
fn damage_before_the_zeros_is_what_it_is_without_them() {
    let segment = Segment::example();
    for at in first() as usize..segment.bytes.len() {
        let mut bytes = segment.bytes.clone();
        bytes[at] ^= 0x21;
        assert_eq!(end_of(&ahead(&bytes, 1000), 0), end_of(&bytes, 0), "byte {at}");
    }
}

#[test]
fn the_zeros_at_the_end_of_a_file_are_found_from_wherever_one_begins() {
    let bytes = [&[0; 5], &[1][..], &[0; 300], &[2, 0, 3], &[0; 700]].concat();
    for from in 0..=bytes.len() as u64 {
        let found = zeros_from(&Memory::new(&bytes), ID, from).unwrap();
        assert_eq!(found, from.max(309), "from {from}");
    }
    let long = ahead(&bytes, LONG);
    assert_eq!(zeros_from(&Memory::new(&long), ID, 0).unwrap(), 309);
    assert_eq!(zeros_from(&Memory::new(&[]), ID, 0).unwrap(), 0);
}

#[test]
fn a_file_of_zeros_holds_no_frames() {
    assert!(!holds_frames(&Memory::new(&vec![0; LONG]), SALT, ID).unwrap());
    let segment = Segment::example();
    let mut bytes = ahead(&segment.bytes, 100);
    bytes[..first() as usize].fill(0);
    assert!(holds_frames(&Memory::new(&bytes), SALT, ID).unwrap());
}
