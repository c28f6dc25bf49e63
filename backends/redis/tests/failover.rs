//! A primary that dies: clients find the one that takes its place by themselves, and what was acknowledged
//! with a replica is there.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use larder::{Key, Larder};
use support::cluster::{Cluster, wait};
use support::proxy::Proxy;
use support::{Server, open, put, say};

/// How long the servers of the cluster and the sentinels wait before they take another one for dead.
const TIMEOUT: u32 = 2000;

/// One task's counter: each increment is acknowledged, or may have happened.
#[derive(Default)]
struct Counter {
    acknowledged: AtomicU64,
    ambiguous: AtomicU64,
}

/// Increments these counters until it is enough, each by a task of its own.
fn count(url: &str, keys: &[Key], counters: &[Counter], enough: &AtomicBool) {
    let larder = Larder::new(open(url));
    thread::scope(|scope| {
        for (key, counter) in keys.iter().zip(counters) {
            let larder = larder.clone();
            scope.spawn(move || {
                while !enough.load(Ordering::Acquire) {
                    let update = larder.update_in(key, |n: Option<u64>| n.unwrap_or(0) + 1);
                    match smol::block_on(update) {
                        Ok(_) => _ = counter.acknowledged.fetch_add(1, Ordering::AcqRel),
                        Err(error) if error.is_ambiguous() => {
                            counter.ambiguous.fetch_add(1, Ordering::AcqRel);
                        }
                        Err(error) => assert!(error.is_retryable(), "{error}"),
                    }
                }
            });
        }
    });
}

/// Waits until each of them has been acknowledged some more times.
fn more(counters: &[Counter]) {
    let now = || counters.iter().map(|counter| counter.acknowledged.load(Ordering::Acquire));
    let before: Vec<u64> = now().collect();
    wait(|| now().zip(&before).all(|(now, before)| now >= before + 5));
}

fn check(url: &str, keys: &[Key], counters: &[Counter]) {
    let larder = Larder::new(open(url));
    for (key, counter) in keys.iter().zip(counters) {
        let found = smol::block_on(larder.get::<u64>(key)).unwrap().unwrap_or(0);
        let acknowledged = counter.acknowledged.load(Ordering::Acquire);
        let ambiguous = counter.ambiguous.load(Ordering::Acquire);
        println!("{key}: {acknowledged} acknowledged, {ambiguous} ambiguous, {found} counted");
        assert!(found >= acknowledged, "{key}: {found} of {acknowledged} acknowledged are there");
        assert!(found <= acknowledged + ambiguous, "{key}: {found} of {acknowledged} + {ambiguous}");
    }
}

/// The options of a store whose writes wait for a replica, and of one whose writes do not.
const SAFE: &str = "prefix=safe&replicas=1&deadline=60000";
const PLAIN: &str = "prefix=plain&deadline=60000";

/// Counts so many keys in both stores, all the time, while `act` does what it does: it is given what waits until
/// the safe one has gone on, and the plain one. Nothing that the safe one acknowledged may be missing then.
fn under_load(counters: usize, [safe_url, plain_url]: [String; 2], act: impl FnOnce(&dyn Fn(), &dyn Fn())) {
    let keys: Vec<Key> = (0..counters).map(|n| Key::from(format!("counter {n}"))).collect();
    let counters = || keys.iter().map(|_| Counter::default()).collect::<Vec<_>>();
    let (safe, plain) = (counters(), counters());
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| count(&safe_url, &keys, &safe, &enough));
        scope.spawn(|| count(&plain_url, &keys, &plain, &enough));
        more(&safe);
        more(&plain);
        act(&|| more(&safe), &|| more(&plain));
        enough.store(true, Ordering::Release);
    });
    check(&safe_url, &keys, &safe);
}

#[test]
fn a_primary_of_a_cluster_is_killed_under_load_and_nothing_acknowledged_is_missing() {
    let mut cluster = Cluster::start(TIMEOUT, &[]);
    under_load(9, [cluster.url(SAFE), cluster.url(PLAIN)], |safe_goes_on, plain_goes_on| {
        let slot = cluster.slot("safe/counter 0");
        let dead = cluster.holder(slot);
        let killed = Instant::now();
        cluster.servers[dead].kill();
        plain_goes_on();
        println!(
            "all clients went on {} ms after a primary was killed; the servers wait for {TIMEOUT} ms",
            killed.elapsed().as_millis()
        );
        // It comes back as a replica, which the writes that wait for one need: the other has none left.
        wait(|| cluster.holder(slot) != dead);
        cluster.servers[dead].restart();
        let back = Instant::now();
        safe_goes_on();
        println!("and those that wait for a replica {} ms after it came back", back.elapsed().as_millis());
    });
}

/// A primary and its replica.
fn pair() -> (Server, Server) {
    let settings = ["--repl-diskless-sync-delay", "0"];
    let primary = Server::start(&settings);
    let port = primary.port.to_string();
    let replica = Server::start(&[&settings[..], &["--replicaof", "127.0.0.1", &port]].concat());
    wait(|| say::<String>(&mut replica.bare(0), &["INFO", "replication"]).contains("master_link_status:up"));
    wait(|| say::<String>(&mut primary.bare(0), &["INFO", "replication"]).contains("state=online"));
    (primary, replica)
}

/// WAIT covers what was written on its own connection; a write that is sent again over another one, and finds
/// that it happened before, has written nothing there.
#[test]
fn a_write_that_is_sent_again_waits_for_its_replicas_too() {
    let (primary, replica) = pair();
    let proxy = Proxy::start(primary.socket());
    let hurried = open(&(proxy.url() + "?replicas=1&deadline=3000"));
    let (first, second) = (Key::from("first"), Key::from("second"));
    // Until the machine is quick enough for this deadline.
    while put(&hurried, &first, 1, "warm").is_err() {}
    replica.signal("-STOP");
    proxy.lose_next();
    let error = put(&hurried, &second, 1, "lost").unwrap_err();
    proxy.wait_for_lost(1);
    assert!(error.is_ambiguous(), "no replica has it: {error}");
    replica.signal("-CONT");
    let patient = open(&(primary.tcp(0) + "?replicas=1&deadline=60000"));
    put(&patient, &second, 2, "safe").unwrap();
}

/// A primary, a replica of it, and three sentinels.
struct Watched {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Watched {
    fn start() -> Watched {
        let (primary, replica) = pair();
        let sentinels: Vec<Server> =
            (0..3).map(|_| Server::start_sentinel(primary.port, TIMEOUT, &[])).collect();
        for sentinel in &sentinels {
            wait(|| {
                let told: String = say(&mut sentinel.bare(0), &["INFO", "sentinel"]);
                told.contains("slaves=1,sentinels=3")
            });
        }
        Watched { servers: vec![primary, replica], sentinels }
    }

    fn url(&self, options: &str) -> String {
        let ports: Vec<u16> = self.sentinels.iter().map(|sentinel| sentinel.port).collect();
        let [a, b, c] = ports[..] else { panic!() };
        // The first of them does not answer: nobody is there.
        let dead = support::free_port();
        format!(
            "redis+sentinel://127.0.0.1:{dead},127.0.0.1:{a},127.0.0.1:{b},127.0.0.1:{c}/watched/0?{options}"
        )
    }
}

#[test]
fn clients_follow_the_primary_that_the_sentinels_choose() {
    let mut watched = Watched::start();
    under_load(4, [watched.url(SAFE), watched.url(PLAIN)], |safe_goes_on, plain_goes_on| {
        let killed = Instant::now();
        watched.servers[0].kill();
        plain_goes_on();
        println!(
            "all clients went on {} ms after the primary was killed; the sentinels wait for {TIMEOUT} ms",
            killed.elapsed().as_millis()
        );
        // The sentinels make it a replica of the other.
        watched.servers[0].restart();
        safe_goes_on();
    });
}

#[test]
fn a_name_that_the_sentinels_do_not_know_and_a_server_that_is_none_are_told() {
    let server = Server::start(&[]);
    let sentinel = Server::start_sentinel(server.port, TIMEOUT, &[]);
    let opening = |url: String| smol::block_on(larder_redis::Redis::open(&url)).unwrap_err();
    let port = sentinel.port;
    let error = opening(format!("redis+sentinel://127.0.0.1:{port}/other?deadline=300"));
    assert_eq!(error.kind(), larder::ErrorKind::Unavailable);
    assert!(error.to_string().contains("no primary of this name"), "{error}");
    let error = opening(format!("redis://127.0.0.1:{port}"));
    assert_eq!(error.kind(), larder::ErrorKind::Unsupported);
    assert!(error.to_string().contains("redis+sentinel:"), "{error}");
    let url = format!("redis+sentinel://127.0.0.1:{port}/watched?deadline=60000");
    let larder = Larder::new(open(&url));
    smol::block_on(larder.assoc("ada", &1)).unwrap();
    assert_eq!(smol::block_on(larder.get::<u64>("ada")).unwrap(), Some(1));
}
