//! A large binary as a stream that its reader pulls.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use futures::stream::StreamExt;
use larder::io::DiskFile;
use larder::{ByteStream, Key};

use crate::failure;
use crate::layout::Place;
use crate::shared::Shared;

/// This range of the bytes of a file, in chunks.
pub(crate) fn stream(
    shared: &Arc<Shared>,
    file: Arc<dyn DiskFile>,
    key: &Key,
    place: &Place,
    range: Range<u64>,
) -> ByteStream {
    let (held, path, key) = (Arc::clone(shared), place.path.clone(), key.clone());
    let failed = move |cause: io::Error| match cause.kind() {
        io::ErrorKind::UnexpectedEof => failure::corrupt(&path, "the record is cut off within its data"),
        _ => failure::disk("cannot read", &path, cause),
    };
    let readers = Arc::clone(&shared.readers);
    let chunks = larder::io::chunks(file, range, readers, move || held.check_open(), failed);
    chunks.map(move |chunk| chunk.map_err(|error| error.at_key(&key))).boxed()
}
