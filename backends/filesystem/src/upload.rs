//! Writing large records: they go into their temporary file, and onto the medium, before the commit
//! thread hears of them, so that small ones need not wait. Streams are pulled by whoever awaits the
//! reply, chunk by chunk, in constant memory; the head, which vouches for the data, is written last.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use larder::io::Workers;
use larder::{ByteStream, DataSum, Head, Result, limits};

use crate::layout::Place;
use crate::shared::Shared;
use crate::temp::Temp;

/// Data from this length on is written apart from the commit thread.
pub(crate) const LARGE: usize = 1024 * 1024;

/// Writes head and data into a temporary file, for its place. Waits for the medium.
pub(crate) fn whole(shared: &Shared, place: &Place, head: &Head, data: &[u8]) -> Result<Arc<Temp>> {
    let temp = Temp::create(shared, &shared.owner()?, place)?;
    temp.write(&[head.as_bytes(), data], 0)?;
    finish(shared, &temp)?;
    Ok(Arc::new(temp))
}

/// Writes a stream into a temporary file; returns it with the sealed head. If this is dropped, the
/// file goes, and nothing else has happened.
pub(crate) async fn streamed(
    shared: &Arc<Shared>,
    writers: &Arc<Workers>,
    place: &Place,
    head: Head,
    mut data: ByteStream,
) -> Result<(Head, Upload)> {
    let (held, place) = (Arc::clone(shared), place.clone());
    let create = move || Temp::create(&held, &held.owner()?, &place).map(Arc::new);
    let temp = writers.run(create).await?;
    let upload = Upload { temp: Some(temp), writers: Arc::clone(writers) };
    let mut sum = DataSum::new();
    let mut gathered = Vec::new();
    let mut offset = head.as_bytes().len() as u64;
    while let Some(chunk) = data.next().await {
        let chunk = chunk?;
        shared.check_writable()?;
        sum.update(&chunk);
        // Small chunks are gathered; a large one is written as it is.
        let ready = match (gathered.is_empty(), chunk.len() >= limits::CHUNK_BYTES) {
            (true, true) => chunk,
            _ => {
                gathered.extend_from_slice(&chunk);
                if gathered.len() < limits::CHUNK_BYTES {
                    continue;
                }
                Bytes::from(std::mem::take(&mut gathered))
            }
        };
        let length = ready.len() as u64;
        upload.write(ready, offset).await?;
        offset += length;
    }
    upload.write(gathered.into(), offset).await?;
    let head = head.seal(&sum);
    upload.write(head.as_bytes().clone(), 0).await?;
    let (held, temp) = (Arc::clone(shared), upload.temp.clone());
    writers.run(move || temp.map_or(Ok(()), |temp| finish(&held, &temp))).await?;
    Ok((head, upload))
}

fn finish(shared: &Shared, temp: &Temp) -> Result<()> {
    if shared.is_synced() { temp.sync().inspect_err(|_| shared.poison()) } else { Ok(()) }
}

/// A temporary file that a stream fills. Abandoned, it is removed by a writer thread.
#[derive(Debug)]
pub(crate) struct Upload {
    temp: Option<Arc<Temp>>,
    writers: Arc<Workers>,
}

impl Upload {
    async fn write(&self, bytes: Bytes, offset: u64) -> Result<()> {
        let temp = self.temp.clone();
        self.writers.run(move || temp.map_or(Ok(()), |temp| temp.write(&[&bytes], offset))).await
    }

    /// The file, to be committed.
    pub(crate) fn into_temp(mut self) -> Option<Arc<Temp>> {
        self.temp.take()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(temp) = self.temp.take() {
            _ = self.writers.run(move || {
                drop(temp);
                Ok(())
            });
        }
    }
}
