//! Every frame of a store as a line of text.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use larder::io::Disk;
use larder::{Error, Key, Result};

use super::files::Files;
use super::walk::{Damaged, Piece, walk};
use crate::failure;
use crate::frame::{self, Batch, BlobRef, Header, Kind};
use crate::segment::Frame;

/// Writes a line for every frame of the log, in its order, and for everything that is no frame. The fields are separated
/// by tabs: the segment, the offset, the kind, the key (in diagnostic notation) or what the frame names, the number of
/// the state, bytes of head and data, the part of a batch, and `ok` or `damaged`. `-` stands for what is not known.
///
/// # Errors
/// As [`verify`](super::verify); and those of writing.
pub fn dump(disk: &Arc<dyn Disk>, dir: &Path, out: &mut dyn Write) -> Result<()> {
    let files = Files::look(&**disk, dir)?;
    for segment in &files.segments {
        let name = crate::segment::file_name(segment.id);
        let mut line = |offset: u64, rest: &str| {
            let written = writeln!(out, "{name}\t{offset}\t{rest}");
            written.map_err(|cause| failure::disk("cannot write", "the dump", cause))
        };
        walk(segment, files.salt, &mut |piece| match piece {
            Piece::Frame(frame) => line(frame.place.offset, &shown(&frame)),
            Piece::Damaged(damaged) => line(damaged.bytes.start, &damage(&damaged)),
        })?;
    }
    out.flush().map_err(|cause| -> Error { failure::disk("cannot write", "the dump", cause) })
}

fn shown(frame: &Frame<'_>) -> String {
    let header = &frame.header;
    let what = match header.kind {
        Kind::Drop => {
            let ids = frame::decode_ids(frame.payload).unwrap_or_default();
            ids.iter().map(|id| format!("{id:08x}")).collect::<Vec<_>>().join(" ")
        }
        _ => Key::from_stored(header.key_of(frame.payload)).to_string(),
    };
    let blob = match header.kind {
        Kind::Blob => frame.payload.get(header.head_len as usize..).and_then(BlobRef::decode),
        _ => None,
    };
    let data = match blob {
        Some(blob) => format!("{:016x}.blob:{}", blob.id, blob.len),
        None => header.data_len.to_string(),
    };
    fields(header, &what, &data, "ok")
}

fn damage(damaged: &Damaged) -> String {
    match &damaged.header {
        Some(header) => {
            let key =
                damaged.key.as_ref().map_or_else(|| "-".into(), |key| Key::from_stored(key).to_string());
            fields(header, &key, &header.data_len.to_string(), "damaged")
        }
        None => {
            let len = damaged.bytes.end - damaged.bytes.start;
            format!("-\t-\t-\t-\t{len}\t-\tdamaged")
        }
    }
}

fn fields(header: &Header, what: &str, data: &str, state: &str) -> String {
    let kind = match header.kind {
        Kind::Record => "record",
        Kind::Blob => "blob",
        Kind::Remove => "removal",
        Kind::Drop => "drop",
    };
    let batch = match header.batch {
        Batch::Alone => "alone",
        Batch::Member => "member",
        Batch::Last => "last",
    };
    format!("{kind}\t{what}\t{}\t{}\t{data}\t{batch}\t{state}", header.seq, header.head_len)
}
