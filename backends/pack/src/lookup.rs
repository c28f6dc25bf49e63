//! Finding the frame of a key: the index gives places, the frames there say whose they are.

use std::sync::Arc;

use larder::ErrorKind;
use larder::io::{Buffer, Halt};

use crate::append_only_file::AppendOnlyFileError;
use crate::failure;
use crate::frame::Header;
use crate::index::{self, Location};
use crate::place::Place;
use crate::segments::Segment;
use crate::shared::Shared;

/// How often a look-up begins anew because the segment that it was sent to is gone.
const ATTEMPTS: usize = 64;

/// How to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Only what needs no waiting for the medium.
    Cached,
    /// Waiting for it.
    Waiting,
}

impl From<AppendOnlyFileError> for Halt {
    fn from(error: AppendOnlyFileError) -> Halt {
        Halt::Failed(error.into())
    }
}

/// The frame of a key, with as much of it as was read at once.
pub(crate) struct Found {
    pub(crate) segment: Arc<Segment>,
    pub(crate) location: Location,
    pub(crate) header: Header,
    /// The frame from its beginning, as far as `filled`.
    pub(crate) buffer: Buffer,
    pub(crate) filled: usize,
}

impl Found {
    /// Reads the payload up to here, if it was not yet.
    pub(crate) fn fill(&mut self, payload: usize, how: How) -> Result<(), Halt> {
        let wanted = Header::LEN + payload;
        if self.filled < wanted {
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
            let at = self.location.offset() + self.filled as u64;
            fetch(&self.segment, &mut self.buffer[self.filled..wanted], at, how)?;
            self.filled = wanted;
        }
        Ok(())
    }

    /// The payload, as far as it was read.
    pub(crate) fn payload(&self) -> &[u8] {
        let end = self.filled.min(Header::LEN + self.header.payload_len());
        self.buffer.get(Header::LEN..end).unwrap_or_default()
    }
}

/// The last frame of a key, if it has one. Reads the frame's first `first` bytes at once, and at least its header
/// and its key.
pub(crate) fn look_up(shared: &Shared, key: &[u8], how: How, first: usize) -> Result<Option<Found>, Halt> {
    let hash = shared.index.hash(key);
    'again: for _ in 0..ATTEMPTS {
        let found = match how {
            How::Cached => match shared.index.find(hash) {
                index::Found::NotLoaded => return Err(Halt::Waits),
                found => found,
            },
            How::Waiting => shared.index.find_waiting(hash)?,
        };
        for location in found.locations() {
            // Compaction moves a frame before it removes the segment that it was in.
            let Some(segment) = shared.segments.get(location.segment()) else { continue 'again };
            if let Some(found) = examine(shared, segment, *location, key, how, first)? {
                return Ok(Some(found));
            }
        }
        return Ok(None);
    }
    // Nothing is there once the store is closed.
    shared.check_open()?;
    let message = "the index names a segment that is not there; open the store again";
    Err(failure::error(ErrorKind::Corrupt, message).into())
}

/// The frame at this place, if it is the one of this key.
fn examine(
    shared: &Shared,
    segment: Arc<Segment>,
    location: Location,
    key: &[u8],
    how: How,
    first: usize,
) -> Result<Option<Found>, Halt> {
    let offset = location.offset();
    let present = segment
        .reader
        .flushed_end_poff()
        .checked_sub(offset)
        .ok_or_else(|| failure::damaged(segment.path(), offset))?;
    let mut buffer = Buffer::take();
    let first = first.max(Header::LEN).min(buffer.len());
    let filled = location.known_len().unwrap_or(u64::MAX).min(present).min(first as u64) as usize;
    fetch(&segment, &mut buffer[..filled], offset, how)?;
    let place = Place { segment: location.segment(), offset };
    let header = Header::decode(&buffer[..filled], shared.salt, place)
        .ok_or_else(|| failure::damaged(segment.path(), offset))?;
    if header.key_len as usize != key.len() {
        return Ok(None);
    }
    let mut found = Found { segment, location, header, buffer, filled };
    found.fill(header.key_at as usize + key.len(), how)?;
    if header.key_of(found.payload()) == key {
        return Ok(Some(found));
    }
    // Another key with the same hash is rare; this one, damaged, must not be taken for absent.
    found.fill(header.payload_len(), how)?;
    if header.vouches_for(found.payload()) {
        return Ok(None);
    }
    Err(failure::damaged(found.segment.path(), offset).into())
}

/// Fills the buffer from an offset of a segment.
fn fetch(segment: &Segment, buffer: &mut [u8], offset: u64, how: How) -> Result<(), Halt> {
    match how {
        How::Waiting => Ok(segment.reader.read_exact_at(buffer, offset)?),
        How::Cached if segment.reader.read_exact_at_cached(buffer, offset)? => Ok(()),
        How::Cached => Err(Halt::Waits),
    }
}
