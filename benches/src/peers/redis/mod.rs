//! A Redis server of our own, and the clients that are compared on it.

use bytes::Bytes;
use fred::prelude::{Builder, ClientLike, Config, KeysInterface};
use larder::Larder;
use larder_redis::Redis;
use redis::aio::MultiplexedConnection;

use crate::rows::Failure;

pub mod counters;
pub mod server;
pub mod wire;

/// A client that stores bytes under text keys; clones share one connection.
#[derive(Clone)]
pub enum Client {
    /// larder over `larder-redis`.
    Larder(Larder),
    /// The `redis` crate, used directly.
    Bare(MultiplexedConnection),
    /// fred.
    Fred(fred::clients::Client),
}

impl Client {
    /// larder, in a prefix of its own.
    pub async fn larder(url: &str, prefix: &str) -> Result<Client, Failure> {
        let store = Redis::options().prefix(prefix).open(url).await?;
        Ok(Client::Larder(Larder::new(store)))
    }

    /// One multiplexed connection of the `redis` crate, driven by the runtime within which it is opened.
    pub async fn bare(url: &str) -> Result<Client, Failure> {
        Ok(Client::Bare(connection(url).await?))
    }

    /// One connection of fred.
    pub async fn fred(url: &str) -> Result<Client, Failure> {
        let mut builder = Builder::from_config(Config::from_url(url)?);
        builder.with_connection_config(|config| config.tcp.nodelay = Some(true));
        let client = builder.build()?;
        client.init().await?;
        Ok(Client::Fred(client))
    }

    /// Reads all bytes; says how many.
    pub async fn get(&self, key: &str) -> Result<usize, Failure> {
        const NOTHING: &str = "nothing there";
        Ok(match self {
            Client::Larder(larder) => larder.bget(key).await?.ok_or(NOTHING)?.bytes().await?.len(),
            Client::Bare(connection) => {
                let bytes: Option<Vec<u8>> =
                    redis::cmd("GET").arg(key).query_async(&mut connection.clone()).await?;
                bytes.ok_or(NOTHING)?.len()
            }
            Client::Fred(client) => client.get::<Option<Bytes>, _>(key).await?.ok_or(NOTHING)?.len(),
        })
    }

    /// Stores bytes, whatever was there.
    pub async fn set(&self, key: &str, bytes: Bytes) -> Result<(), Failure> {
        match self {
            Client::Larder(larder) => larder.bassoc(key, bytes).await?,
            Client::Bare(connection) => {
                redis::cmd("SET").arg(key).arg(&bytes[..]).exec_async(&mut connection.clone()).await?;
            }
            Client::Fred(client) => client.set::<(), _, _>(key, bytes, None, None, false).await?,
        }
        Ok(())
    }
}

/// One multiplexed connection of the `redis` crate, driven by the runtime within which it is opened.
pub async fn connection(url: &str) -> Result<MultiplexedConnection, Failure> {
    Ok(redis::Client::open(url)?.get_multiplexed_async_connection().await?)
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Client::Larder(_) => "larder",
            Client::Bare(_) => "the redis crate",
            Client::Fred(_) => "fred",
        })
    }
}
