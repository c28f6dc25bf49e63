//! What a server refuses, and how the store says so; and that it goes on when the server does.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use futures::future::BoxFuture;
use larder::{Backend, Clock, ErrorKind, Expect, Key, Part, RealClock, Removed, Timestamp};
use larder_redis::Redis;
use smol::stream::StreamExt;
use support::proxy::Proxy;
use support::{SYNCED, Server, data_of, open, put, record, say};

fn opening(url: &str) -> larder::Error {
    smol::block_on(Redis::open(url)).unwrap_err()
}

#[test]
fn a_full_server_refuses_writes_and_keeps_what_it_has() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let (key, large) = (Key::from("ada"), Key::from("large"));
    put(&store, &key, 1, "old").unwrap();
    put(&store, &large, 1, vec![1; 600_000]).unwrap();
    let mut bare = server.bare(0);
    say::<()>(&mut bare, &["CONFIG", "SET", "maxmemory", "1"]);
    for (key, data) in [(&key, vec![2; 10]), (&key, vec![2; 600_000]), (&large, vec![2; 600_000])] {
        let error = put(&store, key, 2, data).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert!(!error.is_ambiguous() && error.to_string().contains("maxmemory"), "{error}");
    }
    assert_eq!(&smol::block_on(data_of(&store, &key)).unwrap().unwrap()[..], b"old");
    assert_eq!(smol::block_on(data_of(&store, &large)).unwrap().unwrap(), vec![1; 600_000]);
    // That is how room is made.
    assert_eq!(store.remove(&large, Expect::Any).wait().unwrap(), Removed::Done);
    say::<()>(&mut bare, &["CONFIG", "SET", "maxmemory", "0"]);
    put(&store, &key, 2, "new").unwrap();
}

#[test]
fn a_replica_takes_no_writes_and_can_be_read() {
    let server = Server::start(&[]);
    let store = open(&(server.unix(0) + "&deadline=300"));
    let key = Key::from("ada");
    put(&store, &key, 1, "one").unwrap();
    let mut bare = server.bare(0);
    say::<()>(&mut bare, &["REPLICAOF", "127.0.0.1", "1"]);
    loop {
        let error = put(&store, &key, 2, "two").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("replica"), "{error}");
        // Where the time ended while one more try was under way, that one may have come to a primary.
        if !error.is_ambiguous() {
            assert!(error.is_retryable(), "{error}");
            break;
        }
    }
    assert_eq!(&smol::block_on(data_of(&store, &key)).unwrap().unwrap()[..], b"one");
    say::<()>(&mut bare, &["REPLICAOF", "NO", "ONE"]);
    let store = open(&(server.unix(0) + "&deadline=60000"));
    put(&store, &key, 2, "two").unwrap();
}

#[test]
fn what_other_programs_put_under_our_keys_is_corrupt_and_can_be_replaced() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let mut bare = server.bare(0);
    let foreign: [&[&str]; 6] = [
        &["HSET", "larder/ada", "field", "value"],
        &["SET", "larder/ada", "a text that is long enough for a stamp"],
        &["SET", "larder/ada", "short"],
        &["SET", "larder/ada", ""],
        &["RPUSH", "larder/ada", "one"],
        &["SETRANGE", "larder/ada", "16", "\u{1}\u{3}"],
    ];
    let key = Key::from("ada");
    for put_it in foreign {
        for heal in 0..3 {
            say::<()>(&mut bare, &["DEL", "larder/ada"]);
            say::<i64>(&mut bare, if put_it[0] == "SET" { &["EXISTS", "nothing"] } else { put_it });
            if put_it[0] == "SET" {
                say::<()>(&mut bare, put_it);
            }
            for part in [Part::All, Part::Head] {
                let error = store.read(&key, part).wait().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{put_it:?}: {error}");
                assert_eq!((error.backend(), error.key()), (Some("redis"), Some("\"ada\"")));
            }
            let absent = store.write(&key, record(&key, 1, "x"), Expect::Absent).wait().unwrap();
            assert_eq!(absent, larder::Written::Unmet, "{put_it:?}: something is there");
            match heal {
                0 => _ = put(&store, &key, 1, "ours").unwrap(),
                1 => _ = put(&store, &key, 1, vec![1; 600_000]).unwrap(),
                _ => {
                    assert_eq!(store.remove(&key, Expect::Any).wait().unwrap(), Removed::Done);
                    put(&store, &key, 1, "ours").unwrap();
                }
            }
            assert!(smol::block_on(data_of(&store, &key)).unwrap().is_some());
        }
    }
    say::<()>(&mut bare, &["SET", "larder/a{b}", "x"]);
    let listed: Vec<_> = smol::block_on(store.keys(None).collect());
    assert_eq!(listed.len(), 2);
    let error = listed.into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("larder/a{b}"), "{error}");
}

#[test]
fn scripts_that_the_server_forgot_are_sent_again() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let mut bare = server.bare(0);
    for (n, data) in [vec![1; 10], vec![2; 700_000], vec![3; 10]].into_iter().enumerate() {
        let key = Key::from("ada");
        say::<()>(&mut bare, &["SCRIPT", "FLUSH"]);
        put(&store, &key, n as u64, data.clone()).unwrap();
        say::<()>(&mut bare, &["SCRIPT", "FLUSH"]);
        assert_eq!(smol::block_on(data_of(&store, &key)).unwrap().unwrap(), data);
    }
    say::<()>(&mut bare, &["SCRIPT", "FLUSH"]);
    assert_eq!(store.remove(&"ada".into(), Expect::Any).wait().unwrap(), Removed::Done);
}

#[test]
fn a_server_that_does_not_answer_times_out_and_is_found_again() {
    let server = Server::start(&[]);
    let hurried = open(&(server.unix(0) + "&deadline=200"));
    let key = Key::from("ada");
    put(&hurried, &key, 1, "one").unwrap();
    server.signal("-STOP");
    let error = hurried.read(&key, Part::All).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.is_retryable(), "a read changes nothing: {error}");
    let error = put(&hurried, &key, 2, "two").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Unavailable), "{error}");
    server.signal("-CONT");
    let patient = open(&(server.unix(0) + "&deadline=60000"));
    assert!(smol::block_on(data_of(&patient, &key)).unwrap().is_some());
    // The store that timed out goes on too, as soon as the server is quick enough for it.
    while smol::block_on(data_of(&hurried, &key)).is_err() {}
}

/// Its time goes by whenever somebody waits for a moment.
#[derive(Debug, Default)]
struct Hasty(AtomicU64);

impl Clock for Hasty {
    fn now(&self) -> Duration {
        RealClock.now() + Duration::from_secs(self.0.load(Ordering::Acquire))
    }

    fn wall(&self) -> Timestamp {
        RealClock.wall()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        if time > Duration::from_secs(1) {
            return RealClock.sleep(time);
        }
        self.0.fetch_add(60, Ordering::AcqRel);
        Box::pin(async {})
    }

    fn random(&self) -> u64 {
        RealClock.random()
    }
}

#[test]
fn an_operation_whose_time_is_over_is_not_sent_once_more() {
    let server = Server::start(&["--lua-time-limit", "10"]);
    let proxy = Proxy::start(server.socket());
    let clock = Arc::new(Hasty::default());
    let store = smol::block_on(Redis::options().clock(clock).open(&proxy.url())).unwrap();
    let key = Key::from("ada");
    put(&store, &key, 1, "x").unwrap();
    let script = thread::spawn({
        let mut bare = server.bare(0);
        move || redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut bare)
    });
    let mut bare = server.bare(0);
    let busy = |why: redis::RedisError| why.code() == Some("BUSY");
    while !redis::cmd("PING").query::<()>(&mut bare).is_err_and(busy) {}
    let before = proxy.trips();
    let error = store.read(&key, Part::All).wait().unwrap_err();
    assert_eq!((error.kind(), proxy.trips() - before), (ErrorKind::Unavailable, 1), "{error}");
    assert!(error.to_string().contains("busy"), "{error}");
    say::<()>(&mut bare, &["SCRIPT", "KILL"]);
    assert!(script.join().unwrap().is_err());
    assert_eq!(&smol::block_on(data_of(&store, &key)).unwrap().unwrap()[..], b"x");
}

#[test]
fn a_write_that_timed_out_may_have_happened_and_says_so() {
    let server = Server::start(&[]);
    let store = open(&(server.unix(0) + "&deadline=200"));
    let key = Key::from("ada");
    // While the connection is there, the write is sent, and nobody answers.
    while put(&store, &key, 1, "one").is_err() {}
    server.signal("-STOP");
    let error = put(&store, &key, 2, "two").unwrap_err();
    server.signal("-CONT");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_unavailable_and_found_when_it_is() {
    let mut server = Server::start(SYNCED);
    let store = open(&(server.tcp(0) + "?deadline=300"));
    let key = Key::from("ada");
    while put(&store, &key, 1, "one").is_err() {}
    server.kill();
    for _ in 0..3 {
        let error = put(&store, &key, 2, "two").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    // Nothing was sent this time, as nobody took the connection.
    assert!(put(&store, &key, 2, "two").unwrap_err().is_retryable());
    assert_eq!(opening(&(server.tcp(0) + "?deadline=100")).kind(), ErrorKind::Unavailable);
    server.restart();
    while smol::block_on(data_of(&store, &key)).is_err() {}
    assert!(smol::block_on(data_of(&store, &key)).unwrap().is_some());
}

#[test]
fn a_listing_goes_on_over_a_restart_and_names_each_key_once() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "no"]);
    let store = open(&(server.unix(0) + "&deadline=60000"));
    let keys: Vec<Key> = (0..5000).map(|i| Key::from(format!("key {i}"))).collect();
    smol::block_on(async {
        for part in keys.chunks(500) {
            let writes = part.iter().map(|key| larder::Write {
                key: key.clone(),
                record: Some(record(key, 1, "x")),
                expect: Expect::Absent,
            });
            store.write_batch(writes.collect()).await.unwrap();
        }
        let mut listing = store.keys(None);
        let mut found = Vec::new();
        for n in 0.. {
            if n == 1500 {
                server.kill();
                server.restart();
            }
            match listing.next().await {
                Some(key) => found.push(key.unwrap()),
                None => break,
            }
        }
        found.sort();
        let mut expected = keys.clone();
        expected.sort();
        assert!(found == expected, "{} of {} keys", found.len(), expected.len());
    });
}

#[test]
fn what_the_server_does_not_keep_is_not_promised() {
    use larder::Durability::{Flushed, Synced, Volatile};
    for (settings, found, advice) in [
        (&["--appendonly", "no"][..], Volatile, "appendonly yes"),
        (&["--appendonly", "yes", "--appendfsync", "everysec"], Volatile, "appendfsync always"),
        (&["--appendonly", "yes", "--appendfsync", "no"], Flushed, "appendfsync always"),
        (SYNCED, Synced, ""),
        (
            &[
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--maxmemory",
                "100mb",
                "--maxmemory-policy",
                "allkeys-lru",
            ],
            Volatile,
            "noeviction",
        ),
    ] {
        let server = Server::start(settings);
        let store = open(&server.unix(0));
        assert_eq!(store.capabilities().durability, found, "{settings:?}");
        // `sync` is answered whatever there is.
        put(&store, &"ada".into(), 1, "x").unwrap();
        store.sync().wait().unwrap();
        if found < Synced {
            let error = opening(&(server.unix(0) + "&durability=synced"));
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(advice), "{error}");
        }
        assert!(smol::block_on(Redis::open(&(server.unix(0) + "&durability=volatile"))).is_ok());
    }
}

#[test]
fn a_server_of_a_cluster_does_not_stand_by_itself() {
    let server = Server::start(&["--cluster-enabled", "yes"]);
    for url in [server.unix(0), server.tcp(0)] {
        let error = opening(&url);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("cluster"), "{error}");
    }
}

#[test]
fn unknown_options_and_schemes_are_refused_with_a_list() {
    for (url, hint) in [
        ("redis://localhost?prefx=a", "it has prefix"),
        ("redis-clusters://me:secret@localhost", "there are redis:"),
        ("redis://localhost?durability=some", "none of server"),
        ("redis://localhost?prefix={", "hash tag"),
        ("redis://localhost?deadline=soon", "cannot be understood"),
        ("rediss://localhost?cert=a", "go together"),
        ("redis-cluster://me:secret@localhost/1", "no other database"),
        ("redis+sentinel://me:secret@localhost", "the name of the primary"),
        ("redis://localhost?replicas=-1", "cannot be understood"),
    ] {
        let error = opening(url);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
        assert!(error.to_string().contains(hint) && !error.to_string().contains("secret"), "{error}");
    }
}
