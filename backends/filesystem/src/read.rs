//! Reading: no lock, and usually no thread but the caller's.
//!
//! A file is renamed into its place when it is complete, and never written again: whoever has opened
//! it has one whole state. One read usually brings head and data together, since the head says how
//! long the data is. The first try asks the page cache only and never waits for the medium; if it
//! would have to, the whole read is one job of an IO thread.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use larder::io::{BUFFER_BYTES, Buffer, DiskFile, EntryKind, Halt, Mode};
use larder::{ByteRange, Data, ErrorKind, Head, Key, Kind, Origin, Part, Reply, Result, Stored, Version};

use crate::chunks;
use crate::failure;
use crate::layout::Place;
use crate::shared::Shared;

/// How much of a file is read at first if only the head is wanted.
const FIRST_FOR_HEAD: usize = 4 * 1024;

/// How much of a file is read at first if a part of the data is wanted.
const FIRST_FOR_RANGE: usize = 16 * 1024;

/// Larger data of binaries and logs is streamed.
const STREAM_ABOVE: u64 = 1024 * 1024;

/// How to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Only what needs no waiting for the medium.
    Cached,
    /// Waiting for it.
    Waiting,
}

/// Reads the record of a key, or a part of it.
pub(crate) fn read(shared: &Arc<Shared>, key: &Key, part: Part) -> Reply<Option<Stored>> {
    if let Err(error) = shared.check_open() {
        return Reply::ready(Err(error.at_key(key)));
    }
    let place = shared.layout.place(key);
    match attempt(shared, &place, key, part, How::Cached) {
        Ok(stored) => Reply::ready(Ok(stored)),
        Err(Halt::Failed(error)) => Reply::ready(Err(error.at_key(key))),
        Err(Halt::Waits) => {
            let (held, key) = (Arc::clone(shared), key.clone());
            shared.readers.run(move || {
                attempt(&held, &place, &key, part, How::Waiting)
                    .map_err(|halt| halt.into_error().at_key(&key))
            })
        }
    }
}

/// The head of the record in this file, of this key if one is given, and the open file; `None` without a
/// file. Waits for the medium.
pub(crate) fn head(
    shared: &Shared,
    path: &Path,
    key: Option<&Key>,
) -> Result<Option<(Head, Box<dyn DiskFile>)>> {
    let Some(file) = open(shared, path, How::Waiting).map_err(Halt::into_error)? else { return Ok(None) };
    let source = Source { file: &*file, path, how: How::Waiting };
    let (head, _) = source.head(&mut Buffer::take(), FIRST_FOR_HEAD, key).map_err(Halt::into_error)?;
    Ok(Some((head, file)))
}

fn open(shared: &Shared, path: &Path, how: How) -> Result<Option<Box<dyn DiskFile>>, Halt> {
    let opened = match how {
        How::Cached => shared.disk.open_cached(path).map(|file| file.ok_or(Halt::Waits)),
        How::Waiting => shared.disk.open(path, Mode::Read).map(Ok),
    };
    match opened {
        Ok(file) => file.map(Some),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failure::disk("cannot open", path, cause).into()),
    }
}

/// Opens the file of a place. If its directory has been looked into before, what the system cannot find
/// without waiting would be looked for all the same: then it is at once.
fn find(shared: &Shared, place: &Place, how: How) -> Result<Option<Box<dyn DiskFile>>, Halt> {
    if how == How::Cached && !shared.is_warm(place.dir) {
        return open(shared, &place.path, how);
    }
    let found = open(shared, &place.path, How::Waiting);
    shared.set_warm(place.dir);
    found
}

fn attempt(
    shared: &Arc<Shared>,
    place: &Place,
    key: &Key,
    part: Part,
    how: How,
) -> Result<Option<Stored>, Halt> {
    let path = &place.path;
    let Some(file) = find(shared, place, how)? else {
        store_is_there(shared)?;
        return Ok(None);
    };
    let source = Source { file: &*file, path, how };
    let mut buffer = Buffer::take();
    let (first, range) = match part {
        Part::Head => (FIRST_FOR_HEAD, None),
        Part::Range(range) => (FIRST_FOR_RANGE, Some(range)),
        Part::All => (BUFFER_BYTES, Some(ByteRange::ALL)),
    };
    let (head, filled) = source.head(&mut buffer, first, Some(key))?;
    let data = match range {
        None => Data::None,
        Some(range) => {
            let length = head.as_bytes().len();
            // A head that was parsed as larder's says the size of its data.
            let size = head.size().unwrap_or_default();
            let (start, end) = range.within(size);
            if filled as u64 > length as u64 + size {
                return Err(failure::corrupt(path, "there are bytes after the data").into());
            }
            if filled as u64 == length as u64 + size {
                Data::Bytes(buffer.into_bytes(length + start as usize..length + end as usize))
            } else if end - start <= STREAM_ABOVE {
                Data::Bytes(source.bytes(length as u64 + start, end - start)?)
            } else if head.kind() != Kind::Document {
                let part = length as u64 + start..length as u64 + end;
                Data::Stream(chunks::stream(shared, file.into(), key, place, part))
            } else if how == How::Cached {
                // Copying so much is not for the caller's thread.
                return Err(Halt::Waits);
            } else {
                Data::Bytes(source.bytes(length as u64 + start, end - start)?)
            }
        }
    };
    let version = Version::of(&head);
    Ok(Some(Stored { head, data, version, verified: false }))
}

/// That a file is absent means that its record is only as long as the store is there: it is not if
/// its medium was unmounted, say.
fn store_is_there(shared: &Shared) -> Result<()> {
    let path = shared.layout.records();
    match shared.disk.entry(path) {
        Ok(Some(EntryKind::Dir | EntryKind::Other)) => Ok(()),
        Ok(_) => Err(failure::error(
            ErrorKind::Unavailable,
            format!("the directory {} is gone; is its medium mounted?", path.display()),
        )),
        Err(cause) => Err(failure::disk("cannot look at", path, cause)),
    }
}

/// An open file, how to read it, and its name for errors.
struct Source<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    how: How,
}

impl Source<'_> {
    /// Reads as many bytes as come at once: 0 only at the end of the file.
    fn some(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Halt> {
        loop {
            let read = match self.how {
                How::Cached => self.file.read_at_cached(buffer, offset),
                How::Waiting => self.file.read_at(buffer, offset).map(Some),
            };
            match read {
                Ok(Some(read)) => return Ok(read),
                Ok(None) => return Err(Halt::Waits),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(failure::disk("cannot read", self.path, cause).into()),
            }
        }
    }

    /// Reads and verifies the head, beginning with `first` bytes. Also tells how many bytes of the
    /// record are in the buffer now.
    fn head(&self, buffer: &mut Vec<u8>, first: usize, key: Option<&Key>) -> Result<(Head, usize), Halt> {
        let mut filled = self.some(&mut buffer[..first], 0)?;
        let in_file = |why| failure::in_file(self.path, why);
        let length = loop {
            let known = Head::length(&buffer[..filled]).map_err(in_file)?;
            if let Some(length) = known.filter(|length| *length <= filled) {
                break length;
            }
            // `Head::length` keeps to the limit of a meta.
            let wanted = known.unwrap_or(first).max(first);
            if wanted > buffer.len() {
                buffer.resize(wanted, 0);
            }
            match self.some(&mut buffer[filled..wanted], filled as u64)? {
                0 => return Err(failure::corrupt(self.path, "the record is cut off within its head").into()),
                read => filled += read,
            }
        };
        let head = Head::parse(Bytes::copy_from_slice(&buffer[..length]), Origin::Larder).map_err(in_file)?;
        if key.is_some_and(|key| head.key_bytes() != key.as_cbor()) {
            let other = head.key()?;
            return Err(failure::corrupt(self.path, format!("this is the record of the key {other}")).into());
        }
        Ok((head, filled))
    }

    /// So many bytes. Damage if the file ends before.
    fn bytes(&self, offset: u64, length: u64) -> Result<Bytes, Halt> {
        let cut_off = || failure::corrupt(self.path, "the record is cut off within its data");
        if length > STREAM_ABOVE {
            // Nothing is allocated by a length that the file does not have.
            let present = self.file.len().map_err(|cause| failure::disk("cannot read", self.path, cause))?;
            if present < offset.saturating_add(length) {
                return Err(cut_off().into());
            }
        }
        let length = usize::try_from(length)
            .map_err(|_| failure::error(ErrorKind::TooLarge, "the data does not fit into memory"))?;
        let mut bytes = BytesMut::zeroed(length);
        let mut filled = 0;
        while filled < length {
            match self.some(&mut bytes[filled..], offset + filled as u64)? {
                0 => return Err(cut_off().into()),
                read => filled += read,
            }
        }
        Ok(bytes.freeze())
    }
}
