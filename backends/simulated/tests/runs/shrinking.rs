//! A failing run is cut down to the few operations that make it fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_simulated::draw::{Draws, below};
use larder_simulated::run::{Context, Repro, Result, Shrinker, once, seeds};
use larder_simulated::time::Limits;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Operation {
    client: u64,
    /// Its number among those of its client, by which its latency is drawn.
    number: u64,
    key: u64,
    call: Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Call {
    Put,
    Get,
    Remove,
}

fn workload(draws: Draws) -> Vec<Operation> {
    let operation = |n: u64| {
        let draws = draws.of(n);
        let call = [Call::Put, Call::Get, Call::Get, Call::Remove][below(draws.at(0), 4) as usize];
        Operation { client: n % 8, number: n / 8, key: below(draws.at(1), 40), call }
    };
    (0..400).map(operation).collect()
}

/// A store whose clients cache what they wrote. The bug: a removal by another client leaves the cache as
/// it is, so that put, remove by another, get answers what is gone.
#[derive(Default)]
struct Caching {
    stored: BTreeMap<u64, u64>,
    cached: BTreeMap<(u64, u64), u64>,
}

impl Caching {
    fn perform(&mut self, operation: &Operation) -> Result<(), String> {
        let Operation { client, number, key, call } = *operation;
        match call {
            Call::Put => {
                self.cached.retain(|(_, cached), _| *cached != key);
                self.cached.insert((client, key), number);
                self.stored.insert(key, number);
            }
            Call::Remove => {
                self.cached.remove(&(client, key));
                self.stored.remove(&key);
            }
            Call::Get => {
                let seen = self.cached.get(&(client, key)).or(self.stored.get(&key));
                if seen != self.stored.get(&key) {
                    return Err(format!("client {client} reads key {key}, which is gone"));
                }
            }
        }
        Ok(())
    }
}

async fn cached(cx: Context) -> Result {
    let operations = cx.plan("operations", workload);
    let store: Arc<Mutex<Caching>> = Arc::default();
    let mut by_client: BTreeMap<u64, Vec<Operation>> = BTreeMap::new();
    operations.into_iter().for_each(|it| by_client.entry(it.client).or_default().push(it));
    let tasks: Vec<_> = by_client
        .into_iter()
        .map(|(client, operations)| {
            let (cx, store) = (cx.clone(), Arc::clone(&store));
            let draws = cx.draws().domain("latency").of(client);
            cx.clone().spawn(format!("client {client}"), async move {
                for operation in operations {
                    let latency = 50_000 + below(draws.at(operation.number), 200_000);
                    // At an instant of its own, whatever was left out before it.
                    cx.clock().sleep_until(operation.number * 1_000_000 + latency).await;
                    cx.note(format!("{operation:?}"));
                    if let Err(message) = store.lock().unwrap().perform(&operation) {
                        cx.fail(message);
                    }
                }
            })
        })
        .collect();
    futures::future::join_all(tasks).await;
    Ok(())
}

#[test]
fn a_bug_of_three_operations_in_a_run_of_four_hundred_shrinks_to_three() {
    let directory = tempfile::tempdir().unwrap();
    let runs = seeds(0..200).keep_going().directory(directory.path()).try_run(cached);
    let failures = runs.outcomes().iter().filter(|outcome| outcome.failure.is_some()).count();
    assert!(failures > 100, "{failures} of 200 seeds fail");
    let repro = runs.repro().unwrap();
    assert_eq!(repro.size(), (3, 0), "{repro:#?}");
    let left: Vec<Operation> =
        repro.plan["operations"].iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect();
    assert!(left.iter().all(|it| it.key == left[0].key));
    let calls: Vec<Call> = left.iter().map(|it| it.call).collect();
    assert_eq!(calls, [Call::Put, Call::Remove, Call::Get]);
    assert!(left[0].client == left[2].client && left[0].client != left[1].client);

    // It was stored, and what was stored still fails.
    let file = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
    let stored = Repro::load(&file).unwrap();
    assert_eq!(&stored, repro);
    let again = once(stored.seed(), &stored.setup(Limits::default()), cached);
    let failure = again.failure.unwrap();
    assert_eq!((failure.cause.to_string(), again.digest.to_string()), (stored.message, stored.digest));
    assert_eq!(again.trace.len(), 3);
}

#[test]
fn every_seed_that_fails_shrinks_to_at_most_five() {
    let directory = tempfile::tempdir().unwrap();
    let mut failed = 0;
    for seed in 0..30 {
        let runs = seeds([seed]).directory(directory.path()).try_run(cached);
        let Some(repro) = runs.repro() else { continue };
        failed += 1;
        assert!(repro.size().0 <= 5 && repro.size().1 == 0, "seed {seed}: {:?}", repro.plan);
    }
    assert!(failed > 10);
}

/// Looks and then acts: whether two clients collide is up to the schedule.
async fn races(cx: Context) -> Result {
    let operations = cx.plan("operations", |draws| {
        let operation =
            |n| Operation { client: n % 10, number: n / 10, key: below(draws.at(n), 30), call: Call::Put };
        (0..300).map(operation).collect()
    });
    let taken: Arc<Mutex<BTreeMap<u64, u64>>> = Arc::default();
    let tasks: Vec<_> = operations
        .into_iter()
        .map(|Operation { client, number, key, .. }| {
            let (cx, taken) = (cx.clone(), Arc::clone(&taken));
            cx.clone().spawn(format!("client {client} operation {number}"), async move {
                cx.clock().sleep_until(number * 1_000_000).await;
                if taken.lock().unwrap().contains_key(&key) {
                    return;
                }
                // Whoever is scheduled in between takes it first.
                if client < 5 {
                    cx.clock().sleep_for(Duration::ZERO).await;
                }
                if taken.lock().unwrap().insert(key, client).is_some() {
                    cx.fail(format!("key {key} is taken twice"));
                }
                cx.clock().sleep_for(Duration::from_nanos(10)).await;
                taken.lock().unwrap().remove(&key);
            })
        })
        .collect();
    futures::future::join_all(tasks).await;
    Ok(())
}

#[test]
fn a_race_shrinks_to_those_who_race() {
    let directory = tempfile::tempdir().unwrap();
    let runs = seeds(0..50).directory(directory.path()).try_run(races);
    let repro = runs.repro().unwrap();
    let (items, deviations) = repro.size();
    assert!(items == 2 && deviations <= 2, "{repro:#?}");
}

#[test]
fn tries_are_limited_and_what_is_left_then_still_fails() {
    let directory = tempfile::tempdir().unwrap();
    let seeds_that_fail = || seeds(0..20).directory(directory.path());
    let whole = seeds_that_fail().shrink(0).try_run(cached).repro().unwrap().clone();
    assert_eq!(whole.size().0, 400);
    let shrunk = Shrinker::new(whole.clone()).tries(7).run(|repro| {
        let failure = once(repro.seed(), &repro.setup(Limits::default()), cached).failure;
        failure.is_some()
    });
    assert_eq!(shrunk.tries, 7);
    assert!(shrunk.repro.size().0 < 400 && shrunk.repro.size().0 > 3);
    let again = once(shrunk.repro.seed(), &shrunk.repro.setup(Limits::default()), cached);
    assert!(again.failure.is_some());
}
