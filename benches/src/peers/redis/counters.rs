//! Counting up what stands under a key, without losing a count: larder's `update_in`, and the two loops that
//! people write by hand.

use std::sync::Arc;

use larder::Larder;
use redis::Value;
use redis::aio::MultiplexedConnection;

use super::{Client, connection};
use crate::rows::Failure;

/// Stores the new value if the old one is there, and says whether it was.
const CAS: &str = r"
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
";

/// What counts; each task has one of its own.
#[derive(Clone)]
pub enum Counter {
    /// `update_in`; clones share the store.
    Larder(Larder),
    /// WATCH and GET, then MULTI, SET, EXEC, until it succeeds: on a connection that nobody shares.
    Watch(MultiplexedConnection),
    /// GET, then a script that compares and sets, by its hash, until it succeeds: clones share the connection.
    Script(MultiplexedConnection, Arc<str>),
}

impl Counter {
    /// larder, in a prefix of its own.
    pub async fn larder(url: &str, prefix: &str) -> Result<Counter, Failure> {
        match Client::larder(url, prefix).await? {
            Client::Larder(larder) => Ok(Counter::Larder(larder)),
            _ => Err("this is no larder".into()),
        }
    }

    /// With a connection of its own.
    pub async fn watch(url: &str) -> Result<Counter, Failure> {
        Ok(Counter::Watch(connection(url).await?))
    }

    /// With a connection that clones share.
    pub async fn script(url: &str) -> Result<Counter, Failure> {
        let mut connection = connection(url).await?;
        let hash: String = redis::cmd("SCRIPT").arg("LOAD").arg(CAS).query_async(&mut connection).await?;
        Ok(Counter::Script(connection, hash.into()))
    }

    /// One more.
    pub async fn count(&mut self, key: &str) -> Result<(), Failure> {
        match self {
            Counter::Larder(larder) => {
                larder.update_in(key, |n: Option<u64>| n.unwrap_or(0) + 1).await?;
            }
            Counter::Watch(connection) => loop {
                let mut look = redis::pipe();
                look.cmd("WATCH").arg(key).ignore().cmd("GET").arg(key);
                let (before,): (Option<u64>,) = look.query_async(connection).await?;
                let mut write = redis::pipe();
                write.atomic().cmd("SET").arg(key).arg(before.unwrap_or(0) + 1);
                if write.query_async::<Value>(connection).await? != Value::Nil {
                    break;
                }
            },
            Counter::Script(connection, hash) => loop {
                let before: Option<u64> = redis::cmd("GET").arg(key).query_async(connection).await?;
                let old = before.map_or(String::new(), |n| n.to_string());
                let mut call = redis::cmd("EVALSHA");
                call.arg(&**hash).arg(1).arg(key).arg(old).arg(before.unwrap_or(0) + 1);
                if call.query_async::<bool>(connection).await? {
                    break;
                }
            },
        }
        Ok(())
    }

    /// What was counted.
    pub async fn value(&mut self, key: &str) -> Result<u64, Failure> {
        Ok(match self {
            Counter::Larder(larder) => larder.get(key).await?.unwrap_or(0),
            Counter::Watch(connection) | Counter::Script(connection, _) => {
                redis::cmd("GET").arg(key).query_async::<Option<u64>>(connection).await?.unwrap_or(0)
            }
        })
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Counter::Larder(_) => "larder",
            Counter::Watch(_) => "WATCH",
            Counter::Script(..) => "EVALSHA",
        })
    }
}
