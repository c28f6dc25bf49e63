//! Tests of the bytes of segments.

use std::ffi::OsStr;

use larder::ErrorKind;
use proptest::prelude::*;

use super::*;

#[test]
fn names_are_strict() {
    for id in [1, 7, 0x00ab_cdef, u32::MAX] {
        assert_eq!(parse_name(OsStr::new(&file_name(id))), Some(id));
    }
    assert_eq!(file_name(0xab), "000000ab.log");
    for name in [
        "00000000.log",
        "1.log",
        "000000AB.log",
        "0000000g.log",
        "+0000001.log",
        "00000001",
        "00000001.LOG",
        "00000001.log.tmp",
        "000000001.log",
        ".log",
        "00000001.index",
        "",
        "ä0000001.log",
    ] {
        assert_eq!(parse_name(OsStr::new(name)), None, "{name}");
    }
}

fn read(bytes: &[u8]) -> larder::Result<Option<SegmentHeader>> {
    SegmentHeader::read(&Memory::new(bytes), ID, Some(SALT))
}

#[test]
fn a_segment_header_reads_back_and_ends_at_a_place_for_frames() {
    for count in 0..40 {
        let header = SegmentHeader { id: 90, salt: SALT, live: sealed(1..=count) };
        let bytes = header.encode().unwrap();
        assert_eq!((bytes.len() as u64, bytes.len() % 16), (header.encoded_len(), 0));
        for salt in [None, Some(SALT)] {
            let found = SegmentHeader::read(&Memory::new(&bytes), 90, salt).unwrap();
            assert_eq!(found.as_ref(), Some(&header));
        }
    }
    for live in [vec![2, 1], vec![2, 2], vec![2, 9], vec![10]] {
        let wrong = SegmentHeader { id: 9, salt: SALT, live: sealed(live) };
        assert_eq!(wrong.encode().unwrap_err().kind(), ErrorKind::Invalid);
    }
    let many = SegmentHeader { id: u32::MAX, salt: SALT, live: sealed(0..(1 << 20) + 1) };
    assert_eq!(many.encode().unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn a_header_of_something_else_is_told_from_none() {
    let bytes = Segment::new().bytes;
    let of = |id, salt| SegmentHeader::read(&Memory::new(&bytes), id, Some(salt)).unwrap_err().kind();
    assert_eq!(of(ID + 1, SALT), ErrorKind::Corrupt);
    assert_eq!(of(ID, SALT + 1), ErrorKind::Corrupt);
    let mut newer = bytes.clone();
    newer[11] = 2;
    let crc = crc32fast::hash(&newer[..28]);
    newer[28..32].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(read(&newer).unwrap_err().kind(), ErrorKind::Unsupported);
    // A count that the file does not bear out.
    let mut huge = bytes;
    huge[24..28].fill(0xff);
    let crc = crc32fast::hash(&huge[..28]);
    huge[28..32].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(read(&huge).unwrap(), None);
}

#[test]
fn every_flipped_bit_of_a_segment_is_damage_or_harmless() {
    let segment = Segment::example();
    let len = segment.end();
    let header = read(&segment.bytes).unwrap();
    let (mut harmless, mut cut) = (0, 0);
    for bit in 0..8 * segment.bytes.len() {
        let mut bytes = segment.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = read(&bytes).unwrap();
        if bit as u64 / 8 >= first() {
            assert_eq!(found, header);
        } else if found.is_some() {
            assert_eq!(found, header, "bit {bit}");
            harmless += 1;
        } else {
            assert!(holds_frames(&Memory::new(&bytes), SALT, ID).unwrap());
        }
        // All of it is known to be durable.
        let (end, frames) = end_of(&bytes, len);
        match end {
            LogEnd::At(end) => assert_eq!((end, &frames), (len, &segment.frames), "bit {bit}"),
            LogEnd::Damaged { at } => {
                assert!(at <= bit as u64 / 8 && segment.frames.starts_with(&frames), "bit {bit}");
            }
        }
        // Nothing is known but what the frames say.
        let (end, frames) = end_of(&bytes, 0);
        assert!(segment.frames.starts_with(&frames), "bit {bit}");
        if let LogEnd::At(end) = end {
            assert!(end == len || end >= segment.durable, "bit {bit}: cut at {end}");
            assert_eq!(frames, segment.frames_before(end));
            cut += u32::from(end < len);
        }
        // A scan loses one frame at the most.
        let (frames, damage) = scan(&bytes, first());
        assert!(frames.iter().all(|frame| segment.frames.contains(frame)), "bit {bit}");
        assert_eq!(frames.len() + damage.len(), segment.frames.len(), "bit {bit}");
        assert!(damage.iter().all(|(at, until)| (*at..*until).contains(&(bit as u64 / 8))));
    }
    assert!(harmless > 0 && cut > 0);
}

#[test]
fn every_length_that_a_segment_may_be_cut_to() {
    let segment = Segment::example();
    let ends = segment.ends();
    for len in 0..segment.bytes.len() {
        let bytes = &segment.bytes[..len];
        assert_eq!(read(bytes).unwrap().is_some(), len as u64 >= first(), "{len}");
        let (end, frames) = end_of(bytes, segment.end());
        assert!(matches!(end, LogEnd::Damaged { at } if at <= len as u64), "{len}");
        assert!(segment.frames.starts_with(&frames));
        if len as u64 >= first() {
            let (end, frames) = end_of(bytes, 0);
            let expected = *ends.iter().rfind(|end| **end <= len as u64).unwrap();
            assert_eq!(end, LogEnd::At(expected), "{len}");
            assert_eq!(frames, segment.frames_before(expected));
        }
        // Zeros in the place of what is missing make no difference.
        let mut zeros = bytes.to_vec();
        zeros.resize(len.next_multiple_of(16) + 160, 0);
        if len as u64 >= first() {
            // Frames that lack nothing but zeros of their padding are whole.
            let (end, frames) = end_of(&zeros, 0);
            let LogEnd::At(end) = end else { panic!("{len}: {end:?}") };
            assert_eq!(frames, segment.frames_before(end));
        }
        _ = scan(bytes, 0);
    }
}

#[test]
fn frames_in_the_values_of_frames_are_never_found() {
    // The bytes of a segment as a value, at every distance from where a frame may begin.
    let inner = Segment::example().bytes;
    for shift in 0..16 {
        let mut segment = Segment::new();
        segment.record(&[&vec![1; shift], inner.as_slice()].concat(), Batch::Alone);
        segment.record(b"after", Batch::Alone);
        // Its own header and payload, too, where the next frame of this length would be.
        let own = segment.bytes[first() as usize..].to_vec();
        segment.record(&own, Batch::Alone);
        segment.record(b"last", Batch::Alone);
        let (frames, damage) = scan(&segment.bytes, 0);
        assert_eq!((frames, damage), (segment.frames.clone(), vec![(0, first())]));
        // Each damaged in its header: what is in it does not come to light.
        for hit in 0..segment.frames.len() {
            let mut bytes = segment.bytes.clone();
            bytes[segment.frames[hit].0.offset as usize + 30] ^= 4;
            let (frames, damage) = scan(&bytes, first());
            let mut expected = segment.frames.clone();
            let (place, header, _) = expected.remove(hit);
            assert_eq!(frames, expected);
            assert_eq!(damage, [(place.offset, place.offset + header.frame_len())]);
        }
    }
}

#[test]
fn frames_longer_than_a_chunk_and_across_chunks_are_read() {
    let mut segment = Segment::new();
    for len in [1 << 20, 300_000, 900_000, 3 << 20, crate::frame::MAX_PAYLOAD - 5, 1, 700_000, 700_000] {
        segment.record(&vec![len as u8 | 1; len], Batch::Alone);
    }
    let (frames, damage) = scan(&segment.bytes, first());
    assert!(frames == segment.frames && damage.is_empty());
    // The largest is damaged at its end.
    let (place, header, _) = &segment.frames[4];
    let next = place.offset + header.frame_len();
    segment.bytes[next as usize - 16] ^= 1;
    let (frames, damage) = scan(&segment.bytes, first());
    assert_eq!((frames.len(), damage), (7, vec![(place.offset, next)]));
}

proptest! {
    #[test]
    fn arbitrary_segments_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600), from in 0..700_u64, known: u64,
    ) {
        let file = Memory::new(&bytes);
        _ = SegmentHeader::read(&file, ID, None);
        _ = find_end(&file, SALT, ID, from, known, &mut |_| Ok(()));
        _ = holds_frames(&file, SALT, ID);
        let (frames, _) = scan(&bytes, from);
        prop_assert!(frames.is_empty());
        let mut scanner = Scanner::new(&file, SALT, ID, u64::MAX - 20, u64::MAX);
        while scanner.next().unwrap().is_some() {}
    }

    #[test]
    fn arbitrary_changes_of_a_segment_never_give_other_data(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20), known in 0..1000_u64,
    ) {
        let segment = Segment::example();
        let mut bytes = segment.bytes.clone();
        for (at, byte) in &changes {
            *at.get_mut(&mut bytes) = *byte;
        }
        let (_, frames) = end_of(&bytes, known);
        prop_assert!(segment.frames.starts_with(&frames));
        let (frames, _) = scan(&bytes, first());
        prop_assert!(frames.iter().all(|frame| segment.frames.contains(frame)));
    }
}
