//! What the server is and what it promises: asked when the store is opened.

use larder::{Durability, ErrorKind};
use redis::Value;

use crate::failure::{self, Trouble};
use crate::link::Link;
use crate::nodes::Nodes;
use crate::request::Request;

/// What was found out.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// What an acknowledged write survives.
    pub(crate) durability: Durability,
    /// Whether every change goes to the append-only file.
    pub(crate) appends: bool,
    /// Whether the server can wait until that file is synced (WAITAOF, from 7.2), which with `appendfsync no`
    /// never comes.
    pub(crate) waits: bool,
    /// Why the durability is less than `Synced`, and what to set.
    pub(crate) advice: String,
}

/// Asks the servers; what all of them promise. `replicas` is how many each of them must have.
pub(crate) async fn inspect(nodes: &Nodes, replicas: u64) -> Result<Server, Trouble> {
    let mut least: Option<Server> = None;
    let primaries = nodes.primaries().await?;
    for place in &primaries {
        let link = nodes.link(place.as_ref())?;
        let mut server = one(&link, nodes.is_cluster(), replicas).await?;
        if let Some(place) = place.as_ref().filter(|_| !server.advice.is_empty()) {
            server.advice = format!("{place}: {}", server.advice);
        }
        least = Some(match least {
            None => server,
            Some(least) => least.and(server),
        });
    }
    least.ok_or_else(|| Trouble::Refused(failure::nonsense("CLUSTER SLOTS")))
}

impl Server {
    /// What both promise.
    fn and(self, other: Server) -> Server {
        let (appends, waits) = (self.appends && other.appends, self.waits && other.waits);
        let weaker = if other.durability < self.durability { other } else { self };
        Server { appends, waits, ..weaker }
    }
}

async fn one(link: &Link, cluster: bool, replicas: u64) -> Result<Server, Trouble> {
    // Who may not ask is told nothing, and promised nothing.
    let Some(info) = ask(link, &Request::new("INFO")).await?.map(text) else {
        let advice = "this user may not ask what the server is: permit INFO and CONFIG GET".to_owned();
        return Ok(Server { durability: Durability::Volatile, appends: false, waits: false, advice });
    };
    let field = |name: &str| {
        let line = info.lines().find(|line| line.split_once(':').is_some_and(|(found, _)| found == name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    };
    // Valkey and Redict call it otherwise than Redis does.
    let mode = ["redis_mode", "server_mode", "redict_mode"].into_iter().find_map(field);
    match mode {
        Some("cluster") if !cluster => {
            return Err(Trouble::Refused(failure::error(
                ErrorKind::Unsupported,
                "the server is part of a cluster: open it by redis-cluster:",
            )));
        }
        Some("sentinel") => {
            return Err(Trouble::Refused(failure::error(
                ErrorKind::Unsupported,
                "this is a sentinel: open the server that it watches by redis+sentinel:",
            )));
        }
        _ => {}
    }
    let copies = field("connected_slaves").and_then(|count| count.parse::<u64>().ok());
    if let Some(copies) = copies.filter(|copies| *copies < replicas) {
        // They may be on their way.
        return Err(Trouble::Wait(failure::error(
            ErrorKind::Unavailable,
            format!("every write is to wait for {replicas} replicas, and the server has {copies}"),
        )));
    }
    let version: Vec<u32> = field("redis_version")
        .unwrap_or_default()
        .split('.')
        .map_while(|number| number.parse().ok())
        .collect();
    let appends = field("aof_enabled") == Some("1");
    let evicts = field("maxmemory_policy").is_some_and(|policy| policy.starts_with("allkeys"))
        && field("maxmemory") != Some("0");
    let policy = match ask(link, Request::new("CONFIG").word("GET").word("appendfsync")).await? {
        Some(Value::Array(pair)) => pair.into_iter().nth(1).map(text),
        Some(Value::Map(pairs)) => pairs.into_iter().next().map(|(_, value)| text(value)),
        _ => None,
    };
    let (durability, advice) = promise(appends, evicts, policy.as_deref());
    let waits = version >= vec![7, 2] && policy.as_deref() != Some("no");
    Ok(Server { durability, appends, waits, advice })
}

/// What the settings amount to.
///
/// With `everysec` the server acknowledges while the one before is still being synced, and what it has
/// acknowledged then is only in its own memory.
fn promise(appends: bool, evicts: bool, policy: Option<&str>) -> (Durability, String) {
    if evicts {
        return (
            Durability::Volatile,
            "the server evicts entries: CONFIG SET maxmemory-policy noeviction".into(),
        );
    }
    if !appends {
        let advice =
            "the server keeps no append-only file: CONFIG SET appendonly yes, and appendfsync always";
        return (Durability::Volatile, advice.into());
    }
    match policy {
        Some("always") => (Durability::Synced, String::new()),
        Some("no") => (
            Durability::Flushed,
            "the server leaves syncing to the system: CONFIG SET appendfsync always".into(),
        ),
        Some(policy) => {
            (Durability::Volatile, format!("the server syncs {policy}: CONFIG SET appendfsync always"))
        }
        None => (
            Durability::Volatile,
            "this user may not ask for appendfsync, so nothing can be promised: permit CONFIG GET".into(),
        ),
    }
}

/// The answer, or `None` if the server refuses to give one.
async fn ask(link: &Link, request: &Request) -> Result<Option<Value>, Trouble> {
    let (epoch, mut connection) = link.connection().await?;
    let answered = connection.send(request).await;
    let failure = match answered {
        Ok(value) => return Ok(Some(value)),
        Err(failure) => failure,
    };
    match failure::sorted(&failure) {
        // Not permitted, or not known: that is no reason not to open the store.
        Trouble::Refused(_) if matches!(failure.code(), Some("NOPERM" | "ERR")) => Ok(None),
        trouble => {
            link.lost(epoch);
            Err(trouble)
        }
    }
}

/// An answer that is text.
pub(crate) fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_promises_what_its_weakest_server_keeps() {
        let server = |durability, appends, advice: &str| Server {
            durability,
            appends,
            waits: true,
            advice: advice.to_owned(),
        };
        let synced = || server(Durability::Synced, true, "");
        let both = synced().and(server(Durability::Flushed, true, "this one")).and(synced());
        assert_eq!(
            (both.durability, both.appends, &both.advice[..]),
            (Durability::Flushed, true, "this one")
        );
        let both = synced().and(server(Durability::Volatile, false, "this one"));
        assert_eq!((both.durability, both.appends), (Durability::Volatile, false));
        assert!(!synced().and(Server { waits: false, ..synced() }).waits);
    }

    #[test]
    fn nothing_is_promised_that_the_settings_do_not_keep() {
        for (appends, evicts, policy, durability, advice) in [
            (true, false, Some("always"), Durability::Synced, ""),
            (true, false, Some("no"), Durability::Flushed, "appendfsync always"),
            (true, false, Some("everysec"), Durability::Volatile, "appendfsync always"),
            (true, false, None, Durability::Volatile, "permit CONFIG GET"),
            (false, false, Some("always"), Durability::Volatile, "appendonly yes"),
            (true, true, Some("always"), Durability::Volatile, "noeviction"),
        ] {
            let (found, said) = promise(appends, evicts, policy);
            assert_eq!(found, durability, "{policy:?}");
            assert!(said.contains(advice) && said.is_empty() == advice.is_empty(), "{said}");
        }
    }
}
