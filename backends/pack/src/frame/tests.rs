//! Tests of frames.

use proptest::prelude::*;

use super::*;
use crate::place::Place;

const SALT: u64 = 0x0123_4567_89ab_cdef;
const PLACE: Place = Place { segment: 7, offset: 4096 };

/// A header of each kind, with its payload.
fn examples() -> Vec<(Header, Vec<u8>)> {
    let blob = BlobRef { id: 3, len: 1 << 30 };
    let ids = encode_ids(&[1, 2, u32::MAX]);
    vec![
        (Header::record(1, 2..5, b"a key!", b"data", Batch::Alone).unwrap(), b"a key!data".to_vec()),
        (Header::record(u64::MAX, 0..1, b"k", b"", Batch::Member).unwrap(), b"k".to_vec()),
        (
            Header::blob(9, 1..3, b"head", blob, Batch::Last).unwrap(),
            [b"head".as_slice(), &blob.encode()].concat(),
        ),
        (Header::removal(4, b"gone", Batch::Alone).unwrap(), b"gone".to_vec()),
        (Header::drop(5, &ids).unwrap(), ids),
    ]
}

#[test]
fn a_header_reads_back_as_it_was_and_vouches_for_its_payload() {
    for (mut header, payload) in examples() {
        header.durable = 4080;
        assert_eq!(Header::decode(&header.encode(SALT, PLACE), SALT, PLACE), Some(header));
        assert_eq!(header.payload_len(), payload.len());
        assert!(header.vouches_for(&payload));
        assert!(header.frame_len().is_multiple_of(ALIGN) && header.padding() < ALIGN as usize);
        assert_eq!(header.frame_len(), (Header::LEN + payload.len() + header.padding()) as u64);
    }
    let keys: Vec<_> = examples().iter().map(|(header, payload)| header.key_of(payload).to_vec()).collect();
    assert_eq!(keys, [b"key".as_slice(), b"k", b"ea", b"gone", b""]);
    assert_eq!(decode_ids(&examples()[4].1), Some(vec![1, 2, u32::MAX]));
    assert_eq!(decode_ids(b"12345"), None);
    assert_eq!(BlobRef::decode(&examples()[2].1[4..]), Some(BlobRef { id: 3, len: 1 << 30 }));
    assert_eq!(BlobRef::decode(&[0; 17]), None);
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let header = Header { durable: 4080, ..examples()[0].0 };
    let bytes = header.encode(SALT, PLACE);
    let fixed = [
        0xf5, b'L', b'P', b'1', 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0, 4, //
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 255,
    ];
    assert_eq!(bytes[..36], fixed);
    assert_eq!(bytes[36..40], crc32fast::hash(b"a key!data").to_be_bytes());
    let place = [&SALT.to_be_bytes()[..], &7_u32.to_be_bytes(), &4096_u64.to_be_bytes()].concat();
    assert_eq!(bytes[40..], crc32fast::hash(&[&place, &bytes[..40]].concat()).to_be_bytes());
}

#[test]
fn a_header_is_valid_at_its_place_only() {
    let bytes = examples()[0].0.encode(SALT, PLACE);
    assert!(Header::decode(&bytes, SALT ^ 1, PLACE).is_none());
    assert!(Header::decode(&bytes, SALT, Place { segment: 8, ..PLACE }).is_none());
    for offset in (0..1 << 16).step_by(16).filter(|offset| *offset != PLACE.offset) {
        assert!(Header::decode(&bytes, SALT, Place { offset, ..PLACE }).is_none());
    }
    assert!(Header::decode(&[0; Header::LEN], SALT, PLACE).is_none());
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_header_is_noticed() {
    for (header, _) in examples() {
        let bytes = header.encode(SALT, PLACE);
        for bit in 0..8 * Header::LEN {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bytes, SALT, PLACE), None, "bit {bit}");
        }
        for len in 0..Header::LEN {
            assert_eq!(Header::decode(&bytes[..len], SALT, PLACE), None, "{len} bytes");
        }
    }
}

/// The bytes with some replaced, and a checksum that fits again.
fn forged(at: usize, with: &[u8]) -> Option<Header> {
    let mut bytes = examples()[0].0.encode(SALT, PLACE);
    bytes[at..at + with.len()].copy_from_slice(with);
    let place = [&SALT.to_be_bytes()[..], &7_u32.to_be_bytes(), &4096_u64.to_be_bytes()].concat();
    let crc = crc32fast::hash(&[&place, &bytes[..40]].concat());
    bytes[40..].copy_from_slice(&crc.to_be_bytes());
    Header::decode(&bytes, SALT, PLACE)
}

#[test]
fn no_field_is_believed_out_of_its_range() {
    assert!(forged(4, &[1]).is_some());
    for (at, with) in [
        (4, vec![0]),
        (4, vec![5]),
        (5, vec![3]),
        (6, vec![1]),
        (7, vec![1]),
        // A key beyond the head, in two ways; no key; one that overflows.
        (8, vec![0, 0, 0, 4]),
        (12, vec![0, 0, 0, 5]),
        (12, vec![0; 4]),
        (8, vec![255; 8]),
        // Lengths beyond a payload.
        (16, vec![255; 4]),
        (20, vec![0, 64, 0, 0]),
        // More was synced than there was.
        (32, vec![0, 0, 1, 1]),
        // A record's lengths in a frame of another kind.
        (4, vec![2]),
        (4, vec![3]),
        (4, vec![4]),
    ] {
        assert_eq!(forged(at, &with), None, "{with:?} at {at}");
    }
}

#[test]
fn what_does_not_fit_a_frame_is_refused() {
    use larder::ErrorKind::{Invalid, TooLarge};
    let kind = |header: larder::Result<Header>| header.unwrap_err().kind();
    let long = vec![0; MAX_PAYLOAD];
    assert!(Header::record(0, 0..1, b"k", &long[1..], Batch::Alone).is_ok());
    assert_eq!(kind(Header::record(0, 0..1, b"k", &long, Batch::Alone)), TooLarge);
    assert_eq!(kind(Header::record(0, 1..2, b"k", b"", Batch::Alone)), Invalid);
    assert_eq!(kind(Header::record(0, 0..0, b"k", b"", Batch::Alone)), Invalid);
    assert_eq!(kind(Header::record(0, usize::MAX - 1..usize::MAX, b"k", b"", Batch::Alone)), TooLarge);
    assert_eq!(kind(Header::removal(0, b"", Batch::Alone)), Invalid);
    assert_eq!(kind(Header::drop(0, b"abc")), Invalid);
}

#[test]
fn more_than_can_be_claimed_as_durable_is_not_claimed() {
    let header = Header { durable: u64::MAX, ..examples()[0].0 };
    assert_eq!(Header::decode(&header.encode(SALT, PLACE), SALT, PLACE).unwrap().durable, PLACE.offset);
    let far = Place { segment: 1, offset: 1 << 60 };
    let claimed = Header::decode(&header.encode(SALT, far), SALT, far).unwrap().durable;
    assert_eq!(claimed, u64::from(u32::MAX) * ALIGN);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), salt: u64, offset: u64) {
        let place = Place { segment: 1, offset };
        _ = Header::decode(&bytes, salt, place);
        _ = (BlobRef::decode(&bytes), decode_ids(&bytes));
    }

    #[test]
    fn arbitrary_fields_are_refused_or_within_bounds(
        fields in prop::collection::vec(any::<u8>(), 36), kind in 0..6_u8, shift in 0..32_u32,
    ) {
        let mut fields = fields;
        fields[0] = kind;
        fields[1] %= 4;
        fields[2..4].fill(0);
        for at in (4..20).step_by(4) {
            let number = u32::from_be_bytes(fields[at..at + 4].try_into().unwrap()) >> shift;
            fields[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
        if let Some(header) = forged(4, &fields) {
            prop_assert!(header.payload_len() <= MAX_PAYLOAD);
            let key = header.key_at as usize + header.key_len as usize;
            prop_assert!(key <= header.payload_len());
            _ = header.key_of(b"short");
        }
    }
}
