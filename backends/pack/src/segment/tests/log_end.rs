//! Tests of where the log ends.

use larder::{Error, ErrorKind};

use super::*;

#[test]
fn a_whole_log_ends_where_the_file_does() {
    let segment = Segment::example();
    for known in [0, segment.durable, segment.end()] {
        assert_eq!(end_of(&segment.bytes, known), (LogEnd::At(segment.end()), segment.frames.clone()));
    }
    // More was durable than there is.
    let (end, frames) = end_of(&segment.bytes, segment.end() + 1);
    assert_eq!((end, frames), (LogEnd::Damaged { at: segment.end() }, segment.frames.clone()));
    let beyond = find_end(&Memory::new(&segment.bytes), SALT, ID, segment.end() + 16, 0, &mut |_| Ok(()));
    assert_eq!(beyond.unwrap(), LogEnd::Damaged { at: segment.end() });
}

#[test]
fn a_scan_may_begin_at_any_end() {
    let segment = Segment::example();
    for from in segment.ends() {
        let mut found = Vec::new();
        let file = Memory::new(&segment.bytes);
        let end = find_end(&file, SALT, ID, from, 0, &mut |frame| {
            found.push((frame.place, frame.header, frame.payload.to_vec()));
            Ok(())
        });
        assert_eq!(end.unwrap(), LogEnd::At(segment.end()));
        assert_eq!([segment.frames_before(from), &found].concat(), segment.frames);
    }
}

#[test]
fn damage_before_a_durable_mark_is_damage_and_after_it_a_torn_tail() {
    let segment = Segment::example();
    for (place, header, _) in &segment.frames {
        // Bits of the header and of the payload.
        for at in [4, 40, 44] {
            let mut bytes = segment.bytes.clone();
            bytes[place.offset as usize + at] ^= 0x10;
            let next = place.offset + header.frame_len();
            // Told by a frame after it.
            let (end, _) = end_of(&bytes, 0);
            if place.offset < segment.durable {
                assert_eq!(end, LogEnd::Damaged { at: place.offset });
            } else {
                assert_eq!(end, LogEnd::At(place.offset));
            }
            // Told by the control file, up to here or just not.
            assert_eq!(end_of(&bytes, next).0, LogEnd::Damaged { at: place.offset });
            let (end, _) = end_of(&bytes[..next as usize], place.offset);
            let batch = segment.ends().into_iter().rfind(|end| *end <= place.offset).unwrap();
            assert_eq!(end, LogEnd::At(batch));
        }
    }
}

#[test]
fn a_mark_is_believed_though_the_payload_beside_it_is_torn() {
    let mut segment = Segment::new();
    segment.record(b"synced", Batch::Alone);
    segment.sync();
    segment.record(b"torn in its data", Batch::Alone);
    let last = segment.frames[1].0.offset as usize;
    segment.bytes[first() as usize + 50] ^= 1;
    segment.bytes[last + 50] ^= 1;
    assert_eq!(end_of(&segment.bytes, 0).0, LogEnd::Damaged { at: first() });
    // Without the mark nobody could tell.
    segment.bytes[last + 20] ^= 1;
    assert_eq!(end_of(&segment.bytes, 0).0, LogEnd::At(first()));
}

#[test]
fn a_batch_that_is_not_complete_is_cut_whole() {
    let mut segment = Segment::new();
    segment.record(b"before", Batch::Alone);
    let start = segment.end();
    for n in 0..5_u8 {
        segment.record(&[n; 30], Batch::Member);
        let (end, frames) = end_of(&segment.bytes, start);
        assert_eq!((end, frames.len()), (LogEnd::At(start), 1));
    }
    segment.record(b"last", Batch::Last);
    assert_eq!(end_of(&segment.bytes, 0), (LogEnd::At(segment.end()), segment.frames.clone()));
    // The last one is there and one before it is not.
    let mut bytes = segment.bytes.clone();
    bytes[segment.frames[3].0.offset as usize + 45] ^= 1;
    let (end, frames) = end_of(&bytes, start);
    assert_eq!((end, frames.len()), (LogEnd::At(start), 1));
    // It was acknowledged, and more was written.
    segment.sync();
    segment.record(b"after", Batch::Alone);
    bytes.extend_from_slice(&segment.bytes[bytes.len()..]);
    let at = segment.frames[3].0.offset;
    assert_eq!(end_of(&bytes, 0).0, LogEnd::Damaged { at });
}

#[test]
fn a_frame_of_its_own_within_a_batch_is_damage() {
    let mut segment = Segment::new();
    segment.record(b"member", Batch::Member);
    let at = segment.end();
    segment.record(b"alone", Batch::Alone);
    assert_eq!(end_of(&segment.bytes, 0), (LogEnd::Damaged { at }, Vec::new()));
}

#[test]
fn an_error_of_the_receiver_ends_it() {
    let segment = Segment::example();
    let mut seen = 0;
    let end = find_end(&Memory::new(&segment.bytes), SALT, ID, first(), 0, &mut |_| {
        seen += 1;
        if seen == 3 { Err(Error::closed()) } else { Ok(()) }
    });
    assert_eq!((end.unwrap_err().kind(), seen), (ErrorKind::Closed, 3));
}
