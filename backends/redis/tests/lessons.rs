//! What other stores on Redis got wrong, a test each: the nine defects of the recipe that Irmin's tutorial
//! gives for such a backend, and the weaknesses of konserve-redis. Some of the latter stand in `trips`,
//! `processes` and `access`.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use larder::{Backend, Batch, ErrorKind, Expect, Key, Larder, Part, Removed, Together, Write, Written};
use larder_redis::Redis;
use smol::stream::StreamExt;
use support::{Server, data_of, open, put, record, say};

fn listed(store: &Redis) -> Vec<String> {
    let keys: Vec<Key> = smol::block_on(store.keys(None).map(Result::unwrap).collect());
    let mut names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    names.sort();
    names
}

/// How often the server has run this command, within scripts too.
fn calls(server: &Server, command: &str) -> u64 {
    let stats: String = say(&mut server.bare(0), &["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn batch_of(keys: &[Key]) -> Vec<Write> {
    let write =
        |key: &Key| Write { key: key.clone(), record: Some(record(key, 1, "x")), expect: Expect::Any };
    keys.iter().map(write).collect()
}

/// Defect 1: `clear` removed the name without its prefix, which is somebody else's.
#[test]
fn a_removal_leaves_a_redis_key_of_the_same_name_alone() {
    let server = Server::start(&[]);
    let store = open(&(server.unix(0) + "&prefix=root"));
    let mut bare = server.bare(0);
    say::<()>(&mut bare, &["SET", "main", "not ours"]);
    put(&store, &"main".into(), 1, "ours").unwrap();
    assert_eq!(store.remove(&"main".into(), Expect::Any).wait().unwrap(), Removed::Done);
    assert_eq!(say::<String>(&mut bare, &["GET", "main"]), "not ours");
    assert_eq!(say::<i64>(&mut bare, &["EXISTS", "root/main"]), 0);
}

/// Defects 2 and 5: a WATCH or a MULTI that was left behind spoiled what came next on its connection.
#[test]
fn nothing_is_left_on_the_connection_by_what_was_refused() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let keys: Vec<Key> = (0..10).map(Key::from).collect();
    for n in 0..20 {
        put(&store, &keys[0], n, "x").unwrap();
        let refused = store.write(&keys[0], record(&keys[0], n, "y"), Expect::Absent).wait().unwrap();
        assert_eq!(refused, Written::Unmet);
        let mut batch = batch_of(&keys);
        batch[9].expect = Expect::Version(larder::Version::new(b"another"));
        assert_eq!(store.write_batch(batch).wait().unwrap(), Batch::Unmet);
        let mut twice = batch_of(&keys);
        twice.extend(batch_of(&keys));
        assert_eq!(store.write_batch(twice).wait().unwrap_err().kind(), ErrorKind::Invalid);
        put(&store, &keys[1], n, "z").unwrap();
    }
    assert_eq!(listed(&store), ["0", "1"]);
    for command in ["watch", "unwatch", "multi", "exec", "discard"] {
        assert_eq!(calls(&server, command), 0, "{command}");
    }
}

/// Defect 3: rewriting the same value in between counted as a change.
#[test]
fn a_state_that_was_written_back_as_it_was_is_still_that_state() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let key = Key::from("ada");
    let Written::Done(version) = put(&store, &key, 1, "x").unwrap() else { panic!() };
    let mut bare = server.bare(0);
    let value: Vec<u8> = say(&mut bare, &["GET", "larder/ada"]);
    redis::cmd("SET").arg("larder/ada").arg(value).query::<()>(&mut bare).unwrap();
    let written = store.write(&key, record(&key, 2, "y"), Expect::Version(version)).wait().unwrap();
    assert!(matches!(written, Written::Done(_)));
}

/// Defect 4: within a batch, reads on the same connection answered `QUEUED`, which was taken for absence.
#[test]
fn reads_beside_a_batch_see_what_is_there() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let keys: Vec<Key> = (0..50).map(Key::from).collect();
    store.write_batch(batch_of(&keys)).wait().unwrap();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                assert_eq!(store.write_batch(batch_of(&keys)).wait().unwrap(), Batch::Done(vec![true; 50]));
            }
            ended.store(true, Ordering::Release);
        });
        while !ended.load(Ordering::Acquire) {
            for key in &keys {
                assert!(store.read(key, Part::All).wait().unwrap().is_some(), "{key}");
            }
        }
    });
}

/// Defect 6: `KEYS prefix*` took the prefix for a pattern, and kept the server from anything else.
#[test]
fn a_prefix_that_looks_like_a_pattern_is_none() {
    let server = Server::start(&[]);
    let prefixes = ["a[b]", "ab", "a*", "a?", "ax", "a", r"a\", "a/b", "", "{a}", "a^-"];
    let stores: Vec<Redis> = prefixes
        .iter()
        .map(|prefix| smol::block_on(Redis::options().prefix(*prefix).open(&server.unix(0))).unwrap())
        .collect();
    for (prefix, store) in prefixes.iter().zip(&stores) {
        put(store, &Key::from(format!("of {prefix}")), 1, "x").unwrap();
        put(store, &"common".into(), 1, "x").unwrap();
    }
    for (prefix, store) in prefixes.iter().zip(&stores) {
        let mut expected =
            vec![Key::from("common").to_string(), Key::from(format!("of {prefix}")).to_string()];
        expected.sort();
        assert_eq!(listed(store), expected, "{prefix:?}");
    }
    // Emptying one leaves the others.
    assert_eq!(stores[0].remove(&"common".into(), Expect::Any).wait().unwrap(), Removed::Done);
    assert_eq!(stores[0].remove(&"of a[b]".into(), Expect::Any).wait().unwrap(), Removed::Done);
    assert_eq!(listed(&stores[0]), Vec::<String>::new());
    assert!(stores[1..].iter().all(|store| listed(store).len() == 2));
    assert_eq!(calls(&server, "keys"), 0);
    // Listing reads no values, as konserve does to find out the keys.
    let before = calls(&server, "getrange") + calls(&server, "get");
    listed(&stores[1]);
    assert_eq!(calls(&server, "getrange") + calls(&server, "get"), before);
}

/// Defect 7: what the server answered to a write was not looked at.
#[test]
fn a_write_that_the_server_refuses_is_no_success() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let (key, other) = (Key::from("ada"), Key::from("bob"));
    put(&store, &key, 1, "x").unwrap();
    let mut bare = server.bare(0);
    say::<()>(&mut bare, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(put(&store, &key, 2, "y").unwrap_err().kind(), ErrorKind::Full);
    let absent = store.write(&other, record(&other, 1, "y"), Expect::Absent).wait();
    assert_eq!(absent.unwrap_err().kind(), ErrorKind::Full);
    let batch = store.write_batch(batch_of(&[key.clone(), other.clone()])).wait();
    assert_eq!(batch.unwrap_err().kind(), ErrorKind::Full);
    assert_eq!(&smol::block_on(data_of(&store, &key)).unwrap().unwrap()[..], b"x");
    assert_eq!(smol::block_on(data_of(&store, &other)).unwrap(), None);
}

/// Defect 8: closing one store took something from the others. And konserve's connections: a pool for every
/// opening, the one of the probe never closed.
#[test]
fn closing_a_store_closes_its_connections_and_no_others() {
    let server = Server::start(&[]);
    let (one, other) = (open(&server.unix(0)), open(&server.unix(0)));
    put(&other, &"ada".into(), 1, vec![1; 600_000]).unwrap();
    let mut bare = server.bare(0);
    let mut clients = || say::<String>(&mut bare, &["CLIENT", "LIST"]).lines().count();
    let before = clients();
    for _ in 0..20 {
        let store = open(&server.unix(0));
        put(&store, &"bob".into(), 1, vec![1; 600_000]).unwrap();
        assert_eq!(clients(), before + 2, "one connection, and one for large records");
        store.close().wait().unwrap();
        while clients() > before {}
    }
    one.close().wait().unwrap();
    while clients() >= before {}
    assert!(smol::block_on(data_of(&other, &"ada".into())).unwrap().is_some());
    put(&other, &"ada".into(), 2, "x").unwrap();
    // One that is not closed but dropped lets go too.
    drop(other);
    while clients() > 1 {}
}

/// Defect 9: compare-and-set was a read, a comparison in the client, and a write.
#[test]
fn of_two_clients_that_expect_the_same_state_one_wins() {
    let server = Server::start(&[]);
    let (one, other) = (open(&server.unix(0)), open(&server.tcp(0)));
    let key = Key::from("ada");
    let Written::Done(mut version) = put(&one, &key, 0, "x").unwrap() else { panic!() };
    for n in 0..200 {
        let write = |store: &Redis| {
            store.write(&key, record(&key, n, "y"), Expect::Version(version.clone())).wait().unwrap()
        };
        let (a, b) = thread::scope(|scope| {
            let a = scope.spawn(|| write(&one));
            let b = write(&other);
            (a.join().unwrap(), b)
        });
        version = match (a, b) {
            (Written::Done(version), Written::Unmet) | (Written::Unmet, Written::Done(version)) => version,
            both => panic!("round {n}: {both:?}"),
        };
    }
}

/// konserve-redis: a removal between EXISTS and GET was a null pointer.
#[test]
fn a_record_that_goes_while_it_is_read_is_there_or_not() {
    let server = Server::start(&[]);
    let (reader, writer) = (open(&server.unix(0)), open(&server.unix(0)));
    let key = Key::from("ada");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..300 {
                put(&writer, &key, n, if n % 3 == 0 { vec![1; 700_000] } else { vec![1; 10] }).unwrap();
                assert_eq!(writer.remove(&key, Expect::Any).wait().unwrap(), Removed::Done);
            }
            ended.store(true, Ordering::Release);
        });
        while !ended.load(Ordering::Acquire) {
            let data = smol::block_on(data_of(&reader, &key)).unwrap();
            assert!(data.is_none_or(|data| data.iter().all(|byte| *byte == 1)));
        }
    });
}

/// konserve-redis: multi-dissoc read all values and then removed them, by two commands.
#[test]
fn removing_several_entries_is_one_step_that_tells_what_was_there() {
    let server = Server::start(&[]);
    let larder = Larder::new(open(&server.unix(0)));
    smol::block_on(async {
        larder.assoc("a", &1).await.unwrap();
        larder.assoc("c", &3).await.unwrap();
        let before = (calls(&server, "evalsha"), calls(&server, "get"));
        assert_eq!(
            larder.multi_dissoc(["a", "b", "c"], Together::Atomic).await.unwrap(),
            [true, false, true]
        );
        // One script; it looks for a marker, and reads no record.
        assert_eq!((calls(&server, "evalsha"), calls(&server, "get")), (before.0 + 1, before.1 + 1));
        assert_eq!(larder.multi_get::<u64, _>(["a", "c"]).await.unwrap(), [None, None]);
    });
}

/// konserve-redis removed a store by removing everything in the database.
#[test]
fn what_others_keep_in_the_database_is_neither_listed_nor_touched() {
    let server = Server::start(&[]);
    let mut bare = server.bare(0);
    for name in ["larder", "larder:ada", "Larder/ada", "xlarder/ada", "lardeR/x"] {
        say::<()>(&mut bare, &["SET", name, "theirs"]);
    }
    let store = open(&server.unix(0));
    put(&store, &"ada".into(), 1, "x").unwrap();
    assert_eq!(listed(&store), ["\"ada\""]);
    store.remove(&"ada".into(), Expect::Any).wait().unwrap();
    let left: Vec<String> = say(&mut bare, &["KEYS", "*"]);
    assert_eq!(left.iter().filter(|name| !name.contains("~{")).count(), 5);
}
