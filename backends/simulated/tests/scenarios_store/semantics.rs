//! Scenarios 8, 12, 17, 19 and 20: what operations mean, whatever goes wrong.

use crate::*;

/// The answer to one random operation, as text.
async fn random_operation(store: &impl Backend, draws: Draws) -> String {
    let key = Key::from(below(draws.at(0), 6));
    let expect = match below(draws.at(1), 3) {
        0 => Expect::Any,
        1 => Expect::Absent,
        // Memory counts its changes: now and then this is the version that is there.
        _ => Expect::Version(below(draws.at(2), 150).into()),
    };
    let record = |key: &Key| record(key, draws.at(3).to_be_bytes().to_vec());
    let range = larder::ByteRange::new(2..5).unwrap();
    match below(draws.at(4), 9) {
        0..3 => format!("{:?}", store.write(&key, record(&key), expect).await),
        3 => format!("{:?}", store.remove(&key, expect).await),
        4 => format!("{:?}", store.read(&key, Part::All).await),
        5 => format!("{:?}", store.read(&key, Part::Range(range)).await),
        6 => format!("{:?}", store.read(&key, Part::Head).await),
        7 => format!("{:?}", store.keys(None).try_collect::<Vec<_>>().await),
        _ => {
            let keys = [key, Key::from(below(draws.at(5), 6))];
            let write =
                |key: &Key| Write { key: key.clone(), record: Some(record(key)), expect: Expect::Any };
            format!("{:?}", store.write_batch(keys.iter().map(write).collect()).await)
        }
    }
}

#[test]
fn scenario_8_what_the_wrapper_answers_is_what_the_backend_answers() {
    for (profile, seed) in [(Profile::none(), 1), (Profile::none(), 2), (redis(), 3), (redis(), 4)] {
        let time = Virtual::new(seed);
        let bare = Memory::new();
        let wrapped = Simulated::builder(Memory::new(), time.timeline(), seed).profile(profile).build();
        assert_eq!(wrapped.capabilities(), bare.capabilities());
        time.block_on(async {
            for n in 0..600 {
                let draws = Draws::new(seed).of(n);
                if n == 550 {
                    bare.close().await.unwrap();
                    wrapped.close().await.unwrap();
                }
                let (one, other) =
                    (random_operation(&bare, draws).await, random_operation(&wrapped, draws).await);
                assert_eq!(one, other, "seed {seed}, operation {n}");
            }
        });
    }
}

#[test]
fn scenario_12_a_counter_counts_every_acknowledged_increment_and_none_twice() {
    const CLIENTS: u64 = 4;
    let (mut unknown_runs, mut failures) = (0, 0);
    for seed in 0..60 {
        let time = Virtual::new(seed);
        let store = over_memory(&time, seed, Faults::swarm().intensity(100_000));
        let done: Vec<[u64; 2]> = time.block_on(join_all((0..CLIENTS).map(|client| {
            let larder = larder(&time, &store, client);
            let clock = time.clock.clone();
            async move {
                let [mut acknowledged, mut unknown] = [0, 0];
                for _ in 0..15 {
                    let increment = larder.update_in("counter", |n: Option<u64>| n.unwrap_or(0) + 1);
                    match select(pin!(increment), clock.sleep_for(Duration::from_secs(120))).await {
                        Either::Left((Ok(_), _)) => acknowledged += 1,
                        Either::Left((Err(error), _)) if error.is_ambiguous() => unknown += 1,
                        Either::Left(_) => {}
                        Either::Right(_) => unknown += 1,
                    }
                }
                [acknowledged, unknown]
            }
        })));
        store.heal();
        time.settle();
        let count: u64 = time.block_on(larder(&time, &store, 99).get_or("counter", 0)).unwrap();
        let acknowledged: u64 = done.iter().map(|[acknowledged, _]| acknowledged).sum();
        let unknown: u64 = done.iter().map(|[_, unknown]| unknown).sum();
        assert!(
            (acknowledged..=acknowledged + unknown).contains(&count),
            "seed {seed}: {count} of {acknowledged} acknowledged and {unknown} unknown increments"
        );
        unknown_runs += u64::from(unknown > 0);
        failures += CLIENTS * 15 - acknowledged;
    }
    assert!(unknown_runs > 20 && failures > 200, "{unknown_runs} {failures}: too little went wrong");
}

#[test]
fn scenario_17_a_stream_that_is_read_while_it_is_replaced_is_old_or_new() {
    const LEN: usize = 2 << 20;
    let profile = Profile::named("s3-standard").unwrap();
    let dir = crate::store_support::scratch();
    let time = Virtual::new(1);
    let store = over_directory(&time, dir.path(), |builder| builder.profile(profile));
    let (writer, reader) = (larder(&time, &store, 1), larder(&time, &store, 2));
    let state = |n: u8| Bytes::from(vec![n; LEN + usize::from(n)]);
    let stream = |n: u8| {
        let chunks: Vec<_> =
            state(n).chunks(150_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        Source::stream(futures::stream::iter(chunks))
    };
    time.block_on(writer.bassoc("binary", stream(0))).unwrap();
    let mut seen = Vec::new();
    time.block_on(async {
        let write = async {
            for n in 1..12u8 {
                match n % 4 {
                    0 => assert!(writer.dissoc("binary").await.unwrap()),
                    1 => writer.bassoc("binary", state(n)).await.unwrap(),
                    _ => writer.bassoc("binary", stream(n)).await.unwrap(),
                }
            }
        };
        let read = async {
            loop {
                let Some(binary) = reader.bget("binary").await.unwrap() else {
                    seen.push(None);
                    continue;
                };
                let size = binary.size();
                let mut chunks = binary.into_stream();
                let mut all = Vec::new();
                while let Some(chunk) = chunks.try_next().await.unwrap() {
                    all.extend_from_slice(&chunk);
                    // Slower than those who replace it.
                    time.clock.sleep_for(Duration::from_millis(below(size, 50))).await;
                }
                assert_eq!(all, state(all[0]), "a mixture, or cut off");
                seen.push(Some(all[0]));
            }
        };
        select(pin!(write), pin!(read)).await;
    });
    assert!(seen.iter().flatten().is_sorted(), "back in time: {seen:?}");
    seen.dedup();
    assert!(seen.len() > 4, "{seen:?}");
}

#[test]
fn scenario_19_after_an_ambiguous_failure_one_reads_ones_own_write_and_repeats_nothing() {
    // The second call of each of these is its write.
    let time = Virtual::new(1);
    let faults = Faults::none().at(1, 1, Fault::ErrorAfter).at(2, 1, Fault::ErrorAfter);
    let store = over_memory(&time, 1, faults.at(4, 1, Fault::ErrorBefore));
    time.block_on(async {
        let one = larder(&time, &store, 1);
        let error = one.assoc("ada", "first").await.unwrap_err();
        assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
        assert_eq!(one.get("ada").await.unwrap(), Some("first".to_owned()), "one's own write");
        one.assoc("ada", "first").await.unwrap();
        assert_eq!(one.get_meta("ada").await.unwrap().unwrap().rev(), 2, "to repeat it does no harm");

        let two = larder(&time, &store, 2);
        let error = two.update_in("counter", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap_err();
        assert!(error.is_ambiguous(), "{error}");
        assert_eq!(two.get("counter").await.unwrap(), Some(1));
        // What the larder remembers of the key must not undo it.
        assert_eq!(
            two.update_in("counter", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap(),
            (Some(1), 2)
        );

        // What failed before it happened may be tried again without looking.
        let four = larder(&time, &store, 4);
        let increment = || four.update_in("other", |n: Option<u64>| n.unwrap_or(0) + 1);
        let error = increment().await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(increment().await.unwrap(), (None, 1));
    });
    assert_eq!(store.counts().total().seen, 3);
}

#[test]
fn scenario_19_an_append_that_failed_is_in_the_log_once_if_it_is_repeated_only_where_it_is_missing() {
    let mut ambiguous = 0;
    // Whichever of the calls that an append makes fails.
    for number in 0..8 {
        let time = Virtual::new(number);
        let store = over_memory(&time, number, Faults::none().at(1, number, Fault::ErrorAfter));
        let larder = larder(&time, &store, 1);
        time.block_on(async {
            for element in [1u64, 2, 3] {
                let Err(error) = larder.append("log", &element).await else { continue };
                assert!(error.is_ambiguous() || error.is_retryable(), "{error}");
                ambiguous += u32::from(error.is_ambiguous());
                let log: Vec<u64> = larder.log("log").await.unwrap().unwrap_or_default();
                assert!(error.is_ambiguous() || !log.contains(&element));
                if !log.contains(&element) {
                    larder.append("log", &element).await.unwrap();
                }
            }
            assert_eq!(larder.log::<u64>("log").await.unwrap(), Some(vec![1, 2, 3]), "call {number}");
        });
    }
    assert!(ambiguous > 1, "{ambiguous}");
}

#[test]
fn scenario_20_a_ghost_of_an_update_does_not_undo_what_was_acknowledged_later() {
    let ghost = Fault::Timeout { after_ns: S, late_ns: Some(S) };
    for seed in 0..20 {
        let time = Virtual::new(seed);
        let store = over_memory(&time, seed, Faults::none().at(1, 1, ghost).at(3, 1, ghost));
        time.block_on(async {
            let (one, two) = (larder(&time, &store, 1), larder(&time, &store, 2));
            two.assoc("ada", &vec![0]).await.unwrap();
            let push = |n: u64| {
                move |list: Option<Vec<u64>>| {
                    let mut list = list.unwrap_or_default();
                    list.push(n);
                    list
                }
            };
            let error = one.update_in("ada", push(1)).await.unwrap_err();
            assert!(error.kind() == ErrorKind::TimedOut && error.is_ambiguous(), "{error}");
            assert_eq!(two.get("ada").await.unwrap(), Some(vec![0]), "it is still on its way");
            two.update_in("ada", push(2)).await.unwrap();
            time.clock.sleep_for(Duration::from_secs(5)).await;
            assert_eq!(two.get("ada").await.unwrap(), Some(vec![0, 2]), "the ghost had another version");

            // A blind write has none: its ghost does undo. Whoever wrote was told that it may happen.
            let three = larder(&time, &store, 3);
            let error = three.assoc("ada", &vec![7]).await.unwrap_err();
            assert!(error.is_ambiguous(), "{error}");
            two.assoc("ada", &vec![8]).await.unwrap();
            time.clock.sleep_for(Duration::from_secs(5)).await;
            assert_eq!(two.get("ada").await.unwrap(), Some(vec![7]));
        });
    }
}
