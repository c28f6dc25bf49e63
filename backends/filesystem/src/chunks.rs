//! A large binary as a stream that its reader pulls. The open file is one state, whatever happens to
//! its name; every chunk is a read of its own, so that a slow reader occupies no thread.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt};
use larder::io::DiskFile;
use larder::{ByteStream, Key, Result, limits};

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
    let rest = Rest { shared: Arc::clone(shared), file, path: place.path.clone(), range };
    let key = key.clone();
    stream::try_unfold(rest, Rest::next).map(move |chunk| chunk.map_err(|error| error.at_key(&key))).boxed()
}

/// What is still to be read.
struct Rest {
    shared: Arc<Shared>,
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    range: Range<u64>,
}

impl Rest {
    async fn next(mut self) -> Result<Option<(Bytes, Rest)>> {
        if self.range.is_empty() {
            return Ok(None);
        }
        self.shared.check_open()?;
        let offset = self.range.start;
        let length = usize::try_from(self.range.end - offset).unwrap_or(usize::MAX).min(limits::CHUNK_BYTES);
        let mut chunk = BytesMut::zeroed(length);
        let read = match self.file.read_at_cached(&mut chunk, offset) {
            Ok(Some(read)) => Ok(read),
            Ok(None) => {
                let file = Arc::clone(&self.file);
                let job = move || Ok((file.read_full_at(&mut chunk, offset), chunk));
                let (read, filled) = self.shared.readers.run(job).await?;
                chunk = filled;
                read
            }
            Err(cause) => Err(cause),
        };
        match read {
            Ok(0) => Err(cut_off(&self.path)),
            Ok(read) => {
                chunk.truncate(read);
                self.range.start += read as u64;
                Ok(Some((chunk.freeze(), self)))
            }
            Err(cause) => Err(failure::disk("cannot read", &self.path, cause)),
        }
    }
}

fn cut_off(path: &Path) -> larder::Error {
    failure::corrupt(path, "the record is cut off within its data")
}
