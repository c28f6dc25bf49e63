//! Going through the frames of a segment.

use std::io;

use larder::Result;
use larder::io::DiskFile;

use super::names::file_name;
use super::window::Window;
use crate::failure;
use crate::frame::{ALIGN, Header};
use crate::place::Place;

/// A frame whose header and payload are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'p> {
    pub(crate) place: Place,
    pub(crate) header: Header,
    pub(crate) payload: &'p [u8],
}

/// What comes next in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'p> {
    /// A frame.
    Frame(Frame<'p>),
    /// No frame begins at `at`; the next one begins at `until`, which is the end if there is none.
    Damage {
        /// The offset of the first byte that is not understood.
        at: u64,
        /// The offset at which the next step goes on.
        until: u64,
    },
}

/// Reads the frames of a segment in order, and finds the next one after damage.
#[derive(Debug)]
pub(crate) struct Scanner<'f> {
    window: Window<'f>,
    salt: u64,
    segment: u32,
    at: u64,
}

impl<'f> Scanner<'f> {
    /// From one offset in the file to another. A frame must end before `end`, with its padding.
    pub(crate) fn new(file: &'f dyn DiskFile, salt: u64, segment: u32, from: u64, end: u64) -> Scanner<'f> {
        Scanner { window: Window::new(file, end), salt, segment, at: from }
    }

    /// The next frame, or the next damage; `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of reading. The same step may be tried again.
    pub(crate) fn next(&mut self) -> Result<Option<Step<'_>>> {
        let at = self.at;
        if at >= self.window.end() {
            return Ok(None);
        }
        let Some(header) = self.verify(at)? else {
            let until = self.resynchronise(at)?;
            self.at = until;
            return Ok(Some(Step::Damage { at, until }));
        };
        let until = self.window.end();
        let frame = self.take(header)?;
        Ok(Some(frame.map_or(Step::Damage { at, until }, Step::Frame)))
    }

    /// Where the next step begins: an offset in the file.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The header of the frame here, if all of the frame is valid.
    pub(super) fn here(&mut self) -> Result<Option<Header>> {
        self.verify(self.at)
    }

    /// Goes on behind the frame here, without handing it out.
    pub(super) fn skip(&mut self, header: Header) {
        self.at += header.frame_len();
    }

    /// Hands out the frame here, whose header this is, and goes on behind it. It is verified, so it is
    /// in the window.
    pub(super) fn take(&mut self, header: Header) -> Result<Option<Frame<'_>>> {
        let place = Place { segment: self.segment, offset: self.at };
        let len = Header::LEN + header.payload_len();
        self.at += header.frame_len();
        let bytes = self.window.bytes(place.offset, len).map_err(cannot_read(self.segment))?;
        Ok(bytes.map(|bytes| Frame { place, header, payload: &bytes[Header::LEN..] }))
    }

    /// The header that stands at an offset, whatever its payload is.
    pub(crate) fn header(&mut self, at: u64) -> Result<Option<Header>> {
        let place = Place { segment: self.segment, offset: at };
        let bytes = self.window.bytes(at, Header::LEN).map_err(cannot_read(self.segment))?;
        Ok(bytes.and_then(|bytes| Header::decode(bytes, self.salt, place)))
    }

    /// The header that stands at an offset, if the payload is the one that it vouches for.
    fn verify(&mut self, at: u64) -> Result<Option<Header>> {
        let Some(header) = self.header(at)? else { return Ok(None) };
        // The header is valid, so its lengths are within bounds.
        let Ok(len) = usize::try_from(header.frame_len()) else { return Ok(None) };
        let frame = self.window.bytes(at, len).map_err(cannot_read(self.segment))?;
        let payload = frame.and_then(|frame| frame.get(Header::LEN..Header::LEN + header.payload_len()));
        Ok(payload.is_some_and(|payload| header.vouches_for(payload)).then_some(header))
    }

    /// Where the next frame after this offset begins, or the end.
    fn resynchronise(&mut self, after: u64) -> Result<u64> {
        let mut at = self.beyond_zeros(next_place(after))?;
        while at < self.window.end() {
            if self.verify(at)?.is_some() {
                return Ok(at);
            }
            at = self.beyond_zeros(next_place(at))?;
        }
        Ok(self.window.end())
    }

    /// Whether a header stands somewhere from here on that fulfils a condition on its offset and itself.
    pub(crate) fn any_header(&mut self, fulfils: impl Fn(u64, &Header) -> bool) -> Result<bool> {
        let mut at = self.beyond_zeros(self.at.div_ceil(ALIGN).saturating_mul(ALIGN))?;
        while at < self.window.end() {
            if self.header(at)?.is_some_and(|header| fulfils(at, &header)) {
                return Ok(true);
            }
            at = self.beyond_zeros(next_place(at))?;
        }
        Ok(false)
    }

    /// The first offset from here on at which a frame could begin, and that is not within zeros: none begins with one.
    fn beyond_zeros(&mut self, mut at: u64) -> Result<u64> {
        loop {
            let zeros = self.window.zeros(at).map_err(cannot_read(self.segment))?;
            if zeros == 0 {
                return Ok(at);
            }
            at = (at + zeros).div_ceil(ALIGN).saturating_mul(ALIGN);
        }
    }
}

/// The next offset at which a frame could begin.
fn next_place(after: u64) -> u64 {
    (after / ALIGN).saturating_add(1).saturating_mul(ALIGN)
}

/// Names the file whose reading failed.
fn cannot_read(segment: u32) -> impl Fn(io::Error) -> larder::Error {
    move |cause| failure::disk("cannot read", file_name(segment), cause)
}
