//! Going through a segment from its beginning to its end, through whatever stands there.

use std::ops::Range;

use larder::Result;

use super::files::Segment;
use crate::frame::{self, Header};
use crate::head;
use crate::segment::{Frame, Scanner, Step};

/// What stands in a segment.
pub(super) enum Piece<'p> {
    /// A frame that is whole.
    Frame(Frame<'p>),
    /// Something else.
    Damaged(Damaged),
}

/// A part of a segment that is no whole frame.
pub(super) struct Damaged {
    pub(super) bytes: Range<u64>,
    /// The frame's header, if at least that is whole. Then `bytes` are those of the frame.
    pub(super) header: Option<Header>,
    /// The key of the frame, if the head of its record is whole too.
    pub(super) key: Option<Vec<u8>>,
}

/// Hands out the pieces of a segment in their order.
///
/// # Errors
/// Those of `take`, which end it.
pub(super) fn walk(
    segment: &Segment,
    salt: u64,
    take: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    let mut scanner = Scanner::new(&*segment.file, salt, segment.id, segment.from, segment.to);
    let mut at = segment.from;
    while let Some(step) = scanner.next()? {
        match step {
            Step::Frame(frame) => {
                at = frame.place.offset + frame.header.frame_len();
                take(Piece::Frame(frame))?;
            }
            Step::Damage { at: from, until } => {
                at = until;
                take_apart(segment, salt, from..until, take)?;
            }
        }
    }
    if at < segment.to {
        take(Piece::Damaged(Damaged { bytes: at..segment.to, header: None, key: None }))?;
    }
    Ok(())
}

/// Damage may be several frames, of some of which the header is left.
fn take_apart(
    segment: &Segment,
    salt: u64,
    bytes: Range<u64>,
    take: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    let mut headers = Scanner::new(&*segment.file, salt, segment.id, bytes.start, bytes.end);
    let mut unknown = bytes.start;
    let mut at = bytes.start;
    while at < bytes.end {
        let header = if at.is_multiple_of(frame::ALIGN) { headers.header(at)? } else { None };
        let Some(header) = header else {
            at = (at / frame::ALIGN + 1) * frame::ALIGN;
            continue;
        };
        if unknown < at {
            take(Piece::Damaged(Damaged { bytes: unknown..at, header: None, key: None }))?;
        }
        let end = (at + header.frame_len()).min(bytes.end);
        let key = key_in(segment, at, &header);
        take(Piece::Damaged(Damaged { bytes: at..end, header: Some(header), key }))?;
        (at, unknown) = (end, end);
    }
    if unknown < bytes.end {
        take(Piece::Damaged(Damaged { bytes: unknown..bytes.end, header: None, key: None }))?;
    }
    Ok(())
}

/// The key in the payload of a damaged frame, if the record's head proves it.
fn key_in(segment: &Segment, at: u64, header: &Header) -> Option<Vec<u8>> {
    let mut head = vec![0; header.head_len as usize];
    let read = segment.file.read_full_at(&mut head, at + Header::LEN as u64).ok()?;
    if head.is_empty() || read < head.len() {
        return None;
    }
    let head = head::of_any(&head, u64::from(header.data_len)).ok()?;
    Some(head.key_bytes().to_vec())
}
