//! A run that cannot end is an error that says who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use larder_simulated::time::{Limit, Limits, Policy, Sim, Stall, Timeline, VirtualClock};

fn few(instant: u64) -> Limits {
    Limits { instant, ..Limits::default() }
}

#[test]
fn a_deadlock_names_the_tasks_and_where_they_were_spawned() {
    let line = line!();
    let outcome = Sim::run(4, |sim| async move {
        let (to_ping, mut ping) = mpsc::channel::<()>(0);
        let (to_pong, mut pong) = mpsc::channel::<()>(0);
        let first = sim.spawn("first waits for second", async move {
            ping.next().await;
            let mut to_pong = to_pong;
            to_pong.send(()).await.unwrap();
        });
        let second = sim.spawn("second waits for first", async move {
            pong.next().await;
            let mut to_ping = to_ping;
            to_ping.send(()).await.unwrap();
        });
        drop(sim.spawn("has ended", async {}));
        sim.clock().sleep_for(Duration::from_micros(1500)).await;
        first.await;
        second.await;
    });
    let Err(Stall::Deadlock { at: 1_500_000, tasks }) = &outcome else { panic!("{outcome:?}") };
    let told: Vec<_> = tasks.iter().map(|task| (task.name.as_str(), task.spawned.line() - line)).collect();
    assert_eq!(told, [("main", 1), ("first waits for second", 4), ("second waits for first", 9)]);
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("deadlock at 1.5ms") && text.contains("stalls.rs:"), "{text}");
    assert!(text.contains("\"second waits for first\""), "{text}");
}

#[test]
fn a_task_that_spins_is_a_livelock_that_names_it_first() {
    let sim = Sim::new(VirtualClock::with_limits(1, few(5000)));
    for n in 0..10 {
        drop(sim.spawn(format!("waits {n}"), std::future::pending::<()>()));
    }
    let spin = std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let spinner = sim.spawn("spins", spin);
    let outcome = sim.block_on(1, Policy::Random, spinner);
    let Err(Stall::Livelock { at: 0, tasks }) = &outcome else { panic!("{outcome:?}") };
    assert_eq!((tasks[0].name.as_str(), tasks.len()), ("spins", 12));
    assert!(tasks[0].polls > 4900, "{}", tasks[0]);
    assert!(outcome.unwrap_err().to_string().contains("livelock at 0ns"));
}

#[test]
fn a_loop_of_sleeps_of_no_time_is_a_livelock() {
    let sim = Sim::new(VirtualClock::with_limits(1, few(5000)));
    let clock = sim.clock().clone();
    let outcome: Result<(), Stall> = sim.block_on(1, Policy::Random, async move {
        clock.sleep_for(Duration::from_millis(1)).await;
        loop {
            clock.sleep_for(Duration::ZERO).await;
        }
    });
    assert!(matches!(outcome, Err(Stall::Livelock { at: 1_000_000, .. })), "{outcome:?}");
}

#[test]
fn events_that_follow_each_other_in_one_instant_for_ever_are_a_livelock() {
    fn again(clock: VirtualClock) {
        let inner = clock.clone();
        clock.call_at(5, Box::new(move || again(inner)));
    }
    let sim = Sim::new(VirtualClock::with_limits(1, few(5000)));
    again(sim.clock().clone());
    let outcome = sim.block_on(1, Policy::Random, std::future::pending::<()>());
    assert!(matches!(outcome, Err(Stall::Livelock { at: 5, .. })), "{outcome:?}");
}

#[test]
fn virtual_time_and_events_have_a_limit() {
    let ticks = |limits| {
        let sim = Sim::new(VirtualClock::with_limits(1, limits));
        let clock = sim.clock().clone();
        let ticker = sim.spawn("ticks", async move {
            loop {
                clock.sleep_for(Duration::from_secs(1)).await;
            }
        });
        sim.block_on::<_>(1, Policy::Random, async move {
            let (): () = ticker.await;
        })
    };
    let outcome = ticks(Limits { time: 60_000_000_000, ..Limits::default() });
    let Err(Stall::Limited { limit: Limit::Time, at: 60_000_000_000, tasks }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(tasks[0].name, "ticks");
    let outcome = ticks(Limits { events: 100, ..Limits::default() });
    assert!(matches!(outcome, Err(Stall::Limited { limit: Limit::Events, at: 101_000_000_000, .. })));
}

/// Counts how many of it are left.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(count: &Arc<AtomicU64>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Spawns tasks and events that own a circle of things, and leaves them there.
fn leave_things(sim: &Sim, count: &Arc<AtomicU64>) {
    for n in 0..20 {
        let (owned, clock, inner) = (Counted::new(count), sim.clock().clone(), sim.clone());
        let spawned_on_drop = Counted::new(count);
        drop(sim.spawn("left", async move {
            let _spawns = Spawns(inner, Some(spawned_on_drop));
            clock.sleep_for(Duration::from_secs(n)).await;
            std::future::pending::<()>().await;
            drop(owned);
        }));
        let (owned, clock) = (Counted::new(count), sim.clock().clone());
        sim.clock().call_at(n * 1_000_000_000, Box::new(move || drop((owned, clock))));
    }
}

/// Spawns a task when it is dropped.
struct Spawns(Sim, Option<Counted>);

impl Drop for Spawns {
    fn drop(&mut self) {
        let counted = self.1.take();
        drop(self.0.spawn("late", async move { drop(counted) }));
    }
}

#[test]
fn what_is_left_at_the_end_is_dropped() {
    for seed in 0..20 {
        let count = Arc::new(AtomicU64::new(0));
        let inner = Arc::clone(&count);
        let outcome = Sim::run(seed, |sim| async move {
            leave_things(&sim, &inner);
            sim.clock().sleep_for(Duration::from_secs(seed)).await;
        });
        assert_eq!((outcome, count.load(Ordering::Relaxed)), (Ok(()), 0), "seed {seed}");
    }
}

#[test]
fn what_is_left_after_a_stall_is_dropped() {
    let count = Arc::new(AtomicU64::new(0));
    let inner = Arc::clone(&count);
    let outcome = Sim::run(1, |sim| async move {
        leave_things(&sim, &inner);
        std::future::pending::<()>().await;
    });
    assert_eq!(outcome.unwrap_err().tasks().len(), 21);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_of_a_task_ends_the_run_and_drops_the_rest() {
    let count = Arc::new(AtomicU64::new(0));
    let inner = Arc::clone(&count);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Sim::run(1, |sim| async move {
            leave_things(&sim, &inner);
            let clock = sim.clock().clone();
            drop(sim.spawn("panics", async move {
                clock.sleep_for(Duration::from_secs(3)).await;
                panic!("on purpose");
            }));
            sim.clock().sleep_for(Duration::from_secs(1000)).await;
        })
    }));
    let panic = outcome.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn a_sim_can_be_used_again_and_drops_what_is_spawned_between_two_runs() {
    let count = Arc::new(AtomicU64::new(0));
    let sim = Sim::new(VirtualClock::new(1));
    for n in 1..=3 {
        let inner = sim.clone();
        let outcome = sim.block_on(n, Policy::Fifo, async move {
            inner.clock().sleep_for(Duration::from_nanos(5)).await;
            inner.spawn("adds", async { 1 }).await
        });
        assert_eq!((outcome, sim.clock().nanos()), (Ok(1), 5 * n));
        let counted = Counted::new(&count);
        drop(sim.spawn("too late", async move { drop(counted) }));
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}
