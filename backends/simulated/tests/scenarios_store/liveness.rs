//! Scenarios 32 and 40: deadlines are honoured, and after healing all goes on.

use crate::*;

/// Runs this for so many seconds at the most. None if it took longer.
async fn within<T>(time: &Virtual, seconds: u64, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), time.clock.sleep_for(Duration::from_secs(seconds))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

#[test]
fn scenario_32_whatever_hangs_the_deadline_of_the_caller_is_honoured() {
    let time = Virtual::new(1);
    let store = over_memory(&time, 1, Faults::none().rate(FaultKind::Hang, Ratio::ONE));
    let larder = larder(&time, &store, 1);
    time.block_on(async {
        let operations: [(&str, futures::future::LocalBoxFuture<'_, Result<(), Error>>); 9] = [
            ("exists", larder.exists("a").map(|done| done.map(drop)).boxed_local()),
            ("get", larder.get::<u64>("a").map(|done| done.map(drop)).boxed_local()),
            ("assoc", larder.assoc("a", &1).boxed_local()),
            (
                "update_in",
                larder
                    .update_in("a", |n: Option<u64>| n.unwrap_or(0))
                    .map(|done| done.map(drop))
                    .boxed_local(),
            ),
            ("dissoc", larder.dissoc("a").map(|done| done.map(drop)).boxed_local()),
            ("keys", larder.keys().try_collect::<Vec<_>>().map(|done| done.map(drop)).boxed_local()),
            (
                "bassoc",
                larder
                    .bassoc("a", Source::stream(futures::stream::iter([Ok(Bytes::from("x"))])))
                    .boxed_local(),
            ),
            ("append", larder.append("b", &1).boxed_local()),
            ("sync", larder.sync().boxed_local()),
        ];
        for (name, operation) in operations {
            let began = time.clock.nanos();
            assert!(within(&time, 3, operation).await.is_none(), "{name} hangs");
            assert_eq!(time.clock.nanos() - began, 3 * S, "{name}");
        }
        // Nothing that was given up stands in the way of what comes later.
        store.heal();
        for name in ["a", "b", "c"] {
            let update = larder.update_in(name, |n: Option<u64>| n.unwrap_or(0) + 1);
            within(&time, 3, async {
                _ = larder.dissoc(name).await;
                update.await.unwrap();
            })
            .await
            .expect("it goes on");
        }
    });
    assert_eq!(store.counts().of(FaultKind::Hang).seen, store.counts().of(FaultKind::Hang).injected);
}

/// What is asked of a store: everything, for longer than it can take, and then nothing goes wrong any more.
/// Whether something hung until then.
fn heals<B: Backend>(time: &Virtual, seed: u64, store: &Simulated<B>) -> bool {
    let work = join_all((0..8u64).map(|client| {
        let (store, larder) = (store.client(client), larder(time, store, client));
        let clock = time.clock.clone();
        async move {
            for n in 0..12u64 {
                let key = Key::from((client + n) % 5);
                _ = match n % 4 {
                    0 => larder.assoc(&key, &n).await,
                    1 => larder.update_in(&key, |n: Option<u64>| n.unwrap_or(0) + 1).await.map(drop),
                    2 => larder.keys().try_collect::<Vec<_>>().await.map(drop),
                    _ => store.read(&key, Part::All).await.map(drop),
                };
                clock.sleep_for(Duration::from_millis(1)).await;
            }
        }
    }));
    time.block_on(async {
        let mut work = pin!(work);
        let patience = time.clock.sleep_for(Duration::from_secs(3600));
        let hung = matches!(select(work.as_mut(), patience).await, Either::Right(_));
        // Every other time in the middle of an outage.
        if seed % 2 == 1 {
            store.crash(Duration::from_secs(3600));
            store.pause(Duration::from_secs(3600));
        }
        store.heal();
        if hung {
            within(time, 60, work).await.unwrap_or_else(|| panic!("seed {seed}: something still hangs"));
        }
        // What was damaged may have been the value of an update: only new keys are sure to be whole.
        let injected = store.counts().total().injected;
        let progress = within(time, 60, async {
            for client in [1, 100] {
                let (store, one, two) = (store.client(client), Key::from("one"), Key::from("two"));
                put(&store, &one, "x").await;
                assert_eq!(get(&store, &one).await.unwrap(), "x");
                store.write(&two, record(&two, "y"), Expect::Any).await.unwrap();
                assert!(store.keys(None).all(|key| async move { key.is_ok() }).await);
                store.sync().await.unwrap();
            }
        });
        progress.await.unwrap_or_else(|| panic!("seed {seed}: no progress: {:?}", store.failed()));
        assert_eq!(store.counts().total().injected, injected, "seed {seed}");
        hung
    })
}

#[test]
fn scenario_40_after_healing_everything_that_is_pending_comes_to_an_end_and_all_goes_well() {
    let faults = || {
        let faults = Faults::swarm().intensity(150_000).within(Promise::NONE);
        faults.rate(FaultKind::Hang, Ratio::percent(2))
    };
    let hung = (0..60).filter(|seed| {
        let time = Virtual::new(*seed);
        heals(&time, *seed, &over_memory(&time, *seed, faults()))
    });
    let hung = hung.count();
    assert!(hung > 30, "{hung}: too little hung");
    for seed in 0..3 {
        let (time, dir) = (Virtual::new(seed), crate::store_support::scratch());
        let store = over_directory(&time, dir.path(), |builder| builder.profile(redis()).faults(faults()));
        heals(&time, seed, &store);
    }
}
