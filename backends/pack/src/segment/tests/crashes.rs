//! Groups of which any of the sectors arrived, in any order.

use super::*;

const SECTOR: usize = 64;

/// Every subset of the sectors from `durable` on, with something else in the place of the others.
fn torn(bytes: &[u8], durable: usize, lost: u8) -> impl Iterator<Item = Vec<u8>> {
    let sectors = (bytes.len() - durable).div_ceil(SECTOR);
    assert!(sectors <= 13, "{sectors} sectors");
    (0..1_u32 << sectors).map(move |kept| {
        let mut bytes = bytes.to_vec();
        for sector in (0..sectors).filter(|sector| kept >> sector & 1 == 0) {
            let from = durable + sector * SECTOR;
            let to = bytes.len().min(from + SECTOR);
            bytes[from..to].fill(lost);
        }
        bytes
    })
}

#[test]
fn a_group_that_was_not_synced_is_cut_wherever_it_is_torn() {
    let mut segment = Segment::new();
    segment.record(b"synced before the group", Batch::Alone);
    segment.sync();
    let durable = segment.end();
    segment.record(b"short", Batch::Alone);
    segment.record(&[1; 150], Batch::Member);
    segment.record(b"second", Batch::Member);
    segment.record(&[2; 70], Batch::Last);
    segment.append(Header::removal(9, b"gone", Batch::Alone).unwrap(), b"gone");
    segment.record(b"end", Batch::Alone);
    let ends = segment.ends();
    for lost in [0, 0xf5, 0xff] {
        let mut seen = std::collections::BTreeSet::new();
        for bytes in torn(&segment.bytes, durable as usize, lost) {
            for known in [0, durable] {
                let (end, frames) = end_of(&bytes, known);
                let LogEnd::At(end) = end else { panic!("{end:?}") };
                assert!(end >= durable && ends.contains(&end));
                assert_eq!(frames, segment.frames_before(end));
                seen.insert(end);
            }
        }
        assert!(seen.len() > 2 && seen.first() == Some(&durable) && seen.last() == Some(&segment.end()));
    }
}

#[test]
fn sectors_that_are_lost_after_a_sync_are_noticed_if_anything_is_left_to_tell() {
    let mut segment = Segment::new();
    segment.record(&[1; 200], Batch::Alone);
    segment.record(b"second", Batch::Alone);
    segment.sync();
    let durable = segment.end();
    segment.record(&[3; 90], Batch::Alone);
    segment.record(b"last", Batch::Alone);
    for bytes in torn(&segment.bytes, first() as usize, 0) {
        let whole = bytes[..durable as usize] == segment.bytes[..durable as usize];
        let told = segment.frames[2..].iter().any(|(place, ..)| {
            let at = place.offset as usize;
            bytes[at..at + Header::LEN] == segment.bytes[at..at + Header::LEN]
        });
        // The padding may be lost: it is zeros.
        let (end, frames) = end_of(&bytes, 0);
        assert!(segment.frames.starts_with(&frames));
        match end {
            LogEnd::At(end) => assert!(end >= durable || !told),
            LogEnd::Damaged { at } => assert!(!whole && at < durable),
        }
        assert_eq!(matches!(end_of(&bytes, durable).0, LogEnd::Damaged { .. }), frames.len() < 2);
    }
}
