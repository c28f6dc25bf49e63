//! A range of a file as a stream that its reader pulls. The open file is one state, whatever happens to its
//! name; every chunk is a read of its own, so that a slow reader occupies no thread.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};

use super::{DiskFile, Workers};
use crate::error::{Error, Result};
use crate::limits;

/// These bytes of a file, in chunks of at most [`limits::CHUNK_BYTES`]. What needs no waiting for the medium is
/// read by whoever pulls; the rest by `readers`. `check` is asked before every chunk, `failed` makes an error of
/// what the disk says; a file that ends before the range does is `UnexpectedEof`.
pub fn chunks(
    file: Arc<dyn DiskFile>,
    range: Range<u64>,
    readers: Arc<Workers>,
    check: impl Fn() -> Result<()> + Send + 'static,
    failed: impl Fn(io::Error) -> Error + Send + 'static,
) -> BoxStream<'static, Result<Bytes>> {
    let rest = Rest { file, range, readers, check, failed };
    stream::try_unfold(rest, Rest::next).boxed()
}

/// What is still to be read.
struct Rest<C, F> {
    file: Arc<dyn DiskFile>,
    range: Range<u64>,
    readers: Arc<Workers>,
    check: C,
    failed: F,
}

impl<C: Fn() -> Result<()>, F: Fn(io::Error) -> Error> Rest<C, F> {
    async fn next(mut self) -> Result<Option<(Bytes, Rest<C, F>)>> {
        if self.range.is_empty() {
            return Ok(None);
        }
        (self.check)()?;
        let offset = self.range.start;
        let length = usize::try_from(self.range.end - offset).unwrap_or(usize::MAX).min(limits::CHUNK_BYTES);
        let mut chunk = BytesMut::zeroed(length);
        let read = match self.file.read_at_cached(&mut chunk, offset) {
            Ok(Some(read)) => Ok(read),
            Ok(None) => {
                let file = Arc::clone(&self.file);
                let job = move || Ok((file.read_full_at(&mut chunk, offset), chunk));
                let (read, filled) = self.readers.run(job).await?;
                chunk = filled;
                read
            }
            Err(cause) => Err(cause),
        };
        match read {
            Ok(0) => Err((self.failed)(io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => {
                chunk.truncate(read);
                self.range.start += read as u64;
                Ok(Some((chunk.freeze(), self)))
            }
            Err(cause) => Err((self.failed)(cause)),
        }
    }
}
