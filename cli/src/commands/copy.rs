//! `copy`: every entry of one store into another, with its meta. Broken off and begun again, it goes on
//! where it stopped.

use std::pin::pin;

use futures::{StreamExt, TryStreamExt};
use larder::{Documents, ErrorKind, Key, Kind, Larder, Meta, MetaUpdate, Path, Source};

use super::{complain_of, counted};
use crate::failure::{Failure, Outcome, Result};
use crate::output;
use crate::progress::{self, Total};

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Copied,
    /// The target has it.
    Skipped,
    /// It is not there any more.
    Gone,
}

pub(crate) async fn run(from: Larder, to: Larder, jobs: usize) -> Result<Outcome> {
    let bar = progress::bar("copy", Total::Entries);
    let (source, target) = (&from, &to);
    let copies = from.keys().map(|key| async move {
        let key = key.map_err(|error| (None, error))?;
        copy(source, target, &key).await.map_err(|error| (Some(key), error))
    });
    let mut copies = pin!(copies.buffer_unordered(jobs));
    let (mut copied, mut skipped, mut bad) = (0, 0, 0);
    while let Some(fate) = copies.next().await {
        bar.inc(1);
        match fate {
            Ok(Fate::Copied) => copied += 1,
            Ok(Fate::Skipped) => skipped += 1,
            Ok(Fate::Gone) => {}
            // One damaged entry does not keep the others from being saved.
            Err((key, error)) if error.kind() == ErrorKind::Corrupt => {
                bad += 1;
                bar.suspend(|| complain_of(key.as_ref(), &error.into()));
            }
            Err((_, error)) => return Err(error.into()),
        }
    }
    bar.finish_and_clear();
    to.sync().await?;
    let copied = counted(copied, "entry", "entries");
    output::line(&format!("copied {copied}, skipped {skipped} that were there"))?;
    match bad {
        0 => Ok(Outcome::Done),
        _ => Err(Failure::storage(format!("{bad} of the entries could not be read and were not copied"))),
    }
}

async fn copy(from: &Larder, to: &Larder, key: &Key) -> larder::Result<Fate> {
    loop {
        // The meta first: if the entry is replaced in between, the copy has the older time, and the
        // next run copies it again.
        let Some(meta) = from.get_meta(key).await? else { return Ok(Fate::Gone) };
        match copy_as(from, to, key, &meta).await {
            // It has been replaced by one of another kind meanwhile.
            Err(error) if error.kind() == ErrorKind::WrongKind => {}
            fate => return fate,
        }
    }
}

async fn copy_as(from: &Larder, to: &Larder, key: &Key, meta: &Meta) -> larder::Result<Fate> {
    let there = match to.get_meta(key).await {
        // What is damaged there is replaced.
        Err(error) if error.kind() == ErrorKind::Corrupt => None,
        there => there?,
    };
    if meta.kind() == Kind::AppendLog {
        return copy_log(from, to, key, meta, there.as_ref()).await;
    }
    if there.is_some_and(|there| is_same(meta, &there)) {
        return Ok(Fate::Skipped);
    }
    let update = MetaUpdate::copy_of(meta);
    if meta.kind() == Kind::Document {
        let Some(document) = from.get_document(key).await? else { return Ok(Fate::Gone) };
        to.store().assoc_in(&Path::new(key), document, update).await?;
    } else {
        let Some(binary) = from.bget(key).await? else { return Ok(Fate::Gone) };
        to.store().bassoc(key, Source::stream(binary.into_stream()), update).await?;
    }
    Ok(Fate::Copied)
}

/// Whether the entry there is a copy of the one here. Where sums are missing nobody can tell.
fn is_same(here: &Meta, there: &Meta) -> bool {
    let (Some(one), Some(other)) = (here.sums(), there.sums()) else { return false };
    one.data == other.data
        && here.kind() == there.kind()
        && here.last_write() == there.last_write()
        && here.size() == there.size()
        && here.user() == there.user()
}

/// How a log stands to its copy.
enum Copy {
    Same,
    /// The copy is the beginning; so many elements of it.
    Beginning(usize),
    Other,
}

/// So many elements of a log are copied together.
const LOG_GROUP: usize = 256;

async fn copy_log(
    from: &Larder,
    to: &Larder,
    key: &Key,
    meta: &Meta,
    there: Option<&Meta>,
) -> larder::Result<Fate> {
    let Some(elements) = from.log_documents(key).await? else { return Ok(Fate::Gone) };
    let known = match there {
        Some(there) if there.kind() == Kind::AppendLog => match to.log_documents(key).await? {
            Some(copy) => compare(elements, copy).await?,
            None => Copy::Beginning(0),
        },
        Some(_) => Copy::Other,
        None => Copy::Beginning(0),
    };
    let start = match known {
        Copy::Same => return Ok(Fate::Skipped),
        Copy::Beginning(elements) => elements,
        Copy::Other => {
            to.dissoc(key).await?;
            0
        }
    };
    let Some(elements) = from.log_documents(key).await? else { return Ok(Fate::Gone) };
    // Not all at once, so that a log need not fit into memory.
    let mut groups = elements.skip(start).try_chunks(LOG_GROUP);
    let mut none = start == 0;
    while let Some(group) = groups.try_next().await.map_err(|error| error.1)? {
        none = false;
        to.store().append(key, group, MetaUpdate::copy_of(meta)).await?;
    }
    if none {
        to.store().append(key, Vec::new(), MetaUpdate::copy_of(meta)).await?;
    }
    Ok(Fate::Copied)
}

async fn compare(mut elements: Documents, mut copy: Documents) -> larder::Result<Copy> {
    let mut same = 0;
    loop {
        match (elements.try_next().await?, copy.try_next().await) {
            // A damaged copy is no copy.
            (_, Err(error)) if error.kind() == ErrorKind::Corrupt => return Ok(Copy::Other),
            (_, Err(error)) => return Err(error),
            (None, Ok(None)) => return Ok(Copy::Same),
            (Some(_), Ok(None)) => return Ok(Copy::Beginning(same)),
            (Some(one), Ok(Some(other))) if one == other => same += 1,
            _ => return Ok(Copy::Other),
        }
    }
}
