//! Records that are too long to be arguments of a script: they are sent aside and put in place in one trip, and
//! nothing of that remains.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::thread;

use larder::{Backend, ErrorKind, Expect, Key, Part, Version, Written};
use larder_redis::Redis;
use support::proxy::Proxy;
use support::{Server, data_of, open, put, record, say};

/// Longer than an argument may be, shorter than what is built part after part.
const LONG: usize = 10 * 1024;

fn done(written: larder::Result<Written>) -> Version {
    match written.unwrap() {
        Written::Done(version) => version,
        Written::Unmet => panic!("it is told that it was not written"),
    }
}

fn data(store: &Redis, key: &Key) -> Vec<u8> {
    smol::block_on(data_of(store, key)).unwrap().unwrap().to_vec()
}

/// The record is the only thing there, but for markers, and it stays.
fn assert_nothing_else(server: &Server) {
    let names: Vec<String> = say(&mut server.bare(0), &["KEYS", "*"]);
    let names: Vec<_> = names.into_iter().filter(|name| !name.contains(":done:")).collect();
    assert_eq!(names, ["larder/ada"]);
    assert_eq!(say::<i64>(&mut server.bare(0), &["PTTL", "larder/ada"]), -1, "it expires");
}

#[test]
fn it_is_written_in_one_trip_whatever_was_there() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.socket());
    let store = open(&proxy.url());
    let key = Key::from("ada");
    let mut last = None;
    for (n, expected) in ["absent", "version", "version", "any", "any", "version"].into_iter().enumerate() {
        let expect = match (expected, last.take()) {
            ("absent", _) => Expect::Absent,
            ("version", Some(version)) => Expect::Version(version),
            _ => Expect::Any,
        };
        let bytes = vec![n as u8; LONG + n];
        let before = proxy.trips();
        last = Some(done(store.write(&key, record(&key, 1, bytes.clone()), expect).wait()));
        assert_eq!(proxy.trips() - before, 1, "{n}");
        assert_eq!(data(&store, &key), bytes);
        assert_eq!(store.read(&key, Part::Head).wait().unwrap().unwrap().version, last.clone().unwrap());
        assert_nothing_else(&server);
    }
    // And over a large one, which somebody may be reading.
    let large = done(put(&store, &key, 1, vec![1; 1 << 20]));
    done(store.write(&key, record(&key, 1, vec![2; LONG]), Expect::Version(large)).wait());
    assert_eq!(data(&store, &key), vec![2; LONG]);
    assert_nothing_else(&server);
}

#[test]
fn what_is_not_as_expected_stays_and_nothing_is_left_aside() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let key = Key::from("ada");
    let first = done(put(&store, &key, 1, "first"));
    let second = done(store.write(&key, record(&key, 2, "second"), Expect::Version(first.clone())).wait());
    let long = || record(&key, 3, vec![3; LONG]);
    for expect in [Expect::Version(first), Expect::Absent] {
        assert_eq!(store.write(&key, long(), expect.clone()).wait().unwrap(), Written::Unmet, "{expect:?}");
        assert_eq!(data(&store, &key), b"second");
        assert_nothing_else(&server);
    }
    say::<()>(&mut server.bare(0), &["CONFIG", "SET", "maxmemory", "1"]);
    for expect in [Expect::Version(second), Expect::Any] {
        let error = store.write(&key, long(), expect).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert_eq!(data(&store, &key), b"second");
        assert_nothing_else(&server);
    }
    // What is no record at all is replaced by whoever expects nothing.
    say::<()>(&mut server.bare(0), &["CONFIG", "SET", "maxmemory", "0"]);
    say::<()>(&mut server.bare(0), &["DEL", "larder/ada"]);
    say::<()>(&mut server.bare(0), &["RPUSH", "larder/ada", "x"]);
    assert_eq!(store.write(&key, long(), Expect::Absent).wait().unwrap(), Written::Unmet);
    done(store.write(&key, long(), Expect::Any).wait());
    assert_eq!(data(&store, &key), vec![3; LONG]);
    assert_nothing_else(&server);
}

#[test]
fn a_server_that_forgot_the_script_is_sent_it() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let key = Key::from("ada");
    let mut last = done(put(&store, &key, 1, "x"));
    for n in 1..4 {
        say::<()>(&mut server.bare(0), &["SCRIPT", "FLUSH"]);
        last = done(store.write(&key, record(&key, 1, vec![n; LONG]), Expect::Version(last)).wait());
        assert_eq!(data(&store, &key), vec![n; LONG]);
    }
    say::<()>(&mut server.bare(0), &["SCRIPT", "FLUSH"]);
    done(store.write(&key, record(&key, 1, vec![9; LONG]), Expect::Any).wait());
    assert_eq!(data(&store, &key), vec![9; LONG]);
    assert_nothing_else(&server);
}

/// Writes, and loses the answer; then somebody else acts, and only then the store can ask again.
fn meanwhile(blind: bool, act: impl FnOnce(&Redis, &Key)) -> (Server, Redis, larder::Result<Written>) {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.socket());
    let (store, other) = (open(&(proxy.url() + "?deadline=60000")), open(&server.unix(0)));
    let key = Key::from("ada");
    let before = done(put(&store, &key, 1, "before"));
    let expect = if blind { Expect::Any } else { Expect::Version(before) };
    proxy.hold(true);
    proxy.lose_next();
    let write = store.write(&key, record(&key, 2, vec![2; LONG]), expect);
    let writing = thread::spawn(move || write.wait());
    proxy.wait_for_lost(1);
    assert_eq!(data(&other, &key), vec![2; LONG], "it has happened");
    act(&other, &key);
    proxy.hold(false);
    (server, other, writing.join().unwrap())
}

#[test]
fn if_its_answer_is_lost_it_has_happened_once_and_says_so() {
    for blind in [false, true] {
        let (server, other, written) = meanwhile(blind, |_, _| {});
        let version = done(written);
        assert_eq!(other.read(&"ada".into(), Part::Head).wait().unwrap().unwrap().version, version);
        assert_eq!(data(&other, &"ada".into()), vec![2; LONG]);
        assert_nothing_else(&server);
    }
}

#[test]
fn if_its_answer_is_lost_it_is_not_repeated_over_what_came_after_it() {
    for blind in [false, true] {
        let (server, other, written) = meanwhile(blind, |other, key| _ = done(put(other, key, 3, "theirs")));
        match written {
            Ok(written) => assert!(blind && written != Written::Unmet),
            Err(error) => assert!(!blind && error.is_ambiguous(), "{error}"),
        }
        assert_eq!(data(&other, &"ada".into()), b"theirs");
        assert_nothing_else(&server);
    }
}

/// What was refused is only that it is sent aside once more.
#[test]
fn if_the_server_is_full_when_it_is_asked_again_it_has_happened_all_the_same() {
    for blind in [false, true] {
        let server = Server::start(&[]);
        let proxy = Proxy::start(server.socket());
        let store = open(&(proxy.url() + "?deadline=60000"));
        let key = Key::from("ada");
        let before = done(put(&store, &key, 1, "before"));
        let expect = if blind { Expect::Any } else { Expect::Version(before) };
        proxy.hold(true);
        proxy.lose_next();
        let write = store.write(&key, record(&key, 2, vec![2; LONG]), expect);
        let writing = thread::spawn(move || write.wait());
        proxy.wait_for_lost(1);
        say::<()>(&mut server.bare(0), &["CONFIG", "SET", "maxmemory", "1"]);
        proxy.hold(false);
        let version = done(writing.join().unwrap());
        assert_eq!(store.read(&key, Part::Head).wait().unwrap().unwrap().version, version);
        assert_nothing_else(&server);
    }
}
