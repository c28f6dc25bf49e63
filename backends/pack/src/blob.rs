//! Large data: written into a file of its own, and onto the medium, before the writer hears of it, so that small
//! writes need not wait and the log stays small. Streams are pulled by whoever awaits the reply, chunk by chunk,
//! in constant memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use larder::io::{DiskFile, Mode, Workers};
use larder::{ByteStream, DataSum, Head, Result, limits};

use crate::failure;
use crate::frame::BlobRef;
use crate::shared::Shared;

/// Data from this length on is kept in a file of its own.
pub(crate) const LARGE: usize = 1024 * 1024;

/// A file that nothing names yet. Dropped before it is [kept](Blob::keep), it is removed.
#[derive(Debug)]
pub(crate) struct Blob {
    shared: Arc<Shared>,
    id: u64,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    len: u64,
    kept: bool,
}

impl Blob {
    fn create(shared: &Arc<Shared>) -> Result<Blob> {
        let id = shared.new_blob();
        let path = shared.layout.blob(id);
        match shared.disk.open(&path, Mode::Create) {
            Ok(file) => Ok(Blob { shared: Arc::clone(shared), id, path, file, len: 0, kept: false }),
            Err(cause) => {
                // The call may have failed after it made the file.
                shared.doom(id);
                shared.remove_blob(id);
                Err(failure::disk("cannot create", path.display(), cause))
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(bytes, self.len);
        written.map_err(|cause| failure::disk("cannot write", self.path.display(), cause))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Makes the file and its name durable, if acknowledged writes must be.
    fn finish(&self) -> Result<()> {
        if !self.shared.is_synced() {
            return Ok(());
        }
        let synced =
            self.file.sync().map_err(|cause| failure::disk("cannot sync", self.path.display(), cause));
        let blobs = self.shared.layout.blobs();
        let named = || {
            self.shared
                .disk
                .sync_dir(blobs)
                .map_err(|cause| failure::disk("cannot sync", blobs.display(), cause))
        };
        synced.and_then(|()| named()).inspect_err(|_| self.shared.poison())
    }

    /// What a frame says of it.
    pub(crate) fn name(&self) -> BlobRef {
        BlobRef { id: self.id, len: self.len }
    }

    /// Leaves the file to the frame that names it.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if !self.kept {
            self.shared.doom(self.id);
            self.shared.remove_blob(self.id);
        }
    }
}

/// Writes data into a blob. Waits for the medium.
pub(crate) fn whole(shared: &Arc<Shared>, data: &[u8]) -> Result<Blob> {
    let mut blob = Blob::create(shared)?;
    blob.write(data)?;
    blob.finish()?;
    Ok(blob)
}

/// Copies a file of this length into a blob, in constant memory. Waits for the medium.
pub(crate) fn copied(shared: &Arc<Shared>, from: &dyn DiskFile, len: u64, path: &Path) -> Result<Blob> {
    let mut blob = Blob::create(shared)?;
    let mut buffer = vec![0; limits::CHUNK_BYTES];
    while blob.len < len {
        let wanted = usize::try_from(len - blob.len).unwrap_or(usize::MAX).min(buffer.len());
        let read = from.read_full_at(&mut buffer[..wanted], blob.len);
        match read.map_err(|cause| failure::disk("cannot read", path.display(), cause))? {
            0 => return Err(failure::corrupt(path.display(), "the file is cut off")),
            read => blob.write(&buffer[..read])?,
        }
    }
    blob.finish()?;
    Ok(blob)
}

/// What a stream became.
pub(crate) enum Streamed {
    /// It was short.
    Bytes(Bytes),
    Blob(Blob),
}

/// Pulls a stream to its end; returns its content with the sealed head. If this is dropped, nothing has happened.
pub(crate) async fn streamed(
    shared: &Arc<Shared>,
    writers: &Arc<Workers>,
    head: Head,
    mut data: ByteStream,
) -> Result<(Head, Streamed)> {
    let mut sum = DataSum::new();
    let mut gathered = Vec::new();
    let mut upload = Upload { blob: None, writers: Arc::clone(writers) };
    while let Some(chunk) = data.next().await {
        let chunk = chunk?;
        shared.check_writable()?;
        sum.update(&chunk);
        gathered.extend_from_slice(&chunk);
        let most = if upload.blob.is_none() { LARGE } else { limits::CHUNK_BYTES };
        if gathered.len() >= most {
            upload.write(shared, std::mem::take(&mut gathered)).await?;
        }
    }
    let head = head.seal(&sum);
    if upload.blob.is_none() {
        return Ok((head, Streamed::Bytes(gathered.into())));
    }
    upload.write(shared, gathered).await?;
    let finish = |blob: Blob| blob.finish().map(|()| blob);
    upload.step(shared, finish).await?;
    match upload.blob.take() {
        Some(blob) => Ok((head, Streamed::Blob(blob))),
        None => Err(failure::closed()),
    }
}

/// A blob that a stream fills. Abandoned, it is removed by an IO thread.
struct Upload {
    blob: Option<Blob>,
    writers: Arc<Workers>,
}

impl Upload {
    async fn write(&mut self, shared: &Arc<Shared>, bytes: Vec<u8>) -> Result<()> {
        self.step(shared, move |mut blob| blob.write(&bytes).map(|()| blob)).await
    }

    /// Does something with the blob on an IO thread, making it first if there is none.
    async fn step(
        &mut self,
        shared: &Arc<Shared>,
        step: impl FnOnce(Blob) -> Result<Blob> + Send + 'static,
    ) -> Result<()> {
        let (held, blob) = (Arc::clone(shared), self.blob.take());
        let job = move || step(blob.map_or_else(|| Blob::create(&held), Ok)?);
        self.blob = Some(self.writers.run(job).await?);
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(blob) = self.blob.take() {
            _ = self.writers.run(move || {
                drop(blob);
                Ok(())
            });
        }
    }
}
