//! A cluster of six real servers: three primaries, each with a replica.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use super::{Server, say};

const SLOTS: u16 = 16384;
const PRIMARIES: usize = 3;

/// The servers: first the primaries, and then their replicas in the same order, as they were made.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
}

/// A port that is free, and with it the one of the cluster's own bus, 10000 further.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let own = u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) + std::process::id() * 37;
        let port = 12_000 + (own % 10_000) as u16;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
}

impl Cluster {
    /// A cluster whose servers take each other for dead after so many milliseconds.
    pub(crate) fn start(timeout: u32, settings: &[&str]) -> Cluster {
        let timeout = timeout.to_string();
        let mut all = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", &timeout];
        // Replicas are there at once, and stand for election however long ago they heard of their primary.
        all.extend(["--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0"]);
        all.extend(settings);
        let servers: Vec<Server> = (0..2 * PRIMARIES).map(|_| Server::start_on(port, &all)).collect();
        let cluster = Cluster { servers };
        cluster.join();
        cluster
    }

    fn join(&self) {
        let mut bare: Vec<redis::Connection> = self.servers.iter().map(|server| server.bare(0)).collect();
        for (n, connection) in bare.iter_mut().enumerate() {
            say::<()>(connection, &["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
            if n < PRIMARIES {
                let slots =
                    (0..SLOTS).filter(|slot| usize::from(*slot) * PRIMARIES / usize::from(SLOTS) == n);
                redis::cmd("CLUSTER")
                    .arg("ADDSLOTS")
                    .arg(slots.collect::<Vec<u16>>())
                    .exec(connection)
                    .unwrap();
            }
        }
        let (first, others) = bare.split_at_mut(1);
        for server in &self.servers[1..] {
            say::<()>(&mut first[0], &["CLUSTER", "MEET", "127.0.0.1", &server.port.to_string()]);
        }
        for connection in first.iter_mut().chain(others.iter_mut()) {
            wait(|| say::<String>(connection, &["CLUSTER", "INFO"]).contains("cluster_known_nodes:6"));
        }
        for n in 0..PRIMARIES {
            let id: String = say(&mut bare[n], &["CLUSTER", "MYID"]);
            wait(|| {
                let mut cmd = redis::cmd("CLUSTER");
                cmd.arg("REPLICATE").arg(&id).exec(&mut bare[n + PRIMARIES]).is_ok()
            });
        }
        for (n, connection) in bare.iter_mut().enumerate() {
            wait(|| say::<String>(connection, &["CLUSTER", "INFO"]).contains("cluster_state:ok"));
            if n >= PRIMARIES {
                wait(|| {
                    say::<String>(connection, &["INFO", "replication"]).contains("master_link_status:up")
                });
            }
        }
        // All of them agree on who is a replica of whom.
        for connection in &mut bare {
            wait(|| {
                let nodes: String = say(connection, &["CLUSTER", "NODES"]);
                nodes.lines().filter(|line| line.contains("slave")).count() == PRIMARIES
            });
        }
    }

    pub(crate) fn primaries(&self) -> &[Server] {
        &self.servers[..PRIMARIES]
    }

    /// A URL that names two of the servers.
    pub(crate) fn url(&self, options: &str) -> String {
        let [first, .., last] = &self.servers[..] else { panic!() };
        format!("redis-cluster://127.0.0.1:{},127.0.0.1:{}?{options}", first.port, last.port)
    }

    /// The slot of this Redis key.
    pub(crate) fn slot(&self, name: &str) -> u16 {
        say(&mut self.servers[0].bare(0), &["CLUSTER", "KEYSLOT", name])
    }

    /// The index of the server that holds this slot now, as the first of those that live sees it.
    pub(crate) fn holder(&self, slot: u16) -> usize {
        let mut bare = self.servers.iter().find_map(Server::try_bare).unwrap();
        let ranges: Vec<Vec<redis::Value>> = redis::cmd("CLUSTER").arg("SLOTS").query(&mut bare).unwrap();
        let number = |value: &redis::Value| redis::from_redis_value::<u16>(value.clone()).unwrap();
        let holds = |range: &&Vec<redis::Value>| (number(&range[0])..=number(&range[1])).contains(&slot);
        let redis::Value::Array(server) = &ranges.iter().find(holds).unwrap()[2] else { panic!() };
        let port = number(&server[1]);
        self.servers.iter().position(|server| server.port == port).unwrap()
    }

    /// A command on this Redis key, at the server that holds it.
    pub(crate) fn at<T: redis::FromRedisValue>(&self, name: &str, cmd: &redis::Cmd) -> T {
        let server = &self.servers[self.holder(self.slot(name))];
        cmd.query(&mut server.bare(0)).unwrap()
    }

    /// How often the primaries have answered with this error.
    pub(crate) fn errors(&self, code: &str) -> u64 {
        self.servers.iter().filter_map(Server::try_bare).map(|mut bare| errors(&mut bare, code)).sum()
    }
}

/// Whether the server counts its errors: since 6.2.
pub(crate) fn counts_errors(bare: &mut redis::Connection) -> bool {
    say::<String>(bare, &["INFO", "errorstats"]).contains("# Errorstats")
}

/// How often the server has answered with this error.
pub(crate) fn errors(bare: &mut redis::Connection, code: &str) -> u64 {
    let stats: String = say(bare, &["INFO", "errorstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("errorstat_{code}:count=")));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

/// Waits until this is so.
pub(crate) fn wait(mut until: impl FnMut() -> bool) {
    while !until() {
        std::thread::sleep(Duration::from_millis(10));
    }
}
