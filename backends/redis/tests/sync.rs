//! `sync` on servers that acknowledge before they have synced: it is answered when they have, and not before.

mod support;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::future::BoxFuture;
use larder::{Backend, Clock, ErrorKind, RealClock, Timestamp};
use larder_redis::Redis;
use support::{Server, open, put, say};

const SYSTEM: &[&str] = &["--appendonly", "yes", "--appendfsync", "no"];
const EVERYSEC: &[&str] = &["--appendonly", "yes", "--appendfsync", "everysec"];

/// A clock that runs so many times faster than the real one, so that patience is short.
const FASTER: u32 = 200;

#[derive(Debug)]
struct Fast(RealClock);

impl Clock for Fast {
    fn now(&self) -> Duration {
        self.0.now() * FASTER
    }

    fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(time / FASTER)
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

/// Its `sync` gives up soon, its operations do not.
fn impatient(server: &Server) -> Redis {
    let day = Duration::from_secs(24 * 60 * 60);
    let options = Redis::options().clock(Arc::new(Fast(RealClock))).deadline(day);
    smol::block_on(options.open(&server.unix(0))).unwrap()
}

/// How often the server has performed this command.
fn calls(server: &Server, command: &str) -> u64 {
    let stats: String = say(&mut server.bare(0), &["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// Whether this server can wait for its file, which came with 7.2.
fn can_wait(server: &Server) -> bool {
    let known: Vec<redis::Value> = say(&mut server.bare(0), &["COMMAND", "INFO", "WAITAOF"]);
    known != [redis::Value::Nil]
}

#[test]
fn many_syncs_at_a_time_are_all_answered() {
    for settings in [EVERYSEC, SYSTEM] {
        let server = Server::start(settings);
        let store = open(&(server.unix(0) + "&deadline=3600000"));
        thread::scope(|scope| {
            for n in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    for rev in 1..4 {
                        put(store, &format!("key {n}").into(), rev, "x").unwrap();
                        store.sync().wait().unwrap();
                    }
                });
            }
        });
        let waits = can_wait(&server) && settings == EVERYSEC;
        assert_eq!(calls(&server, "waitaof") > 0, waits, "{settings:?}");
        assert_eq!(calls(&server, "bgrewriteaof") > 0, !waits, "{settings:?}");
        // What it writes does not stay.
        while !say::<Vec<String>>(&mut server.bare(0), &["KEYS", "*:sync:*"]).is_empty() {}
    }
}

#[test]
fn sync_is_not_answered_by_a_server_that_has_not_synced() {
    let server = Server::start(EVERYSEC);
    let (store, patient) = (impatient(&server), open(&(server.unix(0) + "&deadline=3600000")));
    put(&store, &"ada".into(), 1, "x").unwrap();
    patient.sync().wait().unwrap();
    let mut bare = server.bare(0);
    if can_wait(&server) {
        // Behind the store's back it syncs no more.
        say::<()>(&mut bare, &["CONFIG", "SET", "appendfsync", "no"]);
    } else {
        // The copy that it makes takes very long.
        say::<()>(&mut bare, &["CONFIG", "SET", "rdb-key-save-delay", "100000000"]);
    }
    put(&store, &"ada".into(), 2, "y").unwrap();
    let error = store.sync().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(error.is_retryable() && error.to_string().contains("stable storage"), "{error}");
    say::<()>(&mut bare, &["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    // This ends the copy that is being made.
    say::<()>(&mut bare, &["CONFIG", "SET", "appendonly", "no"]);
    say::<()>(&mut bare, &["CONFIG", "SET", "appendonly", "yes"]);
    say::<()>(&mut bare, &["CONFIG", "SET", "appendfsync", "everysec"]);
    patient.sync().wait().unwrap();
}

#[test]
fn a_rewrite_that_gets_no_further_is_given_up_and_the_next_sync_waits_anew() {
    let server = Server::start(SYSTEM);
    let store = impatient(&server);
    put(&store, &"ada".into(), 1, "x").unwrap();
    let mut bare = server.bare(0);
    say::<()>(&mut bare, &["CONFIG", "SET", "rdb-key-save-delay", "100000000"]);
    for _ in 0..2 {
        let error = store.sync().wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(error.to_string().contains("rewritten"), "{error}");
    }
    assert_eq!(calls(&server, "bgrewriteaof"), 1, "the second one waits for the rewrite that is under way");
    say::<()>(&mut bare, &["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    say::<()>(&mut bare, &["CONFIG", "SET", "appendonly", "no"]);
    say::<()>(&mut bare, &["CONFIG", "SET", "appendonly", "yes"]);
    open(&(server.unix(0) + "&deadline=3600000")).sync().wait().unwrap();
}

/// What `sync` writes to have something to wait for needs no memory that counts.
#[test]
fn a_full_server_can_sync() {
    for settings in [EVERYSEC, SYSTEM] {
        let server = Server::start(settings);
        let store = open(&(server.unix(0) + "&deadline=3600000"));
        put(&store, &"ada".into(), 1, "x").unwrap();
        say::<()>(&mut server.bare(0), &["CONFIG", "SET", "maxmemory", "1"]);
        assert_eq!(put(&store, &"ada".into(), 2, "y").unwrap_err().kind(), ErrorKind::Full);
        store.sync().wait().unwrap();
    }
}

#[test]
fn a_server_that_does_not_come_to_an_end_is_not_waited_for_for_ever() {
    let server = Server::start(EVERYSEC);
    let store = open(&(server.unix(0) + "&deadline=200"));
    while put(&store, &"ada".into(), 1, "x").is_err() {}
    server.signal("-STOP");
    let error = store.sync().wait().unwrap_err();
    server.signal("-CONT");
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Unavailable), "{error}");
}
