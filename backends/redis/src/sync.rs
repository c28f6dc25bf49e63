//! `sync`: waits until the server has on stable storage what it has acknowledged.

use std::sync::Arc;
use std::time::Duration;

use larder::{Durability, ErrorKind, Result};
use redis::Value;

use crate::failure;
use crate::nodes::{Lane, To};
use crate::request::{Effect, Request, last};
use crate::server::text;
use crate::shared::Shared;
use crate::slots::Place;

/// How often `sync` looks whether the server has finished.
const LOOK: Duration = Duration::from_millis(20);

/// How long the server may be silent at the most: meanwhile its connection for large records waits.
const SLICE: Duration = Duration::from_millis(500);

/// How long `sync` waits for a server that gets no further. A call of the system that syncs much data takes its
/// time, and shows no progress meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// Changes something, so that there is something to wait for: WAITAOF waits for what its own connection has
/// written, and everything that was acknowledged before stands before this. A full server takes it too.
const MARK: &str = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], '', 'PX', 1)";

/// Answers when everything acknowledged before is as safe as the servers can make it.
pub(crate) async fn sync(shared: &Arc<Shared>) -> Result<()> {
    for server in shared.primaries().await? {
        one(shared, server.as_ref()).await?;
    }
    Ok(())
}

/// Waits for this server.
async fn one(shared: &Arc<Shared>, server: Option<&Place>) -> Result<()> {
    let main = To::primary(Lane::Main, server);
    // With `always` what was acknowledged is on stable storage; without a file there is no such storage.
    if !shared.server.appends || shared.server.durability == Durability::Synced {
        simple(shared, main, Request::new("PING")).await?;
        return Ok(());
    }
    if !shared.server.waits {
        return rewritten(shared, main).await;
    }
    match mark(shared, server) {
        Some(_) => synced(shared, server).await,
        // It holds other slots than the one that all records are in.
        None if shared.names.tagged() => Ok(()),
        None => rewritten(shared, main).await,
    }
}

/// A Redis key of our own that this server holds, as far as one is found.
fn mark(shared: &Shared, server: Option<&Place>) -> Option<Vec<u8>> {
    let names = (0..10_000u32).map(|n| shared.names.own(n.to_string().as_bytes(), "sync", b""));
    let mut names = names.take(if shared.names.tagged() { 1 } else { 10_000 });
    names.find(|name| server.is_none_or(|server| shared.nodes.is_at(name, server)))
}

async fn simple(shared: &Arc<Shared>, main: To<'_>, request: Request) -> Result<Value> {
    Ok(shared.ask(main, Effect::Read, |_| request.clone()).await?.value)
}

/// Waits until the file is synced as the server does by itself.
async fn synced(shared: &Arc<Shared>, server: Option<&Place>) -> Result<()> {
    let mut patience = Patience::new(shared);
    let slice = (shared.deadline / 2).clamp(Duration::from_millis(1), SLICE);
    // The connection that has written something.
    let mut marked: Option<u64> = None;
    loop {
        let make = |_| {
            let mut request = Request::default();
            if marked.is_none() {
                // Its slot may have moved since.
                let mark = mark(shared, server).unwrap_or_default();
                request.then("EVAL").word(MARK).word(1u64).word(&mark);
            }
            request.then("WAITAOF").word(1u64).word(0u64).word(slice.as_millis() as u64);
            request
        };
        let asked_to_mark = marked.is_none();
        // On the other connection: it keeps everything behind it waiting.
        let answer = shared.ask(To::primary(Lane::Bulk, server), Effect::Read, make).await?;
        // Of a connection that was made anew meanwhile, and has written nothing, the answer means nothing.
        let meant = marked.is_none_or(|epoch| epoch == answer.epoch);
        marked = meant.then_some(answer.epoch);
        let waited = if asked_to_mark { last(answer.value) } else { answer.value };
        let Value::Array(counts) = waited else { return Err(failure::nonsense("WAITAOF")) };
        if meant && counts.first() == Some(&Value::Int(1)) {
            return Ok(());
        }
        patience.seen("", "synced its append-only file")?;
    }
}

/// Has the file written anew. The server syncs the new one before it takes the place of the other: so it does
/// where it cannot tell, or does not care, whether that is synced.
async fn rewritten(shared: &Arc<Shared>, main: To<'_>) -> Result<()> {
    // A rewrite that has begun already may lack what was acknowledged since.
    finished(shared, main).await?;
    match simple(shared, main, Request::new("BGREWRITEAOF")).await {
        Ok(_) => {}
        // Somebody else's, or ours where its answer was lost: there was none a moment ago, so it has begun since.
        Err(error) if error.to_string().contains("already in progress") => {}
        Err(error) => return Err(error),
    }
    let info = finished(shared, main).await?;
    if info.contains("aof_last_bgrewrite_status:ok") {
        return Ok(());
    }
    Err(failure::error(
        ErrorKind::Unavailable,
        "the server could not rewrite its append-only file; see its log",
    ))
}

/// Waits until the server rewrites nothing; answers with what it says of its files.
async fn finished(shared: &Arc<Shared>, main: To<'_>) -> Result<String> {
    let mut patience = Patience::new(shared);
    loop {
        let mut request = Request::new("INFO");
        request.word("persistence");
        let info = text(simple(shared, main, request).await?);
        if info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0") {
            return Ok(info);
        }
        patience.seen(&progress(&info), "rewritten its append-only file")?;
        shared.clock.sleep(LOOK).await;
    }
}

/// What changes as long as a rewrite, or the snapshot that it waits for, gets on.
fn progress(info: &str) -> String {
    const TELL: [&str; 4] = [
        "aof_rewrite_in_progress:",
        "aof_rewrite_scheduled:",
        "rdb_bgsave_in_progress:",
        "current_save_keys_",
    ];
    let lines = info.lines().filter(|line| TELL.iter().any(|name| line.starts_with(name)));
    lines.collect::<Vec<_>>().join(" ")
}

/// Waiting until nothing has changed for too long.
struct Patience<'a> {
    shared: &'a Shared,
    seen: String,
    since: Duration,
}

impl Patience<'_> {
    fn new(shared: &Shared) -> Patience<'_> {
        Patience { shared, seen: String::new(), since: shared.clock.now() }
    }

    /// # Errors
    /// `TimedOut` if it is as it was for all this time.
    fn seen(&mut self, now: &str, what: &str) -> Result<()> {
        let time = self.shared.clock.now();
        if now != self.seen {
            (self.seen, self.since) = (now.to_owned(), time);
            return Ok(());
        }
        if time.saturating_sub(self.since) < PATIENCE {
            return Ok(());
        }
        Err(failure::error(
            ErrorKind::TimedOut,
            format!(
                "the server has not {what} for {} s; what it has acknowledged may not be on stable storage yet",
                PATIENCE.as_secs()
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewrite_that_gets_on_is_told_from_one_that_does_not() {
        let info = |keys: u64, seconds: u64| {
            format!(
                "# Persistence\r\naof_rewrite_in_progress:1\r\naof_rewrite_scheduled:0\r\n\
                 aof_current_rewrite_time_sec:{seconds}\r\ncurrent_save_keys_processed:{keys}\r\n\
                 current_save_keys_total:9000\r\nrdb_changes_since_last_save:{seconds}\r\n"
            )
        };
        assert_ne!(progress(&info(1000, 1)), progress(&info(2000, 1)));
        assert_eq!(progress(&info(1000, 1)), progress(&info(1000, 2)), "time passes by itself");
    }
}
