//! Reading: no lock that a write holds, and usually no thread but the caller's.
//!
//! One read usually brings the whole frame, since the index says how long it is. The first try asks the page
//! cache only and never waits for the medium; if it would have to, the whole read is one job of an IO thread.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use larder::io::{BUFFER_BYTES, DiskFile, Halt, Mode};
use larder::{ByteRange, Data, Head, Key, Kind, Part, Reply, Result, Stored, Version};

use crate::failure;
use crate::frame::{self, BlobRef};
use crate::head;
use crate::lookup::{Found, How, look_up};
use crate::shared::Shared;

/// How much of a frame is read at first if only the head is wanted.
const FIRST_FOR_HEAD: usize = 1024;

/// Larger data of binaries and logs is streamed.
const STREAM_ABOVE: u64 = 1024 * 1024;

/// How often a read begins anew because the blob that it was sent to is gone.
const ATTEMPTS: usize = 64;

/// Reads the record of a key, or a part of it. `verifies`: whether its checksums are to be compared.
pub(crate) fn read(shared: &Arc<Shared>, key: &Key, part: Part, verifies: bool) -> Reply<Option<Stored>> {
    // Whoever gets what is verified compares no checksum of the data.
    let as_asked =
        move |stored: Option<Stored>| stored.map(|stored| Stored { verified: !verifies, ..stored });
    if let Err(error) = shared.check_open() {
        return Reply::ready(Err(error.at_key(key)));
    }
    match attempt(shared, key, part, How::Cached) {
        Ok(stored) => Reply::ready(Ok(as_asked(stored))),
        Err(Halt::Failed(error)) => Reply::ready(Err(error.at_key(key))),
        Err(Halt::Waits) => {
            let (held, key) = (Arc::clone(shared), key.clone());
            shared.readers.run(move || {
                let read = attempt(&held, &key, part, How::Waiting);
                read.map(as_asked).map_err(|halt| halt.into_error().at_key(&key))
            })
        }
    }
}

fn attempt(shared: &Arc<Shared>, key: &Key, part: Part, how: How) -> Result<Option<Stored>, Halt> {
    let first = if part == Part::Head { FIRST_FOR_HEAD } else { BUFFER_BYTES };
    let mut gone = None;
    for _ in 0..ATTEMPTS {
        let Some(mut found) = look_up(shared, key.as_cbor(), how, first)? else { return Ok(None) };
        let head_len = found.header.head_len as usize;
        found.fill(head_len, how)?;
        let at_rest = found.payload().get(..head_len).unwrap_or_default();
        let head = head::of_key(at_rest, key, u64::from(found.header.data_len))
            .map_err(|why| failure::in_file(found.segment.path(), found.location.offset(), why))?;
        let version = Version::from(found.header.seq);
        let data = match part {
            Part::Head => Ok(Data::None),
            Part::All => data(shared, found, &head, key, ByteRange::ALL, how)?,
            Part::Range(range) => data(shared, found, &head, key, range, how)?,
        };
        match data {
            Ok(data) => return Ok(Some(Stored { head, data, version, verified: false })),
            Err(blob) => gone = Some(blob),
        }
    }
    let path = gone.map(|blob| shared.layout.blob(blob.id)).unwrap_or_default();
    Err(failure::corrupt(path.display(), "the file of this large record is missing; restore it from a copy")
        .into())
}

/// The data of a frame, or the blob that it is in if that is gone, since the record was replaced meanwhile.
fn data(
    shared: &Arc<Shared>,
    mut found: Found,
    head: &Head,
    key: &Key,
    range: ByteRange,
    how: How,
) -> Result<Result<Data, BlobRef>, Halt> {
    let (head_len, data_len) = (found.header.head_len as usize, found.header.data_len as usize);
    found.fill(head_len + data_len, how)?;
    if found.header.kind == frame::Kind::Blob {
        let blob = found.payload().get(head_len..).and_then(BlobRef::decode);
        let blob = blob.ok_or_else(|| failure::damaged(found.segment.path(), found.location.offset()))?;
        return blob_data(shared, blob, head, key, range, how);
    }
    let (start, end) = range.within(data_len as u64);
    let begin = frame::Header::LEN + head_len;
    Ok(Ok(Data::Bytes(found.buffer.into_bytes(begin + start as usize..begin + end as usize))))
}

fn blob_data(
    shared: &Arc<Shared>,
    blob: BlobRef,
    head: &Head,
    key: &Key,
    range: ByteRange,
    how: How,
) -> Result<Result<Data, BlobRef>, Halt> {
    let path = shared.layout.blob(blob.id);
    let opened = match how {
        How::Cached => shared.disk.open_cached(&path).map(|file| file.ok_or(Halt::Waits)),
        How::Waiting => shared.disk.open(&path, Mode::Read).map(Ok),
    };
    let file: Arc<dyn DiskFile> = match opened {
        Ok(file) => Arc::from(file?),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Err(blob)),
        Err(cause) => return Err(failure::disk("cannot open", path.display(), cause).into()),
    };
    let (start, end) = range.within(blob.len);
    if head.kind() != Kind::Document && end - start > STREAM_ABOVE {
        let (held, key) = (Arc::clone(shared), key.clone());
        let failed = move |cause: io::Error| {
            let error = match cause.kind() {
                io::ErrorKind::UnexpectedEof => failure::corrupt(path.display(), "the file is cut off"),
                _ => failure::disk("cannot read", path.display(), cause),
            };
            error.at_key(&key)
        };
        let readers = Arc::clone(&shared.readers);
        let chunks = larder::io::chunks(file, start..end, readers, move || held.check_open(), failed);
        return Ok(Ok(Data::Stream(chunks)));
    }
    // Copying so much is not for the caller's thread.
    if how == How::Cached {
        return Err(Halt::Waits);
    }
    let failed = |cause| failure::disk("cannot read", path.display(), cause);
    // Nothing is allocated by a length that the file does not have.
    if file.len().map_err(failed)? < end {
        return Err(failure::corrupt(path.display(), "the file is cut off").into());
    }
    let mut bytes = BytesMut::zeroed((end - start) as usize);
    let filled = file.read_full_at(&mut bytes, start).map_err(failed)?;
    if filled < bytes.len() {
        return Err(failure::corrupt(path.display(), "the file is cut off").into());
    }
    Ok(Ok(Data::Bytes(bytes.freeze())))
}
