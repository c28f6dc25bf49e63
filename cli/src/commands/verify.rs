//! `verify`: reads every record whole and compares it with its checksums.

use futures::{StreamExt, TryStreamExt};
use larder::{Document, Key, Kind, Larder};

use super::counted;
use crate::failure::{Failure, Outcome, Result};
use crate::progress::{self, Total};
use crate::{notation, output};

pub(crate) async fn run(larder: Larder) -> Result<Outcome> {
    const AT_ONCE: usize = 8;
    let bar = progress::bar("verify", Total::Entries);
    let mut checks = larder
        .keys()
        .map(|key| {
            let larder = larder.clone();
            async move {
                match key {
                    Ok(key) => {
                        let result = check(&larder, &key).await;
                        (Some(key), result)
                    }
                    Err(error) => (None, Err(error)),
                }
            }
        })
        .buffer_unordered(AT_ONCE);
    let (mut good, mut bytes, mut bad) = (0, 0, 0);
    while let Some((key, result)) = checks.next().await {
        bar.inc(1);
        match result {
            Ok(Some(size)) => {
                good += 1;
                bytes += size;
            }
            // Removed since it was listed.
            Ok(None) => {}
            Err(error) => {
                bad += 1;
                let key = key.as_ref().map(notation::print).unwrap_or_default();
                let why = notation::visible(&error.to_string());
                bar.suspend(|| output::line(&format!("{key}\t{why}")))?;
            }
        }
    }
    bar.finish_and_clear();
    if bad > 0 {
        let of = counted(good + bad, "entry", "entries");
        return Err(Failure::storage(format!("{bad} of {of} cannot be read whole; restore from a copy")));
    }
    let (entries, bytes) = (counted(good, "entry", "entries"), counted(bytes, "byte", "bytes"));
    output::line(&format!("verified {entries}, {bytes}: all good"))?;
    Ok(Outcome::Done)
}

/// Reads the entry whole; answers with the size of its data, `None` if it is not there any more.
async fn check(larder: &Larder, key: &Key) -> larder::Result<Option<u64>> {
    let Some(meta) = larder.get_meta(key).await? else { return Ok(None) };
    match read(larder, key, meta.kind()).await {
        // It was replaced by another kind in between.
        Err(error) if error.kind() == larder::ErrorKind::WrongKind => match larder.get_meta(key).await? {
            Some(meta) => read(larder, key, meta.kind()).await,
            None => Ok(None),
        },
        result => result,
    }
}

async fn read(larder: &Larder, key: &Key, kind: Kind) -> larder::Result<Option<u64>> {
    match kind {
        Kind::Document => match larder.get_document(key).await? {
            Some(document) => well_formed(&document).map(Some),
            None => Ok(None),
        },
        Kind::Binary => match larder.bget(key).await? {
            Some(binary) => {
                let chunks = binary.into_stream();
                chunks.try_fold(0, |size, chunk| async move { Ok(size + chunk.len() as u64) }).await.map(Some)
            }
            None => Ok(None),
        },
        Kind::AppendLog => match larder.log_documents(key).await? {
            Some(elements) => {
                let sizes = elements.and_then(|element| async move { well_formed(&element) });
                sizes.try_fold(0, |sum, size| async move { Ok(sum + size) }).await.map(Some)
            }
            None => Ok(None),
        },
    }
}

/// The size of a document that is one item of CBOR. The checksum alone only proves that it is what
/// was written.
fn well_formed(document: &Document) -> larder::Result<u64> {
    Document::from_cbor(document.as_cbor().clone())?;
    Ok(document.as_cbor().len() as u64)
}
