//! What is particular to a cluster: records of one store on several servers, slots that move, batches that
//! cannot be, and promises of the weakest.

mod support;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use larder::{Backend, Batch, Durability, ErrorKind, Expect, Key, Larder, Part, Removed, Write, Written};
use larder_redis::Redis;
use smol::stream::StreamExt;
use support::cluster::{Cluster, counts_errors, errors, wait};
use support::{Server, data_of, open, put, record, say};

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(60_000, &[]))
}

fn opening(url: &str) -> larder::Error {
    smol::block_on(Redis::open(url)).unwrap_err()
}

fn listed(store: &Redis) -> Vec<Key> {
    let mut keys: Vec<Key> = smol::block_on(store.keys(None).map(Result::unwrap).collect());
    keys.sort();
    keys
}

#[test]
fn records_are_on_all_servers_and_each_is_listed_once() {
    let (one, other) = (open(&cluster().url("prefix=spread")), open(&cluster().url("prefix=spread2")));
    let mut keys: Vec<Key> = (0..3000).map(|i| Key::from(format!("key {i}"))).collect();
    keys.extend([Key::from(7), Key::uuid([9; 16])]);
    for key in &keys {
        put(&one, key, 1, "x").unwrap();
    }
    put(&other, &"alone".into(), 1, "x").unwrap();
    keys.sort();
    assert!(listed(&one) == keys);
    assert_eq!(listed(&other), ["alone".into()]);
    for server in cluster().primaries() {
        let there: Vec<String> = say(&mut server.bare(0), &["KEYS", "spread/*"]);
        assert!(there.len() > 500, "{} of 3002 on one of three servers", there.len());
    }
    let some: Vec<_> = smol::block_on(one.keys(Some("key 29")).map(|key| key.unwrap()).collect::<Vec<_>>());
    assert_eq!(some.len(), 111);
}

#[test]
fn batches_need_a_hash_tag_in_the_prefix_and_are_refused_before_anything_is_written() {
    let store = open(&cluster().url("prefix=batches"));
    assert!(!store.capabilities().batches);
    let writes = |keys: &[&str]| -> Vec<Write> {
        let write = |key: &&str| {
            let key = Key::from(*key);
            Write { record: Some(record(&key, 1, "x")), key, expect: Expect::Any }
        };
        keys.iter().map(write).collect()
    };
    let error = store.write_batch(writes(&["a", "b", "c"])).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("hash tag"), "{error}");
    assert!(listed(&store).is_empty());
    // Not even one key: what is not claimed is not done now and then.
    assert_eq!(store.write_batch(writes(&["a"])).wait().unwrap_err().kind(), ErrorKind::Unsupported);

    let store = open(&cluster().url("prefix={batches}"));
    assert!(store.capabilities().batches);
    let all = store.write_batch(writes(&["a", "b", "c"])).wait().unwrap();
    assert_eq!(all, Batch::Done(vec![false; 3]));
    assert_eq!(listed(&store), ["a", "b", "c"].map(Key::from));
    let slot = cluster().slot("batches");
    let holder = &cluster().servers[cluster().holder(slot)];
    let there: u64 = say(&mut holder.bare(0), &["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]);
    assert!(there >= 3, "{there} in the slot of the tag");
}

#[test]
fn scripts_that_a_server_forgot_are_sent_to_that_server() {
    let store = open(&cluster().url("prefix=scripts"));
    for round in 0..2 {
        for server in cluster().primaries() {
            say::<()>(&mut server.bare(0), &["SCRIPT", "FLUSH"]);
        }
        for n in 0..20u64 {
            let key = Key::from(n);
            put(&store, &key, round, if n == 3 { vec![1; 700_000] } else { vec![1; 10] }).unwrap();
            assert!(smol::block_on(data_of(&store, &key)).unwrap().is_some());
        }
    }
}

#[test]
fn the_promise_is_that_of_the_weakest_server_and_names_it() {
    let cluster = Cluster::start(60_000, support::SYNCED);
    let url = cluster.url("durability=synced");
    assert_eq!(open(&url).capabilities().durability, Durability::Synced);
    let weak = &cluster.primaries()[1];
    say::<()>(&mut weak.bare(0), &["CONFIG", "SET", "appendfsync", "no"]);
    let store = open(&cluster.url(""));
    assert_eq!(store.capabilities().durability, Durability::Flushed);
    put(&store, &"ada".into(), 1, "x").unwrap();
    store.sync().wait().unwrap();
    let error = opening(&url);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains(&format!(":{}: ", weak.port)), "{error}");
    assert!(error.to_string().contains("appendfsync always"), "{error}");
}

#[test]
fn a_cluster_and_a_server_are_not_taken_for_each_other() {
    let single = Server::start(&[]);
    let url = single.tcp(0).replace("redis:", "redis-cluster:");
    let error = opening(&url);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("redis:"), "{error}");
    let error = opening(&format!("redis://127.0.0.1:{}", cluster().servers[0].port));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("redis-cluster:"), "{error}");
    let error = opening(&format!("redis-cluster://127.0.0.1:{}?deadline=200", support::free_port()));
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut), "{error}");
    // Any server that is reached tells of the others.
    let dead = support::free_port();
    let url = format!("redis-cluster://127.0.0.1:{dead},127.0.0.1:{}", cluster().servers[4].port);
    put(&open(&url), &"ada".into(), 1, "x").unwrap();
}

#[test]
fn a_write_that_too_few_replicas_confirm_says_that_it_happened_and_is_not_safe() {
    let cluster = Cluster::start(60_000, &[]);
    let error = opening(&cluster.url("replicas=2&deadline=300"));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("2 replicas") && error.to_string().contains("has 1"), "{error}");
    let store = open(&cluster.url("replicas=1&deadline=2000"));
    let keys: Vec<Key> = (0..8).map(Key::from).collect();
    for key in &keys {
        put(&store, key, 1, "one").unwrap();
    }
    for replica in &cluster.servers[3..] {
        replica.signal("-STOP");
    }
    for key in &keys[..2] {
        let error = put(&store, key, 2, "two").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
        // It happened, and reads wait for nobody.
        assert_eq!(&smol::block_on(data_of(&store, key)).unwrap().unwrap()[..], b"two");
    }
    for replica in &cluster.servers[3..] {
        replica.signal("-CONT");
    }
    let store = open(&cluster.url("replicas=1&deadline=60000"));
    for key in &keys {
        put(&store, key, 3, "three").unwrap();
        assert_eq!(store.remove(key, Expect::Any).wait().unwrap(), Removed::Done);
    }
    let large = Key::from("large");
    put(&store, &large, 1, vec![1; 700_000]).unwrap();
    assert_eq!(smol::block_on(data_of(&store, &large)).unwrap().unwrap(), vec![1; 700_000]);
}

#[test]
fn with_durability_synced_a_replica_has_synced_where_the_server_can_tell() {
    let cluster = Cluster::start(60_000, support::SYNCED);
    let store = open(&cluster.url("replicas=1&durability=synced&deadline=60000"));
    for n in 0..20u64 {
        put(&store, &Key::from(n), 1, "x").unwrap();
    }
    for server in cluster.primaries() {
        let mut bare = server.bare(0);
        let version: String = say(&mut bare, &["INFO", "server"]);
        let version = version.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap();
        let numbers: Vec<u32> = version.trim().split('.').map_while(|n| n.parse().ok()).collect();
        let stats: String = say(&mut bare, &["INFO", "commandstats"]);
        let expected = if numbers >= vec![7, 2] { "cmdstat_waitaof:" } else { "cmdstat_wait:" };
        assert!(stats.contains(expected), "{version}: {stats}");
    }
}

/// Moves a slot to another primary: `between` runs while its keys are there already and it is not yet.
fn move_slot(cluster: &Cluster, slot: u16, to: usize, between: impl FnOnce(&mut redis::Connection)) {
    let from = cluster.holder(slot);
    let (source, target) = (&cluster.servers[from], &cluster.servers[to]);
    let (mut at_source, mut at_target) = (source.bare(0), target.bare(0));
    let id = |connection: &mut redis::Connection| say::<String>(connection, &["CLUSTER", "MYID"]);
    let (source_id, target_id, slot) = (id(&mut at_source), id(&mut at_target), slot.to_string());
    say::<()>(&mut at_target, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id]);
    say::<()>(&mut at_source, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id]);
    let migrate = |at_source: &mut redis::Connection| loop {
        let keys: Vec<Vec<u8>> = say(at_source, &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
        if keys.is_empty() {
            return;
        }
        let mut cmd = redis::cmd("MIGRATE");
        cmd.arg("127.0.0.1").arg(target.port).arg("").arg(0).arg(5000).arg("KEYS").arg(keys);
        cmd.exec(at_source).unwrap();
    };
    migrate(&mut at_source);
    between(&mut at_source);
    migrate(&mut at_source);
    for server in [target, source].into_iter().chain(cluster.primaries()) {
        say::<()>(&mut server.bare(0), &["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]);
    }
}

#[test]
fn operations_carry_on_while_slots_move() {
    const WRITERS: usize = 6;
    let cluster = Cluster::start(60_000, &[]);
    let url = cluster.url("deadline=3600000");
    let keys: Vec<Key> = (0..WRITERS).map(|n| Key::from(format!("moving {n}"))).collect();
    let store = open(&url);
    for key in &keys {
        smol::block_on(Larder::new(store.clone()).assoc(key, &0u64)).unwrap();
    }
    let enough = AtomicBool::new(false);
    let acknowledged: Vec<AtomicU64> = keys.iter().map(|_| AtomicU64::new(0)).collect();
    let listings = AtomicU64::new(0);
    thread::scope(|scope| {
        for (key, acknowledged) in keys.iter().zip(&acknowledged) {
            let (url, enough) = (&url, &enough);
            scope.spawn(move || {
                let larder = Larder::new(open(url));
                while !enough.load(Ordering::Acquire) {
                    let update = larder.update_in(key, |n: Option<u64>| n.unwrap_or(0) + 1);
                    let (_, now) = smol::block_on(update).unwrap();
                    assert_eq!(acknowledged.fetch_add(1, Ordering::AcqRel) + 1, now);
                    assert_eq!(smol::block_on(larder.get::<u64>(key)).unwrap(), Some(now));
                }
            });
        }
        // What needs two keys at once waits until the slot has arrived.
        scope.spawn(|| {
            let key = Key::from("blind");
            for n in 1u64.. {
                if enough.load(Ordering::Acquire) {
                    break;
                }
                let written = put(&store, &key, n, "blind").unwrap();
                assert!(matches!(written, Written::Done(_)));
                assert!(store.read(&key, Part::Head).wait().unwrap().is_some());
                assert_eq!(store.remove(&key, Expect::Any).wait().unwrap(), Removed::Done);
            }
        });
        scope.spawn(|| {
            while !enough.load(Ordering::Acquire) {
                let mut found = listed(&store);
                found.retain(|key| keys.contains(key));
                assert_eq!(found, keys, "each of them once");
                listings.fetch_add(1, Ordering::AcqRel);
            }
        });
        for round in 1..=3 {
            for name in keys.iter().filter_map(Key::as_text).chain(["blind"]) {
                let slot = cluster.slot(&format!("larder/{name}"));
                let from = cluster.holder(slot);
                let mut moved = None;
                move_slot(&cluster, slot, (from + round % 2 + 1) % 3, |source| {
                    if name != "blind" && counts_errors(source) {
                        let before = errors(source, "ASK");
                        wait(|| errors(source, "ASK") > before);
                        moved = Some(errors(source, "MOVED"));
                    }
                });
                // The writer learns of it from the server that had the slot.
                if let Some(before) = moved {
                    let mut source = cluster.servers[from].bare(0);
                    wait(|| errors(&mut source, "MOVED") > before);
                }
            }
            let before = listings.load(Ordering::Acquire);
            wait(|| listings.load(Ordering::Acquire) > before);
        }
        enough.store(true, Ordering::Release);
    });
    for (key, acknowledged) in keys.iter().zip(&acknowledged) {
        let found = smol::block_on(Larder::new(store.clone()).get::<u64>(key)).unwrap();
        assert_eq!(found, Some(acknowledged.load(Ordering::Acquire)));
    }
    let (asked, moved, again) = (cluster.errors("ASK"), cluster.errors("MOVED"), cluster.errors("TRYAGAIN"));
    println!("{asked} asked, {moved} moved, {again} tried again, {listings:?} listings");
    assert!(asked > 0 && moved > 0 || !counts_errors(&mut cluster.servers[0].bare(0)));
}
