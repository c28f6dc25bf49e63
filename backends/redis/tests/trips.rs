//! How many round trips an operation takes, and how much comes back: counted by a relay in between.

mod support;

use larder::{Backend, ByteRange, Expect, Key, Larder, Part};
use larder_redis::Redis;
use support::proxy::Proxy;
use support::{Server, open, put, record, whole};

fn scene() -> (Server, Proxy, Redis) {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.socket());
    let store = open(&proxy.url());
    // The connection for large records is made when it is first needed.
    put(&store, &"large".into(), 1, vec![7; 2 << 20]).unwrap();
    (server, proxy, store)
}

/// The trips that this took.
fn trips<T>(proxy: &Proxy, operation: impl FnOnce() -> T) -> (usize, T) {
    let before = proxy.trips();
    let answer = operation();
    (proxy.trips() - before, answer)
}

#[test]
fn reads_writes_and_removals_take_one_trip() {
    let (_server, proxy, store) = scene();
    let key = Key::from("ada");
    let (count, written) = trips(&proxy, || store.write(&key, record(&key, 1, "x"), Expect::Absent).wait());
    let larder::Written::Done(version) = written.unwrap() else { panic!() };
    assert_eq!(count, 1, "a write that expects absence");
    for part in [Part::All, Part::Head, Part::Range(ByteRange::new(0..1).unwrap())] {
        assert_eq!(trips(&proxy, || store.read(&key, part).wait().unwrap().unwrap()).0, 1, "{part:?}");
    }
    let nobody = Key::from("nobody");
    assert_eq!(trips(&proxy, || store.read(&nobody, Part::All).wait().unwrap()).0, 1, "what is absent");
    let expect = Expect::Version(version);
    assert_eq!(trips(&proxy, || store.write(&key, record(&key, 2, "y"), expect).wait().unwrap()).0, 1);
    assert_eq!(trips(&proxy, || store.write(&key, record(&key, 3, "z"), Expect::Any).wait().unwrap()).0, 1);
    assert_eq!(trips(&proxy, || store.remove(&key, Expect::Any).wait().unwrap()).0, 1);
    let largest = vec![1; 500_000];
    assert_eq!(trips(&proxy, || put(&store, &key, 4, largest).unwrap()).0, 1, "half a mebibyte");
    assert_eq!(trips(&proxy, || store.read(&key, Part::All).wait().unwrap().unwrap()).0, 1);
}

/// Where reads have found something for long they do not ask whether there is anything; one of what is absent asks
/// again then, and the next ones ask for both at once.
#[test]
fn a_read_that_finds_nothing_takes_a_second_trip_only_after_many_that_found_something() {
    let (server, proxy, store) = scene();
    let (ada, nobody) = (Key::from("ada"), Key::from("nobody"));
    put(&store, &ada, 1, "x").unwrap();
    let asked = || {
        let stats: String = support::say(&mut server.bare(0), &["INFO", "commandstats"]);
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_exists:calls="));
        calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
    };
    let before: u64 = asked();
    for _ in 0..1000 {
        let (count, stored) = trips(&proxy, || store.read(&ada, Part::All).wait().unwrap());
        assert_eq!((count, stored.is_some()), (1, true));
    }
    assert!(asked() - before < 100, "{} of 1000 reads ask whether there is anything", asked() - before);
    for expected in [2, 1, 1] {
        let (count, stored) = trips(&proxy, || store.read(&nobody, Part::All).wait().unwrap());
        assert_eq!((count, stored.is_none()), (expected, true));
    }
    // What is empty is none of ours, and not absent, however it is asked.
    support::say::<()>(&mut server.bare(0), &["SET", "larder/empty", ""]);
    for _ in 0..2 {
        let error = store.read(&"empty".into(), Part::All).wait().unwrap_err();
        assert_eq!(error.kind(), larder::ErrorKind::Corrupt, "{error}");
        (0..100).for_each(|_| drop(store.read(&ada, Part::All).wait().unwrap()));
    }
}

#[test]
fn an_update_takes_two_trips_and_the_next_one_takes_one() {
    let (_server, proxy, store) = scene();
    let larder = Larder::new(store);
    let visit = || smol::block_on(larder.update_in("visits", |n: Option<u64>| n.unwrap_or(0) + 1)).unwrap();
    assert_eq!(trips(&proxy, visit).0, 2, "a read and a write");
    assert_eq!(trips(&proxy, visit).0, 1, "what was last written here saves the read");
    assert_eq!(trips(&proxy, || smol::block_on(larder.get::<u64>("visits")).unwrap()), (1, Some(2)));
}

#[test]
fn a_blind_assoc_takes_one_trip_and_goes_on_with_the_revision() {
    let (server, proxy, store) = scene();
    let larder = Larder::new(store);
    let other = Larder::new(open(&server.unix(0)));
    let assoc = |n: u64| smol::block_on(larder.assoc("ada", &n)).unwrap();
    let rev = || smol::block_on(larder.get_meta("ada")).unwrap().unwrap().rev();
    assert_eq!(trips(&proxy, || assoc(1)).0, 1, "where nothing is");
    assert_eq!(trips(&proxy, || assoc(2)).0, 1, "where we wrote last");
    smol::block_on(larder.update_in("ada", |n: Option<u64>| n.unwrap() + 1)).unwrap();
    assert_eq!(trips(&proxy, || assoc(4)).0, 1, "after an update of ours");
    assert_eq!(rev(), 4);
    smol::block_on(other.assoc("ada", &5)).unwrap();
    assert!(trips(&proxy, || assoc(6)).0 <= 3, "where somebody else wrote last");
    assert_eq!((rev(), trips(&proxy, || assoc(7)).0), (6, 1));
    assert_eq!(trips(&proxy, || smol::block_on(larder.dissoc("ada")).unwrap()), (1, true));
    assert_eq!(trips(&proxy, || assoc(8)).0, 1, "where we removed");
    assert_eq!(rev(), 1);
}

/// A log that stands where a blind write guesses that nothing is goes with all of its chunks.
#[test]
fn a_log_of_another_process_is_discarded_by_a_blind_assoc() {
    let (server, _proxy, store) = scene();
    let larder = Larder::new(store);
    let other = Larder::new(open(&server.unix(0)));
    smol::block_on(async {
        other.append("log", &1).await.unwrap();
        other.append("log", &2).await.unwrap();
        larder.assoc("log", &3).await.unwrap();
        // One that we wrote, and that another process made a log of.
        larder.assoc("other", &1).await.unwrap();
        other.dissoc("other").await.unwrap();
        other.append("other", &2).await.unwrap();
        assert!(larder.dissoc("other").await.unwrap());
    });
    let names: Vec<String> = support::say(&mut server.bare(0), &["KEYS", "larder/*"]);
    let mut records: Vec<&String> = names.iter().filter(|name| !name.contains("/~{")).collect();
    records.sort();
    assert_eq!(records, ["larder/large", "larder/log"]);
}

/// konserve-redis fetches the whole value for its meta.
#[test]
fn a_head_or_a_range_brings_no_more_than_that() {
    let (_server, proxy, store) = scene();
    let large = Key::from("large");
    let before = proxy.bytes_back();
    assert!(store.read(&large, Part::Head).wait().unwrap().is_some());
    assert!(proxy.bytes_back() - before < 2048, "the head of 2 MiB");
    let before = proxy.bytes_back();
    let range = Part::Range(ByteRange::new(1_000_000..1_000_100).unwrap());
    let (count, stored) = trips(&proxy, || store.read(&large, range).wait().unwrap().unwrap());
    assert_eq!(count, 2, "a range far within");
    assert_eq!(smol::block_on(whole(stored.data)).unwrap().len(), 100);
    assert!(proxy.bytes_back() - before < 4096, "100 bytes of 2 MiB");
}

/// The compare sends nothing back that was there.
#[test]
fn a_conditional_write_brings_back_a_few_bytes() {
    let (_server, proxy, store) = scene();
    let key = Key::from("ada");
    put(&store, &key, 1, vec![1; 400_000]).unwrap();
    let version = store.read(&key, Part::Head).wait().unwrap().unwrap().version;
    let before = proxy.bytes_back();
    store.write(&key, record(&key, 2, vec![2; 400_000]), Expect::Version(version.clone())).wait().unwrap();
    assert!(proxy.bytes_back() - before < 100);
    store.write(&key, record(&key, 3, vec![3; 400_000]), Expect::Version(version)).wait().unwrap();
    assert!(proxy.bytes_back() - before < 2048, "a refusal brings the head");
}
