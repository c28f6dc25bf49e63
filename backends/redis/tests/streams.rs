//! Large records: what is on the server while they come and go, and what a reader or a writer who stops
//! half-way leaves there.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use larder::{
    Backend, Bytes, Clock, Data, ErrorKind, Expect, Key, Kind, Meta, Part, RealClock, Record, Timestamp,
    Written,
};
use larder_redis::Redis;
use smol::stream::{self, StreamExt};
use support::{Server, open, put, record, say, whole};

const LARGE: usize = 3 << 20;

/// The names of the store's own that serve this purpose.
fn own(server: &Server, purpose: &str) -> Vec<String> {
    let names: Vec<String> = say(&mut server.bare(0), &["KEYS", "larder/~*"]);
    names.into_iter().filter(|name| name.contains(&format!("}}:{purpose}:"))).collect()
}

fn ms_to_live(server: &Server, name: &str) -> i64 {
    say(&mut server.bare(0), &["PTTL", name])
}

fn streamed(key: &Key, chunks: impl stream::Stream<Item = larder::Result<Bytes>> + Send + 'static) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1));
    Record::streamed(&meta, chunks.boxed()).unwrap()
}

#[test]
fn an_upload_expires_unless_it_is_finished() {
    let server = Server::start(&[]);
    let store = open(&(server.unix(0) + "&hold=50000"));
    let key = Key::from("ada");
    let chunks = stream::iter([Ok(Bytes::from(vec![7; LARGE]))]).chain(stream::pending());
    let mut writing = Box::pin(store.write(&key, streamed(&key, chunks), Expect::Any));
    smol::block_on(async {
        while own(&server, "up").is_empty() {
            _ = smol::future::poll_once(&mut writing).await;
            smol::future::yield_now().await;
        }
    });
    let left = ms_to_live(&server, &own(&server, "up")[0]);
    assert!((1..=50_000).contains(&left), "it would live for {left} ms");
    assert!(smol::block_on(store.keys(None).next()).is_none(), "nobody sees it");
    drop(writing);
    // Another one, which is finished, leaves nothing and lives for ever.
    put(&store, &key, 1, vec![8; LARGE]).unwrap();
    assert_eq!(ms_to_live(&server, "larder/ada"), -1);
    assert_eq!(own(&server, "up").len(), 1);
    let done = own(&server, "done");
    assert!(!done.is_empty() && done.iter().all(|name| ms_to_live(&server, name) > 0));
}

#[test]
fn an_upload_that_fails_or_is_refused_is_removed() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let key = Key::from("ada");
    put(&store, &key, 1, "there").unwrap();
    let error = larder::Error::new(ErrorKind::Io, "the source broke");
    let chunks = stream::iter([Ok(Bytes::from(vec![7; LARGE])), Err(error)]);
    assert!(store.write(&key, streamed(&key, chunks), Expect::Any).wait().is_err());
    assert_eq!(own(&server, "up"), Vec::<String>::new());
    let refused = store.write(&key, record(&key, 2, vec![7; LARGE]), Expect::Absent).wait().unwrap();
    assert_eq!(refused, Written::Unmet);
    assert_eq!(own(&server, "up"), Vec::<String>::new());
}

#[test]
fn a_large_record_is_held_for_its_readers_only_and_only_for_a_while() {
    let server = Server::start(&[]);
    let store = open(&(server.unix(0) + "&hold=50000"));
    let key = Key::from("ada");
    put(&store, &key, 1, vec![1; LARGE]).unwrap();
    put(&store, &key, 2, vec![2; LARGE]).unwrap();
    assert_eq!(own(&server, "held"), Vec::<String>::new(), "nobody was reading");
    let stored = store.read(&key, Part::All).wait().unwrap().unwrap();
    assert_eq!(own(&server, "read").len(), 1);
    for (rev, data) in [(3, vec![3; LARGE]), (4, vec![4; 10])] {
        put(&store, &key, rev, data).unwrap();
        let held = own(&server, "held");
        assert_eq!(held.len(), 1, "the state that is being read");
        assert!((1..=50_000).contains(&ms_to_live(&server, &held[0])));
    }
    assert!(smol::block_on(whole(stored.data)).unwrap() == vec![2; LARGE]);
    assert_eq!(ms_to_live(&server, "larder/ada"), -1);
}

#[test]
fn a_reader_who_paused_for_too_long_is_told_so() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let key = Key::from("ada");
    put(&store, &key, 1, vec![1; LARGE]).unwrap();
    let stored = store.read(&key, Part::All).wait().unwrap().unwrap();
    put(&store, &key, 2, "new").unwrap();
    // As if its time were over.
    say::<i64>(&mut server.bare(0), &["DEL", &own(&server, "held")[0]]);
    let error = smol::block_on(whole(stored.data)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("read it again"), "{error}");
}

#[test]
fn a_large_record_that_is_cut_off_is_corrupt() {
    let server = Server::start(&[]);
    let store = open(&server.unix(0));
    let key = Key::from("ada");
    put(&store, &key, 1, vec![1; LARGE]).unwrap();
    let mut bare = server.bare(0);
    let value: Vec<u8> = say(&mut bare, &["GET", "larder/ada"]);
    redis::cmd("SET").arg("larder/ada").arg(&value[..LARGE - 100]).query::<()>(&mut bare).unwrap();
    let read = async {
        let stored = store.read(&key, Part::All).await?.unwrap();
        whole(stored.data).await
    };
    assert_eq!(smol::block_on(read).unwrap_err().kind(), ErrorKind::Corrupt);
    let range = Part::Range(larder::ByteRange::new((LARGE - 50) as u64..).unwrap());
    assert_eq!(store.read(&key, range).wait().unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(store.read(&key, Part::Head).wait().unwrap().is_some());
}

/// The real clock, on which long pauses are short.
#[derive(Debug)]
struct Hasty(RealClock);

impl Clock for Hasty {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        // The pause of an upload that waits for its source; all deadlines here are longer.
        let is_pause = time < Duration::from_secs(60);
        self.0.sleep(if is_pause { Duration::from_millis(2) } else { time })
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

#[test]
fn an_upload_whose_source_pauses_is_kept_alive() {
    let server = Server::start(&[]);
    let options = Redis::options().clock(Arc::new(Hasty(RealClock))).deadline(Duration::from_secs(3600));
    let store = smol::block_on(options.hold(Duration::from_secs(90)).open(&server.unix(0))).unwrap();
    let key = Key::from("ada");
    let (resume, paused) = futures::channel::oneshot::channel::<()>();
    let first = stream::iter([Ok(Bytes::from(vec![7; LARGE]))]);
    let rest = futures::stream::once(async {
        _ = paused.await;
        Ok(Bytes::from_static(b"end"))
    });
    let write = store.write(&key, streamed(&key, first.chain(rest)), Expect::Absent);
    let writing = std::thread::spawn(move || write.wait());
    while own(&server, "up").is_empty() {}
    let upload = own(&server, "up").remove(0);
    // Set to expire much later, it comes back to what the store gives it as long as the store cares.
    loop {
        say::<i64>(&mut server.bare(0), &["PEXPIRE", &upload, "10000000"]);
        if (1..=90_000).contains(&ms_to_live(&server, &upload)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        if (1..=90_000).contains(&ms_to_live(&server, &upload)) {
            break;
        }
    }
    resume.send(()).unwrap();
    assert!(matches!(writing.join().unwrap().unwrap(), Written::Done(_)));
    let Data::Stream(_) = store.read(&key, Part::All).wait().unwrap().unwrap().data else { panic!() };
}
