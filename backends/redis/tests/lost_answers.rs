//! Answers that are lost on the way: the operation has happened, the connection is gone, and the store
//! finds out which it is instead of doing it twice or giving up.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::thread;

use larder::{Backend, Batch, Error, ErrorKind, Expect, Key, Larder, Part, Removed, Write, Written};
use larder_redis::Redis;
use support::proxy::Proxy;
use support::{Server, data_of, open, put, record};

struct Scene {
    server: Server,
    proxy: Proxy,
    store: Redis,
    /// Another client, whose connection nobody cuts.
    other: Redis,
}

fn scene() -> Scene {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.socket());
    let store = open(&(proxy.url() + "?deadline=60000"));
    let other = open(&server.unix(0));
    // So that the scripts are loaded and the connection for large records is there.
    put(&store, &"warm".into(), 1, vec![1; 700_000]).unwrap();
    smol::block_on(data_of(&store, &"warm".into())).unwrap();
    Scene { server, proxy, store, other }
}

fn version(store: &Redis, key: &Key) -> Expect {
    Expect::Version(store.read(key, Part::Head).wait().unwrap().unwrap().version)
}

fn done(written: larder::Result<Written>) -> Expect {
    match written.unwrap() {
        Written::Done(version) => Expect::Version(version),
        Written::Unmet => panic!("the write happened, and is told that it did not"),
    }
}

#[test]
fn a_write_whose_answer_is_lost_has_happened_once_and_says_so() {
    let Scene { server: _server, proxy, store, other } = scene();
    let key = Key::from("ada");
    let mut lost = 0;
    let mut lose = || {
        proxy.lose_next();
        lost += 1;
        lost
    };
    lose();
    let first = done(store.write(&key, record(&key, 1, "one"), Expect::Absent).wait());
    lose();
    let second = done(store.write(&key, record(&key, 2, "two"), first).wait());
    lose();
    let third = done(store.write(&key, record(&key, 3, "three"), Expect::Any).wait());
    assert_ne!(second, third);
    let count = lose();
    // Of a large record the answer to its last part but one, and then that of the commit.
    let large = store.write(&key, record(&key, 4, vec![4; 600_000]), third).wait();
    let fourth = done(large);
    proxy.wait_for_lost(count);
    assert_eq!(fourth, version(&other, &key), "the version is the one that is there");
    assert_eq!(smol::block_on(data_of(&other, &key)).unwrap().unwrap(), vec![4; 600_000]);
}

#[test]
fn a_removal_whose_answer_is_lost_is_told_that_it_removed() {
    let Scene { server: _server, proxy, store, other } = scene();
    let key = Key::from("ada");
    for conditional in [false, true] {
        let written = done(put(&store, &key, 1, "one"));
        proxy.lose_next();
        let expect = if conditional { written } else { Expect::Any };
        assert_eq!(store.remove(&key, expect).wait().unwrap(), Removed::Done);
        assert!(other.read(&key, Part::Head).wait().unwrap().is_none());
    }
    assert_eq!(store.remove(&key, Expect::Any).wait().unwrap(), Removed::Absent);
}

#[test]
fn a_batch_whose_answer_is_lost_is_told_what_it_found() {
    let Scene { server: _server, proxy, store, other } = scene();
    let keys = ["a", "b", "c"].map(Key::from);
    done(put(&store, &keys[0], 1, "old"));
    done(put(&store, &keys[2], 1, "old"));
    let write = |key: &Key, data: Option<&'static str>, expect| Write {
        key: key.clone(),
        record: data.map(|data| record(key, 2, data)),
        expect,
    };
    proxy.lose_next();
    let batch = vec![
        write(&keys[0], Some("new"), Expect::Any),
        write(&keys[1], Some("new"), Expect::Absent),
        write(&keys[2], None, Expect::Any),
    ];
    assert_eq!(store.write_batch(batch).wait().unwrap(), Batch::Done(vec![true, false, true]));
    for (key, there) in keys.iter().zip([Some("new"), Some("new"), None]) {
        let data = smol::block_on(data_of(&other, key)).unwrap();
        assert_eq!(data.as_deref(), there.map(str::as_bytes));
    }
}

/// Sends a write, loses its answer, lets the other client act, and only then lets the store ask again.
fn meanwhile(scene: &Scene, expect: Expect, act: impl FnOnce()) -> Result<Written, Error> {
    let key = Key::from("ada");
    scene.proxy.hold(true);
    scene.proxy.lose_next();
    let write = scene.store.write(&key, record(&key, 2, "ours"), expect);
    let writing = thread::spawn(move || write.wait());
    scene.proxy.wait_for_lost(1);
    act();
    scene.proxy.hold(false);
    writing.join().unwrap()
}

#[test]
fn a_write_that_was_written_over_before_it_could_be_settled_is_ambiguous() {
    let scene = scene();
    let key = Key::from("ada");
    let before = done(put(&scene.other, &key, 1, "before"));
    let error = meanwhile(&scene, before, || {
        assert_eq!(&smol::block_on(data_of(&scene.other, &key)).unwrap().unwrap()[..], b"ours");
        done(put(&scene.other, &key, 3, "theirs"));
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
    assert_eq!(&smol::block_on(data_of(&scene.other, &key)).unwrap().unwrap()[..], b"theirs");
}

#[test]
fn a_blind_write_is_not_repeated_over_what_came_after_it() {
    let scene = scene();
    let key = Key::from("ada");
    let written = meanwhile(&scene, Expect::Any, || {
        done(put(&scene.other, &key, 3, "theirs")).clone_into(&mut Expect::Any)
    });
    done(written);
    assert_eq!(&smol::block_on(data_of(&scene.other, &key)).unwrap().unwrap()[..], b"theirs");
}

/// Asked for again at the last moment of the deadline, a marker must still be there.
#[test]
fn a_marker_outlives_everybody_who_may_ask_for_it() {
    let server = Server::start(&[]);
    let (hour, key) = (3_600_000, Key::from("ada"));
    let store = open(&(server.unix(0) + &format!("&deadline={hour}")));
    let mut bare = server.bare(0);
    let mut markers = |before: usize| {
        let names: Vec<String> = support::say(&mut bare, &["KEYS", "larder/~*:done:*"]);
        assert_eq!(names.len(), before + 1, "one more than before");
        for name in &names {
            assert!(support::say::<i64>(&mut bare, &["PTTL", name]) > hour, "{name}");
        }
        names.len()
    };
    put(&store, &key, 1, "x").unwrap();
    let count = markers(0);
    assert_eq!(store.remove(&key, Expect::Any).wait().unwrap(), Removed::Done);
    let count = markers(count);
    let write = Write { key: key.clone(), record: Some(record(&key, 1, "y")), expect: Expect::Any };
    assert_eq!(store.write_batch(vec![write]).wait().unwrap(), Batch::Done(vec![false]));
    markers(count);
}

/// Two clients that read the same state and add one to it in the same millisecond write the same head, down
/// to its checksums: a client that took a record like its own for its own would lose an update.
#[test]
fn a_record_that_looks_like_ours_is_not_taken_for_ours() {
    let scene = scene();
    let key = Key::from("ada");
    let before = done(put(&scene.other, &key, 1, "before"));
    let twin = before.clone();
    scene.proxy.hold(true);
    // The connection breaks before the server has seen the write.
    let mut bare = scene.server.bare(0);
    support::say::<()>(&mut bare, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let write = scene.store.write(&key, record(&key, 2, "same"), before);
    let writing = thread::spawn(move || write.wait());
    done(scene.other.write(&key, record(&key, 2, "same"), twin).wait());
    scene.proxy.hold(false);
    match writing.join().unwrap() {
        Ok(written) => assert_eq!(written, Written::Unmet, "the record is somebody else's"),
        Err(error) => assert!(error.is_ambiguous(), "{error}"),
    }
}

#[test]
fn an_update_through_the_map_survives_a_lost_answer() {
    let Scene { server: _server, proxy, store, other } = scene();
    let larder = Larder::new(store);
    for n in 1..=5u64 {
        if n % 2 == 0 {
            proxy.lose_next();
        }
        let update = larder.update_in("visits", |n: Option<u64>| n.unwrap_or(0) + 1);
        assert_eq!(smol::block_on(update).unwrap().1, n);
    }
    assert_eq!(smol::block_on(Larder::new(other).get::<u64>("visits")).unwrap(), Some(5));
}
