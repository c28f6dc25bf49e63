//! The conformance suite on real servers, under every runtime: by a socket on a server that has synced
//! what it acknowledges, and by TCP on one that keeps nothing; and on a cluster of six servers, where
//! the keys of a store are all over it, or all in one slot.

mod support;

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::{Key, Result};
use larder_conformance::{Harness, Tamper};
use larder_redis::Redis;
use support::cluster::Cluster;
use support::runtimes::{AsyncStd, Bare, Runtime, Smol, TokioCurrent, TokioThreads};
use support::{SYNCED, Server, say};

/// One server for all tests of a kind; it ends with the process.
fn synced() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(SYNCED))
}

fn volatile() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

/// A database of a server, for one test.
struct OnServer<R> {
    runtime: R,
    server: &'static Server,
    database: i64,
    url: String,
}

impl<R: Runtime> OnServer<R> {
    fn by_socket() -> OnServer<R> {
        let server = synced();
        let database = server.database();
        let url = server.unix(database) + "&durability=synced&deadline=3600000";
        OnServer { runtime: R::start(), server, database, url }
    }

    fn by_tcp() -> OnServer<R> {
        let server = volatile();
        let database = server.database();
        let url = server.tcp(database) + "?deadline=3600000";
        OnServer { runtime: R::start(), server, database, url }
    }
}

impl<R> Drop for OnServer<R> {
    fn drop(&mut self) {
        say::<()>(&mut self.server.bare(self.database), &["FLUSHDB", "ASYNC"]);
    }
}

impl<R: Runtime> Harness for OnServer<R> {
    type Backend = Redis;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.run(future)
    }

    async fn open(&self) -> Result<Redis> {
        Redis::open(&self.url).await
    }

    async fn reopen(&self) -> Option<Result<Redis>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(Values(self.server, self.database)))
    }
}

/// The values as the server has them.
struct Values<'a>(&'a Server, i64);

impl Tamper for Values<'_> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        say(&mut self.0.bare(self.1), &["GET", &format!("larder/{}", key.as_text().unwrap())])
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        let name = format!("larder/{}", key.as_text().unwrap());
        redis::cmd("SET").arg(name).arg(bytes).query::<()>(&mut self.0.bare(self.1)).is_ok()
    }
}

/// One cluster for all tests; it ends with the process. Its servers do not take each other for dead because
/// the machine is busy: what a failover loses is none of this suite's business.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(60_000, &[]))
}

/// A prefix of a cluster's keys, for one test.
struct OnCluster<R> {
    runtime: R,
    prefix: String,
    url: String,
}

impl<R: Runtime> OnCluster<R> {
    fn spread() -> OnCluster<R> {
        OnCluster::with_prefix(|n| format!("test {n}"))
    }

    fn in_one_slot() -> OnCluster<R> {
        OnCluster::with_prefix(|n| format!("{{test {n}}}"))
    }

    fn with_prefix(prefix: fn(u64) -> String) -> OnCluster<R> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let prefix = prefix(NEXT.fetch_add(1, Ordering::Relaxed));
        let url = cluster().url(&format!("prefix={prefix}&deadline=3600000"));
        OnCluster { runtime: R::start(), prefix, url }
    }
}

impl<R: Runtime> Harness for OnCluster<R> {
    type Backend = Redis;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.run(future)
    }

    async fn open(&self) -> Result<Redis> {
        Redis::open(&self.url).await
    }

    async fn reopen(&self) -> Option<Result<Redis>> {
        Some(self.open().await)
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(ClusterValues(&self.prefix)))
    }
}

/// The values as the servers of the cluster have them.
struct ClusterValues<'a>(&'a str);

impl Tamper for ClusterValues<'_> {
    fn bytes(&self, key: &Key) -> Vec<u8> {
        let name = format!("{}/{}", self.0, key.as_text().unwrap());
        cluster().at(&name, redis::cmd("GET").arg(&name))
    }

    fn replace(&self, key: &Key, bytes: &[u8]) -> bool {
        let name = format!("{}/{}", self.0, key.as_text().unwrap());
        cluster().at::<()>(&name, redis::cmd("SET").arg(&name).arg(bytes));
        true
    }
}

macro_rules! on_cluster {
    ($($module:ident: $runtime:ident, $place:ident,)*) => {$(
        mod $module {
            use crate::{OnCluster, $runtime};
            larder_conformance::conformance_tests!(OnCluster::<$runtime>::$place());
        }
    )*};
}

on_cluster! {
    async_std_on_cluster: AsyncStd, spread,
    smol_on_cluster: Smol, spread,
    tokio_on_cluster: TokioThreads, spread,
    smol_in_one_slot_of_cluster: Smol, in_one_slot,
}

macro_rules! matrix {
    ($($module:ident: $runtime:ident,)*) => {$(
        mod $module {
            use crate::{OnServer, $runtime};
            mod by_socket_synced {
                use super::*;
                larder_conformance::conformance_tests!(OnServer::<$runtime>::by_socket());
            }
            mod by_tcp {
                use super::*;
                larder_conformance::conformance_tests!(OnServer::<$runtime>::by_tcp());
            }
        }
    )*};
}

matrix! {
    async_std: AsyncStd,
    smol: Smol,
    tokio_threads: TokioThreads,
    tokio_current: TokioCurrent,
    bare: Bare,
}
