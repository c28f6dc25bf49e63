//! The server is killed under load, again and again. It syncs what it acknowledges, so nothing of that is
//! ever missing; and its clients find it again by themselves.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use larder::{Backend, Error, Expect, Key, Version, Written};
use larder_redis::Redis;
use support::{SYNCED, Server, data_of, open, record};

const KILLS: u64 = 20;
const WRITERS: usize = 8;

fn done(written: Result<Written, Error>) -> Version {
    match written.unwrap() {
        Written::Done(version) => version,
        Written::Unmet => panic!("nobody else writes this key"),
    }
}

#[test]
fn a_server_that_is_killed_twenty_times_loses_nothing_acknowledged() {
    let mut server = Server::start(SYNCED);
    let url = server.tcp(0) + "?durability=synced&deadline=3600000";
    let store = open(&url);
    let enough = AtomicBool::new(false);
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        for (writer, acknowledged) in acknowledged.iter().enumerate() {
            let (store, enough) = (store.clone(), &enough);
            scope.spawn(move || write_on(&store, writer, acknowledged, enough));
        }
        let sum = || acknowledged.iter().map(|count| count.load(Ordering::Acquire)).sum::<u64>();
        for _ in 0..KILLS {
            // All of them are at work when it is killed.
            let before: Vec<u64> = acknowledged.iter().map(|count| count.load(Ordering::Acquire)).collect();
            while acknowledged
                .iter()
                .zip(&before)
                .any(|(count, before)| count.load(Ordering::Acquire) < before + 5)
            {
                thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            server.restart();
        }
        let last = sum();
        while sum() < last + 100 {
            thread::sleep(Duration::from_millis(1));
        }
        enough.store(true, Ordering::Release);
    });
    for (writer, acknowledged) in acknowledged.iter().enumerate() {
        let data = smol::block_on(data_of(&store, &Key::from(writer))).unwrap().unwrap();
        let found = u64::from_be_bytes(data[..8].try_into().unwrap());
        assert_eq!(found, acknowledged.load(Ordering::Acquire), "writer {writer}");
    }
    println!(
        "{} writes acknowledged over {KILLS} kills",
        acknowledged.iter().map(|n| n.load(Ordering::Acquire)).sum::<u64>()
    );
}

/// Writes 1, 2, 3, .. under a key of its own, each on the condition that the one before is there: by the
/// ways that there are to write. No write may fail, or be taken for one that did not happen.
fn write_on(store: &Redis, writer: usize, acknowledged: &AtomicU64, enough: &AtomicBool) {
    let key = Key::from(writer);
    let mut before: Option<Version> = None;
    for n in 1u64.. {
        if enough.load(Ordering::Acquire) {
            return;
        }
        let mut data = n.to_be_bytes().to_vec();
        // Some of the writers write what is built aside.
        data.resize(if writer == 0 { 600_000 } else { 50 }, n as u8);
        let expect = match (before.take(), n % 5) {
            (_, 0) => Expect::Any,
            (Some(version), _) => Expect::Version(version),
            (None, _) => Expect::Absent,
        };
        before = Some(done(store.write(&key, record(&key, n, data), expect).wait()));
        acknowledged.store(n, Ordering::Release);
    }
}
