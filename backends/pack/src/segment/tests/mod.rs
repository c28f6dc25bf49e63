//! Segments in memory, damaged in every way.

mod bytes;
mod crashes;
mod log_end;
mod zeros;

use std::io;
use std::sync::Mutex;

use larder::io::DiskFile;

use super::*;
use crate::frame::{Batch, BlobRef, Header, encode_ids};
use crate::place::Place;

pub(super) const SALT: u64 = 0xfeed_0000_0000_beef;
pub(super) const ID: u32 = 7;

/// A file in memory.
#[derive(Debug, Default)]
pub(super) struct Memory(pub(super) Mutex<Vec<u8>>);

impl Memory {
    pub(super) fn new(bytes: &[u8]) -> Memory {
        Memory(Mutex::new(bytes.to_vec()))
    }
}

impl DiskFile for Memory {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.0.lock().unwrap();
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        self.read_at(buffer, offset).map(Some)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A frame as it was written or found.
pub(super) type Owned = (Place, Header, Vec<u8>);

/// A segment that is being written.
pub(super) struct Segment {
    pub(super) bytes: Vec<u8>,
    pub(super) frames: Vec<Owned>,
    pub(super) durable: u64,
}

impl Segment {
    pub(super) fn new() -> Segment {
        let bytes = SegmentHeader { id: ID, salt: SALT, live: sealed([3, 5]) }.encode().unwrap();
        Segment { durable: bytes.len() as u64, bytes, frames: Vec::new() }
    }

    pub(super) fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Says that everything so far was synced.
    pub(super) fn sync(&mut self) {
        self.durable = self.end();
    }

    pub(super) fn append(&mut self, mut header: Header, payload: &[u8]) {
        let place = Place { segment: ID, offset: self.end() };
        header.durable = self.durable;
        self.bytes.extend(header.encode(SALT, place));
        self.bytes.extend(payload);
        self.bytes.extend(vec![0; header.padding()]);
        self.frames.push((place, header, payload.to_vec()));
    }

    pub(super) fn record(&mut self, data: &[u8], batch: Batch) {
        let header = Header::record(self.frames.len() as u64, 1..4, b"<key>", data, batch).unwrap();
        self.append(header, &[b"<key>", data].concat());
    }

    /// One with frames of every kind and two batches, synced now and then, the last time before the last
    /// two frames.
    pub(super) fn example() -> Segment {
        let mut segment = Segment::new();
        segment.record(b"first", Batch::Alone);
        segment.sync();
        segment.record(b"one of two", Batch::Member);
        segment.append(Header::removal(50, b"gone", Batch::Last).unwrap(), b"gone");
        let blob = BlobRef { id: 1, len: 2 };
        let header = Header::blob(51, 0..4, b"head", blob, Batch::Alone).unwrap();
        segment.append(header, &[b"head".as_slice(), &blob.encode()].concat());
        segment.sync();
        let ids = encode_ids(&[3]);
        segment.append(Header::drop(52, &ids).unwrap(), &ids);
        for (data, batch) in [("a", Batch::Member), ("bc", Batch::Member), ("", Batch::Last)] {
            segment.record(data.as_bytes(), batch);
        }
        segment.sync();
        segment.record(b"not synced", Batch::Alone);
        segment.record(b"nor this", Batch::Alone);
        segment
    }

    /// The frames that count if the log ends here.
    pub(super) fn frames_before(&self, end: u64) -> &[Owned] {
        &self.frames[..self.frames.iter().filter(|(place, ..)| place.offset < end).count()]
    }

    /// Where the log may end: at the beginning, and where neither a frame nor a batch is cut.
    pub(super) fn ends(&self) -> Vec<u64> {
        let whole = self.frames.iter().filter(|(_, header, _)| header.batch != Batch::Member);
        let ends = whole.map(|(place, header, _)| place.offset + header.frame_len());
        std::iter::once(first()).chain(ends).collect()
    }
}

/// Segments of these ids.
pub(super) fn sealed(ids: impl IntoIterator<Item = u32>) -> Vec<Sealed> {
    ids.into_iter().map(|id| Sealed { id, len: 1000 + u64::from(id) }).collect()
}

/// Where the first frame begins.
pub(super) fn first() -> u64 {
    SegmentHeader { id: ID, salt: SALT, live: sealed([3, 5]) }.encoded_len()
}

/// Where the log ends in these bytes, and the frames that are delivered.
pub(super) fn end_of(bytes: &[u8], known_durable: u64) -> (LogEnd, Vec<Owned>) {
    let mut found = Vec::new();
    let end = find_end(&Memory::new(bytes), SALT, ID, first(), known_durable, &mut |frame| {
        found.push((frame.place, frame.header, frame.payload.to_vec()));
        Ok(())
    });
    (end.unwrap(), found)
}

/// All frames of a scan, and the damage as pairs of offsets.
pub(super) fn scan(bytes: &[u8], from: u64) -> (Vec<Owned>, Vec<(u64, u64)>) {
    let file = Memory::new(bytes);
    let mut scanner = Scanner::new(&file, SALT, ID, from, bytes.len() as u64);
    let (mut frames, mut damage) = (Vec::new(), Vec::new());
    while let Some(step) = scanner.next().unwrap() {
        match step {
            Step::Frame(frame) => frames.push((frame.place, frame.header, frame.payload.to_vec())),
            Step::Damage { at, until } => damage.push((at, until)),
        }
    }
    (frames, damage)
}
