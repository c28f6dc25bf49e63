//! `bget` and `bassoc`: bytes out and in, streamed.

use std::path::{Path, PathBuf};

use futures::TryStreamExt;
use larder::{Larder, Source};

use super::absent;
use crate::args::Range;
use crate::failure::{Failure, Outcome, Result};
use crate::notation;
use crate::output::Output;

pub(crate) async fn get(
    larder: Larder,
    key: String,
    output: Option<PathBuf>,
    range: Option<Range>,
) -> Result<Outcome> {
    let key = notation::parse(&key)?;
    let binary = match range {
        Some(range) => larder.bget_range(&key, range.start..range.end).await?,
        None => larder.bget(&key).await?,
    };
    let Some(binary) = binary else { return Ok(absent(&key, &[])) };
    let mut out = Output::open(output.as_deref())?;
    let mut chunks = binary.into_stream();
    while let Some(chunk) = chunks.try_next().await? {
        out.write(&chunk)?;
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// The bytes of the file, or of standard input.
pub(crate) async fn source(file: &Path) -> Result<Source> {
    if file == Path::new("-") {
        return Ok(Source::reader(async_std::io::stdin()));
    }
    let unreadable = |error| Failure::unreadable(file, &error);
    let opened = async_std::fs::File::open(file).await.map_err(unreadable)?;
    if opened.metadata().await.map_err(unreadable)?.is_dir() {
        return Err(Failure::usage(format!("{} is a directory; name a file", file.display())));
    }
    Ok(Source::reader(opened))
}

pub(crate) async fn assoc(larder: Larder, key: String, source: Source) -> Result<Outcome> {
    larder.bassoc(notation::parse(&key)?, source).await?;
    Ok(Outcome::Done)
}
