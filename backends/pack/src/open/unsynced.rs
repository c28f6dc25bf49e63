//! Frames of large records whose files a power cut may have taken, though the frames are there: where nothing is
//! synced before it is acknowledged, the medium may get the frame first. The log ends before the first of them.

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
    frames: Vec<Unsure>,
}

#[derive(Debug)]
struct Unsure {
    offset: u64,
    /// Where the log ends if the blob is not whole: here, or where the batch began.
    cut: u64,
    head: Bytes,
    blob: BlobRef,
}

impl Unsynced {
    pub(super) fn new(durable: u64) -> Unsynced {
        Unsynced { durable, batch: None, frames: Vec::new() }
    }

    /// The next frame.
    pub(super) fn note(&mut self, frame: &Frame<'_>) {
        let (header, offset) = (&frame.header, frame.place.offset);
        if header.durable > self.durable {
            self.durable = header.durable;
            self.frames.retain(|unsure| unsure.offset >= header.durable);
        }
        let cut = self.batch.unwrap_or(offset);
        self.batch = (header.batch == Batch::Member).then_some(cut);
        if header.kind == Kind::Blob && offset >= self.durable {
            let (head, data) = frame.payload.split_at(header.head_len as usize);
            if let Some(blob) = BlobRef::decode(data) {
                self.frames.push(Unsure { offset, cut, head: Bytes::copy_from_slice(head), blob });
            }
        }
    }

    /// Where the log ends, since the blob of a frame there is not whole: `None` if all are.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn cut(&self, disk: &dyn Disk, layout: &Layout) -> Result<Option<u64>> {
        for unsure in &self.frames {
            if !unsure.is_whole(disk, layout)? {
                return Ok(Some(unsure.cut));
            }
        }
        Ok(None)
    }
}

impl Unsure {
    fn is_whole(&self, disk: &dyn Disk, layout: &Layout) -> Result<bool> {
        let path = layout.blob(self.blob.id);
        let failed = |cause| failure::disk("cannot read", path.display(), cause);
        let file = match disk.open(&path, Mode::Read) {
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
            at += read as u64;
        }
        Ok(head.vouch(&sum).is_ok())
    }
}
