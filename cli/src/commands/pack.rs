//! What only packs have: figures, verifying down to the bytes, compaction, repair, and the frames as text.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use indicatif::ProgressBar;
use larder::io::{Disk, RealDisk};
use larder::{Backend, Key, Larder};
use larder_pack::tools::{self, Progress};

use super::counted;
use crate::failure::{Failure, Outcome, Result};
use crate::progress::{self, Total};
use crate::stores::{self, Intent};
use crate::{notation, output};

pub(crate) async fn stats(url: &str) -> Result<Outcome> {
    let pack = stores::open_pack(url, Intent::Read).await?;
    let stats = pack.stats().await;
    let closed = pack.close().await;
    output::line(&stats?.to_string())?;
    closed?;
    Ok(Outcome::Done)
}

/// The figure that every store has.
pub(crate) async fn count(larder: Larder) -> Result<Outcome> {
    let bar = progress::bar("stats", Total::Entries);
    let mut keys = larder.keys();
    let mut count = 0_u64;
    while let Some(key) = keys.next().await {
        key?;
        count += 1;
        bar.inc(1);
    }
    bar.finish_and_clear();
    output::line(&format!("keys\t{count}"))?;
    Ok(Outcome::Done)
}

pub(crate) fn verify(dir: &Path) -> Result<Outcome> {
    let bar = progress::bar("verify", Total::Bytes(Some(0)));
    let report = tools::verify(&disk(), dir, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let report = report?;
    for damage in &report.damage {
        output::line(&notation::visible(&damage.to_string()))?;
    }
    if !report.is_whole() {
        let places = counted(report.damage.len() as u64, "place is", "places are");
        let advice = "larder repair saves what can be saved into a new store";
        return Err(Failure::storage(format!("{places} damaged; {advice}")));
    }
    let stats = report.stats;
    let bytes = counted(stats.live_bytes + stats.blob_bytes, "byte", "bytes");
    output::line(&format!("verified {}, {bytes}: all good", counted(stats.keys, "entry", "entries")))?;
    Ok(Outcome::Done)
}

pub(crate) async fn compact(url: &str) -> Result<Outcome> {
    dir_of(url, "compact")?;
    let pack = stores::open_pack(url, Intent::Change).await?;
    let bar = progress::bar("compact", Total::Bytes(None));
    bar.enable_steady_tick(Duration::from_millis(100));
    let done = async {
        let before = pack.stats().await?;
        pack.compact().await?;
        Ok::<_, larder::Error>((before, pack.stats().await?))
    }
    .await;
    bar.finish_and_clear();
    let closed = pack.close().await;
    let (before, after) = done?;
    closed?;
    let total = |stats: &tools::Stats| counted(stats.live_bytes + stats.dead_bytes, "byte", "bytes");
    output::line(&format!("compacted {} to {}", total(&before), total(&after)))?;
    Ok(Outcome::Done)
}

pub(crate) fn repair(url: &str, into: &str, stale: bool) -> Result<Outcome> {
    let from = dir_of(url, "repair")?;
    let into = dir_of(into, "repair")?;
    let bar = progress::bar("repair", Total::Bytes(Some(0)));
    let saved = tools::repair(&disk(), &from, &into, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let saved = saved?;
    for damage in &saved.damage {
        output::line(&format!("damaged\t{}", notation::visible(&damage.to_string())))?;
    }
    let list = |word: &str, keys: &[Key]| {
        keys.iter().try_for_each(|key| output::line(&format!("{word}\t{}", notation::print(key))))
    };
    list("lost", &saved.lost)?;
    list("older", &saved.older)?;
    if stale {
        list("stale", &saved.stale)?;
    }
    let (records, bytes) =
        (counted(saved.records, "entry", "entries"), counted(saved.bytes, "byte", "bytes"));
    output::line(&format!("saved {records}, {bytes}"))?;
    if saved.is_complete() {
        return Ok(Outcome::Done);
    }
    let count = |keys: &[Key]| keys.len();
    crate::complain(&format!(
        "of the keys that are known, {} are lost, {} are as they were earlier, and {} may have changed later",
        count(&saved.lost),
        count(&saved.older),
        count(&saved.stale)
    ));
    Ok(Outcome::Absent)
}

pub(crate) fn dump(url: &str) -> Result<Outcome> {
    let dir = dir_of(url, "dump")?;
    let mut out = Lines { out: BufWriter::new(io::stdout().lock()), failed: None };
    let dumped = tools::dump(&disk(), &dir, &mut out);
    match out.failed {
        Some(error) => Err(Failure::output(&error)),
        None => Ok(dumped.map(|()| Outcome::Done)?),
    }
}

/// Standard output, which remembers why it could not be written.
struct Lines<W> {
    out: W,
    failed: Option<io::Error>,
}

impl<W: Write> Lines<W> {
    fn note<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            let kind = error.kind();
            self.failed.get_or_insert(error);
            kind.into()
        })
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out.write(bytes);
        self.note(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out.flush();
        self.note(done)
    }
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

/// The directory of a pack.
fn dir_of(url: &str, command: &str) -> Result<PathBuf> {
    stores::pack_dir(url)?.ok_or_else(|| {
        // Not all of it: there may be a password in it.
        let scheme = url.split(':').next().unwrap_or_default();
        Failure::usage(format!("{command} is for packs, such as pack:./data, and {scheme}: names none"))
    })
}
