//! The record in a frame.

use larder::{DataSum, Head, Result};

use super::files::Files;
use crate::failure;
use crate::frame::{BlobRef, Header, Kind};
use crate::head;
use crate::place::Place;

/// The head of the record in a frame that is whole, and where its data is.
pub(super) fn head_of(header: &Header, payload: &[u8]) -> Result<(Head, Option<BlobRef>), String> {
    let (head, data) = payload.split_at_checked(header.head_len as usize).unwrap_or_default();
    let parsed = head::of_any(head, u64::from(header.data_len)).map_err(|error| error.to_string())?;
    if parsed.key_bytes() != header.key_of(payload) {
        return Err("the frame and the record in it name different keys".into());
    }
    let blob = if header.kind == Kind::Blob { BlobRef::decode(data) } else { None };
    match blob {
        Some(blob) if parsed.size().is_some_and(|size| size != blob.len) => {
            return Err(format!(
                "the data in a file of its own has {} bytes, the record says other",
                blob.len
            ));
        }
        Some(_) => {}
        None => parsed.vouch(&DataSum::of(data)).map_err(|error| error.to_string())?,
    }
    Ok((parsed, blob))
}

/// Reads a frame that was found whole before.
pub(super) fn read(files: &Files, place: Place) -> Result<(Header, Vec<u8>)> {
    let path = files.layout.segment(place.segment);
    let damaged = || failure::damaged(&path, place.offset);
    let segment = files.segments.iter().find(|segment| segment.id == place.segment).ok_or_else(damaged)?;
    let failed = |cause| failure::disk("cannot read", path.display(), cause);
    let mut bytes = [0; Header::LEN];
    segment.file.read_full_at(&mut bytes, place.offset).map_err(failed)?;
    let header = Header::decode(&bytes, files.salt, place).ok_or_else(damaged)?;
    let mut payload = vec![0; header.payload_len()];
    segment.file.read_full_at(&mut payload, place.offset + Header::LEN as u64).map_err(failed)?;
    if header.vouches_for(&payload) { Ok((header, payload)) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use larder::{Bytes, Key, Kind as What, Meta, Record, Timestamp};

    use super::*;
    use crate::frame::Batch;

    /// A frame's checksum only tells that it is what was written.
    #[test]
    fn a_record_in_a_whole_frame_is_compared_with_its_own_checksums() {
        let meta = Meta::new(Key::from("a"), What::Binary, Timestamp::from_millis(0));
        let (head, _) = Record::new(&meta, Bytes::from_static(b"data")).unwrap().into_parts();
        let judged = |head: &[u8], range, data: &[u8]| {
            let header = Header::record(1, range, head, data, Batch::Alone).unwrap();
            head_of(&header, &[head, data].concat()).map(|_| ())
        };
        let mut buffer = Vec::new();
        let at_rest = head::AtRest::of(head.clone());
        let compact = at_rest.bytes(&meta.key().clone(), &mut buffer);
        for (range, bytes) in [(head.key_range(), &head.as_bytes()[..]), compact] {
            assert_eq!(judged(bytes, range.clone(), b"data"), Ok(()));
            assert!(judged(bytes, range.clone(), b"dara").is_err());
            assert!(judged(bytes, range.clone(), b"data and more").is_err());
            assert!(judged(bytes, range.start..range.end - 1, b"data").is_err());
            for at in 0..bytes.len() {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= 1;
                assert!(judged(&bytes, range.clone(), b"data").is_err(), "{at}");
            }
        }
    }
}
