//! Conditional writes of many tasks, which go to the server as one script: each has its own outcome.

mod support;

use futures::future::join_all;
use larder::{Backend, ErrorKind, Expect, Key, Result, Version, Written};
use larder_redis::Redis;
use support::{Server, data_of, open, put, record, say};

const KEYS: usize = 100;

fn keys() -> Vec<Key> {
    (0..KEYS).map(|n| Key::from(format!("key {n}"))).collect()
}

/// Writes all keys side by side, expecting these versions, while the server is not quick enough to answer one before
/// the next is asked for.
fn write(
    server: &Server,
    store: &Redis,
    rev: u64,
    data: &[u8],
    versions: &[Version],
) -> Vec<Result<Written>> {
    let keys = keys();
    say::<()>(&mut server.bare(0), &["CLIENT", "PAUSE", "20"]);
    let replies = keys.iter().zip(versions).map(|(key, version)| {
        store.write(key, record(key, rev, data.to_vec()), Expect::Version(version.clone()))
    });
    smol::block_on(join_all(replies.collect::<Vec<_>>()))
}

fn version(written: &Result<Written>) -> Version {
    match written {
        Ok(Written::Done(version)) => version.clone(),
        other => panic!("{other:?}"),
    }
}

/// How often the server has run a script.
fn scripts(server: &Server) -> usize {
    let stats: String = say(&mut server.bare(0), &["INFO", "commandstats"]);
    let calls = |name: &str| {
        let calls = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
        calls.map_or(0, |calls| calls.split(',').next().unwrap().parse::<usize>().unwrap())
    };
    calls("evalsha") + calls("eval")
}

/// Writes until some have become one: the driver writes when it runs, so how many do is chance.
fn until_joined(server: &Server, store: &Redis, rev: &mut u64, mut versions: Vec<Version>) -> Vec<Version> {
    loop {
        *rev += 1;
        let before = scripts(server);
        versions = write(server, store, *rev, b"new", &versions).iter().map(version).collect();
        if scripts(server) - before < KEYS {
            return versions;
        }
    }
}

#[test]
fn writes_side_by_side_have_their_own_outcomes() {
    let server = Server::start(&[]);
    let mut bare = server.bare(0);
    let store = open(&server.unix(0));
    let mut versions: Vec<Version> = keys().iter().map(|key| version(&put(&store, key, 1, "old"))).collect();

    let mut rev = 1;
    versions = until_joined(&server, &store, &mut rev, versions);
    // Some have been written meanwhile, one is gone, one is none of ours.
    let (written, gone, foreign) = (7, 50, 93);
    for n in [written, written + 10] {
        put(&open(&server.unix(0)), &keys()[n], rev + 7, "theirs").unwrap();
    }
    store.remove(&keys()[gone], Expect::Any).wait().unwrap();
    let name = format!("larder/key {foreign}");
    say::<()>(&mut bare, &["DEL", &name]);
    say::<()>(&mut bare, &["RPUSH", &name, "a"]);
    let outcomes = write(&server, &store, rev + 1, b"third", &versions);
    for (n, outcome) in outcomes.iter().enumerate() {
        let others = [written, written + 10, gone, foreign].contains(&n);
        match outcome {
            Ok(Written::Done(_)) => assert!(!others, "{n}"),
            Ok(Written::Unmet) => assert!(others, "{n}"),
            Err(error) => assert!(n == foreign && error.kind() == ErrorKind::Corrupt, "{n}: {error}"),
        }
        if ![gone, foreign].contains(&n) {
            let expected: &[u8] = if others { b"theirs" } else { b"third" };
            assert_eq!(&smol::block_on(data_of(&store, &keys()[n])).unwrap().unwrap()[..], expected, "{n}");
        }
    }
    assert_eq!(say::<u64>(&mut bare, &["LLEN", &name]), 1, "what is none of ours stays as it is");
}

#[test]
fn a_full_server_refuses_each_of_them() {
    let server = Server::start(&[]);
    let mut bare = server.bare(0);
    let store = open(&server.unix(0));
    let mut rev = 1;
    let versions = keys().iter().map(|key| version(&put(&store, key, 1, "old"))).collect();
    let versions = until_joined(&server, &store, &mut rev, versions);
    say::<()>(&mut bare, &["CONFIG", "SET", "maxmemory", "1"]);
    loop {
        let before = scripts(&server);
        for outcome in write(&server, &store, rev + 1, b"refused", &versions) {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Full);
        }
        if scripts(&server) - before < KEYS {
            break;
        }
    }
    say::<()>(&mut bare, &["CONFIG", "SET", "maxmemory", "0"]);
    for key in keys() {
        assert_eq!(&smol::block_on(data_of(&store, &key)).unwrap().unwrap()[..], b"new");
    }
    let outcomes = write(&server, &store, rev + 1, b"room", &versions);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Written::Done(_)))));
}

#[test]
fn a_server_that_forgot_the_scripts_is_given_them_again() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let mut rev = 1;
    let versions = keys().iter().map(|key| version(&put(&store, key, 1, "old"))).collect();
    let versions = until_joined(&server, &store, &mut rev, versions);
    say::<()>(&mut server.bare(0), &["SCRIPT", "FLUSH"]);
    let versions: Vec<Version> =
        write(&server, &store, rev + 1, b"new", &versions).iter().map(version).collect();
    until_joined(&server, &store, &mut rev, versions);
}
