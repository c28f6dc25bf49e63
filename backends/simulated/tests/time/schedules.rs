//! Schedules: chance, order of arrival, few changes, and replay.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use larder_simulated::draw::{Draws, below};
use larder_simulated::time::{Digest, JoinHandle, Policy, Ready, Schedule, Sim, VirtualClock};

/// A dozen tasks that wake each other and sleep, and write down who ran.
fn busy(seed: u64, policy: Policy) -> (Sim, Digest, Vec<u64>) {
    let sim = Sim::new(VirtualClock::new(seed));
    sim.record_schedule(usize::MAX);
    let ran: Arc<Mutex<Vec<u64>>> = Arc::default();
    let tasks: Vec<JoinHandle<()>> = (0..12)
        .map(|task| {
            let (clock, ran, draws) = (sim.clock().clone(), Arc::clone(&ran), Draws::new(seed).of(task));
            sim.spawn(format!("task {}", task % 5), async move {
                for n in 0..40 {
                    ran.lock().unwrap().push(task);
                    clock.sleep_for(Duration::from_nanos(below(draws.at(n), 4))).await;
                }
            })
        })
        .collect();
    sim.block_on(seed, policy, futures::future::join_all(tasks)).unwrap();
    let ran = std::mem::take(&mut *ran.lock().unwrap());
    let digest = sim.clock().digest();
    (sim, digest, ran)
}

#[test]
fn a_random_schedule_is_replayed_from_its_deviations_alone() {
    let mut lengths = 0;
    for seed in 0..40 {
        let (sim, digest, ran) = busy(seed, Policy::Random);
        let deviations = sim.deviations();
        let (_, again, ran_again) = busy(seed, Policy::Replay(deviations.clone()));
        assert_eq!((digest, ran), (again, ran_again), "seed {seed}");
        lengths += deviations.len();
    }
    assert!(lengths > 40 * 50, "random schedules hardly deviate: {lengths}");
}

#[test]
fn pct_is_replayed_from_its_deviations_too() {
    for seed in 0..20 {
        let (sim, digest, _) = busy(seed, Policy::Pct { depth: 4, steps: 500 });
        let (_, again, _) = busy(seed, Policy::Replay(sim.deviations()));
        assert_eq!(digest, again, "seed {seed}");
    }
}

#[test]
fn fifo_is_the_replay_of_no_deviations() {
    let (sim, digest, _) = busy(3, Policy::Fifo);
    assert_eq!(sim.deviations(), []);
    assert_eq!(busy(3, Policy::Replay(Vec::new())).1, digest);
}

/// Three tasks; the order in which they run first.
fn first_order(seed: u64, policy: Policy) -> Vec<u64> {
    let sim = Sim::new(VirtualClock::new(seed));
    let ran: Arc<Mutex<Vec<u64>>> = Arc::default();
    let tasks: Vec<_> = (0..3)
        .map(|task| {
            let ran = Arc::clone(&ran);
            sim.spawn("task", async move { ran.lock().unwrap().push(task) })
        })
        .collect();
    sim.block_on(seed, policy, futures::future::join_all(tasks)).unwrap();
    std::mem::take(&mut *ran.lock().unwrap())
}

#[test]
fn chance_tries_all_orders_and_fifo_one() {
    let orders = |policy: fn() -> Policy| -> BTreeSet<Vec<u64>> {
        (0..100).map(|seed| first_order(seed, policy())).collect()
    };
    assert_eq!(orders(|| Policy::Random).len(), 6);
    assert_eq!(orders(|| Policy::Pct { depth: 1, steps: 10 }).len(), 6);
    assert_eq!(orders(|| Policy::Fifo), BTreeSet::from([vec![0, 1, 2]]));
}

#[derive(Debug)]
struct Last;

impl Schedule for Last {
    fn pick(&mut self, ready: &Ready<'_>) -> usize {
        assert!(ready.len() > 1 && ready.polls(0) == 0);
        usize::MAX
    }
}

#[test]
fn a_schedule_of_ones_own_decides_and_a_place_past_the_end_is_the_last() {
    assert_eq!(first_order(1, Policy::Custom(Box::new(Last))), [2, 1, 0]);
}

/// Writes 60 times one after the other; another task looks once. The bug: it looks between the 30th
/// write of this task and the 31st.
fn rare(seed: u64, policy: Policy) -> bool {
    let sim = Sim::new(VirtualClock::new(seed));
    let written: Arc<Mutex<(u32, bool)>> = Arc::default();
    let writes = Arc::clone(&written);
    let writer = sim.spawn("writer", async move {
        for _ in 0..60 {
            writes.lock().unwrap().0 += 1;
            step_back().await;
        }
    });
    let looks = Arc::clone(&written);
    let looker = sim.spawn("looker", async move {
        let mut state = looks.lock().unwrap();
        state.1 = state.0 == 30;
    });
    sim.block_on(seed, policy, futures::future::join(writer, looker)).unwrap();
    written.lock().unwrap().1
}

/// Lets the others run.
async fn step_back() {
    let mut stepped = false;
    std::future::poll_fn(move |cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn few_changes_of_priority_find_what_a_random_walk_does_not() {
    let found = |policy: fn() -> Policy| (0..1000).filter(|seed| rare(*seed, policy())).count();
    assert_eq!(found(|| Policy::Random), 0, "a walk that looks so late has a chance of 2^-30");
    assert!(found(|| Policy::Pct { depth: 2, steps: 64 }) >= 3);
}

#[test]
fn a_cancelled_task_is_dropped_and_a_dropped_handle_lets_it_go_on() {
    let ran = Sim::run(1, |sim| async move {
        let ran: Arc<Mutex<Vec<u64>>> = Arc::default();
        let task = |id: u64| {
            let (clock, ran) = (sim.clock().clone(), Arc::clone(&ran));
            sim.spawn("task", async move {
                clock.sleep_for(Duration::from_secs(id)).await;
                ran.lock().unwrap().push(id);
            })
        };
        let (cancelled, detached, awaited) = (task(1), task(2), task(3));
        assert!(!awaited.is_finished());
        sim.clock().sleep_for(Duration::from_millis(1)).await;
        cancelled.cancel();
        drop(detached);
        awaited.await;
        assert_eq!(sim.clock().waiting(), 0);
        ran.lock().unwrap().clone()
    });
    assert_eq!(ran, Ok(vec![2, 3]));
}
