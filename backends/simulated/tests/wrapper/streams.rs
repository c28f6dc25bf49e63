//! Listings and streams: a page or a chunk at a time, at the bandwidth, and only when it is pulled.

use crate::*;

#[test]
fn a_listing_fetches_pages_and_nothing_before_it_is_read() {
    let time = Virtual::new(1);
    let (memory, log) = (Memory::new(), Log::new());
    for n in 0..2_500u64 {
        let key = Key::from(n);
        memory.write(&key, record(&key, ""), Expect::Any).wait().unwrap();
    }
    let store = Simulated::builder(memory.clone(), time.timeline(), 1).profile(hundred()).log(&log).build();
    let mut listing = store.keys(None);
    time.settle();
    assert_eq!((time.clock.nanos(), log.len()), (0, 0), "nobody has read it");
    time.block_on(async {
        listing.next().await.unwrap().unwrap();
        assert_eq!(time.clock.nanos(), 100 * US);
        for _ in 1..1_000 {
            listing.next().await.unwrap().unwrap();
        }
        time.clock.sleep_until(MS).await;
        assert_eq!(log.len(), 1, "the second page was not asked for");
        assert_eq!(listing.by_ref().count().await, 1_500);
        assert_eq!(time.clock.nanos(), MS + 200 * US);
    });
    assert_eq!(log.len(), 3);
    drop(store.keys(None));
    assert_eq!(time.clock.waiting(), 0);
}

/// 10 MB/s up and down, and no latency.
fn narrow() -> Profile {
    Profile::none().per_byte(10_000_000)
}

#[test]
fn bytes_take_their_time_in_both_directions() {
    let time = Virtual::new(1);
    let (store, _) = over_memory(&time, narrow());
    let data = Bytes::from(vec![7; 1_000_000]);
    time.block_on(async {
        store.write(&key(), record(&key(), data.clone()), Expect::Any).await.unwrap();
        assert_eq!(time.clock.nanos(), 100 * MS);
        store.read(&key(), Part::Head).await.unwrap();
        assert_eq!(time.clock.nanos(), 100 * MS, "a head is small");
        assert_eq!(get(&store, &key()).await.unwrap(), data);
        assert_eq!(time.clock.nanos(), 200 * MS);
    });
}

/// A record whose data comes in so many chunks of 100 kB.
fn streamed(chunks: u64) -> Record {
    let meta = Meta::new(key(), Kind::Binary, Timestamp::from_millis(1));
    let chunk = Bytes::from(vec![7; 100_000]);
    let chunks = futures::stream::iter((0..chunks).map(move |_| Ok(chunk.clone())));
    Record::streamed(&meta, chunks.boxed()).unwrap()
}

#[test]
fn a_streamed_write_pulls_its_chunks_at_the_bandwidth_and_is_visible_at_its_end() {
    let time = Virtual::new(1);
    let log = Log::new();
    let memory = Memory::new();
    let legs = Legs::Whole { latency: Latency::constant(Duration::from_millis(6)), effect_percent: 50 };
    let profile = narrow().legs(Class::Write, legs);
    let store = Simulated::builder(memory.clone(), time.timeline(), 1).profile(profile).log(&log).build();
    time.block_on(async {
        store.write(&key(), streamed(10), Expect::Any).await.unwrap();
        assert_eq!(time.clock.nanos(), 106 * MS);
        let [Life { effect, bytes_in, outcome, .. }] = log.lives()[..] else { panic!("one operation") };
        assert_eq!((effect, bytes_in, outcome), (Some(103 * MS), 1_000_000, Outcome::Done));
        // One that is dropped on its way has not happened, and is pulled no more.
        store.remove(&key(), Expect::Any).await.unwrap();
        let mut write = store.write(&key(), streamed(10), Expect::Any);
        let dropped = time.clock.sleep_for(Duration::from_millis(102));
        futures::future::select(&mut write, dropped).await;
        drop(write);
    });
    time.settle();
    assert!(!is_there(&memory));
    assert_eq!(time.clock.waiting(), 0);
}

#[test]
fn a_streamed_read_is_fetched_chunk_by_chunk_and_only_when_it_is_pulled() {
    let time = Virtual::new(1);
    let dir = crate::store_support::scratch();
    let inner = time.block_on(Filesystem::options().inline().open(dir.path())).unwrap();
    let store = Simulated::builder(inner, time.timeline(), 1).profile(narrow()).build();
    time.block_on(async {
        store.write(&key(), streamed(30), Expect::Any).await.unwrap();
        let began = time.clock.nanos();
        let stored = store.read(&key(), Part::All).await.unwrap().unwrap();
        let Data::Stream(mut chunks) = stored.data else { panic!("3 MB are streamed") };
        assert_eq!(time.clock.nanos(), began, "nothing was pulled yet");
        let first = chunks.try_next().await.unwrap().unwrap();
        assert_eq!(time.clock.nanos() - began, first.len() as u64 * 100);
        time.clock.sleep_for(Duration::from_secs(10)).await;
        let rest: Vec<Bytes> = chunks.try_collect().await.unwrap();
        assert_eq!(first.len() + rest.iter().map(Bytes::len).sum::<usize>(), 3_000_000);
        assert_eq!(time.clock.nanos() - began, 10_000 * MS + 300 * MS);
    });
}
