//! `sync`: waits until the server has on stable storage what it has acknowledged.

use std::sync::Arc;
use std::time::Duration;

use larder::{Durability, Error, ErrorKind, Result};
use redis::{Cmd, Value};

use crate::failure;
use crate::nodes::{Lane, To};
use crate::request::{Effect, Request};
use crate::server::text;
use crate::shared::Shared;
use crate::slots::Place;

/// How often `sync` looks whether the server has finished.
const LOOK: Duration = Duration::from_millis(20);

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
    let simple = |cmd: Cmd| async move {
        let answer = shared.ask(main, Effect::Read, move |_| Request::One(cmd.clone())).await?;
        Ok::<Value, Error>(answer.value)
    };
    // With `always` what was acknowledged is on stable storage; without a file there is no such storage.
    if !shared.server.appends || shared.server.durability == Durability::Synced {
        simple(redis::cmd("PING")).await?;
        return Ok(());
    }
    if shared.server.waits {
        // On the other connection: it keeps everything behind it waiting.
        let make = |_| {
            let mut cmd = redis::cmd("WAITAOF");
            cmd.arg(1).arg(0).arg(shared.deadline.as_millis() as u64);
            Request::One(cmd)
        };
        return match shared.ask(To::primary(Lane::Bulk, server), Effect::Read, make).await?.value {
            Value::Array(counts) if counts.first() == Some(&Value::Int(1)) => Ok(()),
            _ => Err(failure::error(ErrorKind::TimedOut, "the server has not synced its file in time")),
        };
    }
    // Older servers have no such command. A rewritten file is synced before it takes the place of the other;
    // one that had begun before may lack what was acknowledged since.
    finished(shared, main).await?;
    simple(redis::cmd("BGREWRITEAOF")).await?;
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
    loop {
        let make = |_| {
            let mut cmd = redis::cmd("INFO");
            cmd.arg("persistence");
            Request::One(cmd)
        };
        let info = text(shared.ask(main, Effect::Read, make).await?.value);
        if info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0") {
            return Ok(info);
        }
        shared.clock.sleep(LOOK).await;
    }
}
