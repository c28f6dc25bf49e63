//! Frames of large records whose files a power cut may have taken, though the frames are there: where nothing is
//! synced before it is acknowledged, the medium may get the frame first. The log ends before the first of them.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use larder::io::{Disk, Mode};
use larder::{DataSum, Head, Origin, Result};

use crate::failure;
use crate::frame::{Batch, BlobRef, Kind};
use crate::layout::Layout;
use crate::segment::Frame;

/// So many bytes are read at once.
const CHUNK: usize = 256 << 10;

/// The frames that name blobs, and that nothing says to have been synced.
#[derive(Debug)]
pub(super) struct Unsynced {
    /// What lies before this offset was synced, and the blobs that it names.
    durable: u64,
    /// Where the batch began that is being gone through.
    batch: Option<u64>,
    /// By their offsets.
    frames: BTreeMap<u64, Unsure>,
    /// The last of these frames of each key.
    last: BTreeMap<Vec<u8>, u64>,
}

#[derive(Debug)]
struct Unsure {
    /// Where the log ends if the blob is not whole: here, or where the batch began.
    cut: u64,
    /// The offset of the frame that replaces it: if that is part of the log, the blob may be gone.
    replaced: Option<u64>,
    head: Bytes,
    blob: BlobRef,
}

impl Unsynced {
    pub(super) fn new(durable: u64) -> Unsynced {
        Unsynced { durable, batch: None, frames: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// The next frame.
    pub(super) fn note(&mut self, frame: &Frame<'_>) {
        let (header, offset) = (&frame.header, frame.place.offset);
        if header.durable > self.durable {
            self.durable = header.durable;
            self.frames = self.frames.split_off(&header.durable);
        }
        let cut = self.batch.unwrap_or(offset);
        self.batch = (header.batch == Batch::Member).then_some(cut);
        let key = header.key_of(frame.payload);
        if header.kind != Kind::Drop
            && let Some(last) = self.last.remove(key).and_then(|last| self.frames.get_mut(&last))
        {
            last.replaced = Some(offset);
        }
        if header.kind == Kind::Blob && offset >= self.durable {
            let (head, data) = frame.payload.split_at(header.head_len as usize);
            if let Some(blob) = BlobRef::decode(data) {
                let head = Bytes::copy_from_slice(head);
                self.frames.insert(offset, Unsure { cut, replaced: None, head, blob });
                self.last.insert(key.to_vec(), offset);
            }
        }
    }

    /// Where the log ends, if not at `end`, since the blob of a frame before is not whole. What is whole is written
    /// again.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub(super) fn cut(&self, disk: &dyn Disk, layout: &Layout, mut end: u64) -> Result<u64> {
        loop {
            let mut cut = end;
            for unsure in self.frames.range(..end).map(|(_, unsure)| unsure) {
                let counts = unsure.replaced.is_none_or(|replaced| replaced >= end);
                if counts && unsure.cut < cut && !unsure.is_whole(disk, layout)? {
                    cut = unsure.cut;
                }
            }
            if cut == end {
                return Ok(end);
            }
            // What was replaced only by what is cut off counts again.
            end = cut;
        }
    }
}

impl Unsure {
    /// Also writes it again: a sync that failed may have lost what is still read.
    fn is_whole(&self, disk: &dyn Disk, layout: &Layout) -> Result<bool> {
        let path = layout.blob(self.blob.id);
        let failed = |cause| failure::disk("cannot read", path.display(), cause);
        let file = match disk.open(&path, Mode::Write) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(failed)?,
        };
        // The frame is valid, so its head is what was written.
        let Ok(head) = Head::parse(self.head.clone(), Origin::Larder) else { return Ok(true) };
        if file.len().map_err(failed)? < self.blob.len {
            return Ok(false);
        }
        let (mut sum, mut at, mut buffer) = (DataSum::new(), 0, vec![0; CHUNK]);
        while at < self.blob.len {
            let wanted = usize::try_from(self.blob.len - at).unwrap_or(CHUNK).min(CHUNK);
            let read = file.read_full_at(&mut buffer[..wanted], at).map_err(failed)?;
            if read == 0 {
                return Ok(false);
            }
            sum.update(&buffer[..read]);
            let written = file.write_all_at(&buffer[..read], at);
            written.map_err(|cause| failure::disk("cannot write", path.display(), cause))?;
            at += read as u64;
        }
        Ok(head.vouch(&sum).is_ok())
    }
}
