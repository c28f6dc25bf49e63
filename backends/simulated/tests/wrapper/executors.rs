//! Under every executor, in virtual and in real time.

use crate::*;

/// Some traffic, and when it was over.
async fn traffic(store: Simulated<Memory>, timeline: Arc<dyn Timeline>) -> u64 {
    let tasks = (0..20u64).map(|client| {
        let store = store.client(client);
        async move {
            for n in 0..10u64 {
                let key = Key::from((client + n) % 5);
                store.write(&key, record(&key, "x"), Expect::Any).await.unwrap();
                assert!(store.read(&key, Part::All).await.unwrap().is_some());
            }
        }
    });
    futures::future::join_all(tasks).await;
    timeline.nanos()
}

#[test]
fn the_same_traffic_takes_the_same_virtual_time_under_every_executor() {
    let begin = || {
        let clock = VirtualClock::new(5);
        let timeline: Arc<dyn Timeline> = Arc::new(clock.clone());
        let store = Simulated::builder(Memory::new(), Arc::clone(&timeline), 5).profile(uneven());
        (clock, traffic(store.build(), timeline))
    };
    let (clock, work) = begin();
    let native = Sim::new(clock).block_on(5, larder_simulated::time::Policy::Random, work).unwrap();
    assert!(native > 50 * MS, "{native}");

    let (clock, work) = begin();
    let mut pool = LocalPool::new();
    let mut handle = pool.spawner().spawn_local_with_handle(work).unwrap();
    let mut over = None;
    turn(&clock, || {
        pool.run_until_stalled();
        over = (&mut handle).now_or_never();
        over.is_some()
    })
    .unwrap();
    assert_eq!(over, Some(native), "futures' LocalPool");

    let (clock, work) = begin();
    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(work);
    turn(&clock, || {
        while executor.try_tick() {}
        task.is_finished()
    })
    .unwrap();
    assert_eq!(task.now_or_never(), Some(native), "smol's LocalExecutor");

    let (clock, work) = begin();
    let driver = ParkDriver::new(&clock);
    let runtime =
        tokio::runtime::Builder::new_current_thread().on_thread_park(driver.hook()).build().unwrap();
    assert_eq!(runtime.block_on(driver.run(work)).unwrap(), native, "tokio");
}

#[test]
fn in_real_time_an_operation_takes_at_least_its_time() {
    let timeline: Arc<dyn Timeline> = Arc::new(RealTimeline::new().unwrap());
    let store = Simulated::builder(Memory::new(), Arc::clone(&timeline), 1).profile(hundred()).build();
    let begun = timeline.nanos();
    assert_eq!(
        pollster::block_on(async {
            put(&store, &key(), "x").await;
            get(&store, &key()).await
        }),
        Some(Bytes::from("x"))
    );
    assert!(timeline.nanos() - begun >= 200 * US);
}

#[test]
fn virtual_time_waits_for_a_backend_with_threads() {
    let time = Virtual::new(1);
    let dir = crate::store_support::scratch();
    let inner = pollster::block_on(Filesystem::open(dir.path())).unwrap();
    let store = Simulated::builder(inner, time.timeline(), 1).profile(hundred()).external().build();
    time.block_on(async {
        for n in 0..20u64 {
            let before = time.clock.nanos();
            let written = store.write(&Key::from(n), record(&Key::from(n), "x"), Expect::Any);
            let timeout = time.clock.sleep_for(Duration::from_micros(101));
            match futures::future::select(written, timeout).await {
                futures::future::Either::Left((written, _)) => _ = written.unwrap(),
                futures::future::Either::Right(_) => panic!("a virtual timeout overtook a real write"),
            }
            assert_eq!(time.clock.nanos() - before, 100 * US);
        }
    });
}
