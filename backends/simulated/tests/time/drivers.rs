//! The same work takes the same virtual time whoever polls it.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::future::{BoxFuture, Either, select};
use futures::task::LocalSpawnExt;
use larder_simulated::time::{
    Nanos, ParkDriver, Policy, Sim, Stall, Timeline, VirtualClock, drive, nanos, turn,
};

type Spawn<'a> = &'a dyn Fn(BoxFuture<'static, ()>);

/// A driver: runs the future, and what it is given to spawn, to the end of the first.
type Driver = fn(&VirtualClock, &dyn Fn(Spawn<'_>) -> BoxFuture<'static, ()>) -> Result<(), Stall>;

fn native(clock: &VirtualClock, body: &dyn Fn(Spawn<'_>) -> BoxFuture<'static, ()>) -> Result<(), Stall> {
    let sim = Sim::new(clock.clone());
    let future = body(&|future| drop(sim.spawn("task", future)));
    sim.block_on(1, Policy::Random, future)
}

fn local_pool(clock: &VirtualClock, body: &dyn Fn(Spawn<'_>) -> BoxFuture<'static, ()>) -> Result<(), Stall> {
    let (mut pool, done) = (LocalPool::new(), Rc::new(Cell::new(false)));
    let spawner = pool.spawner();
    let future = body(&|future| spawner.spawn_local(future).unwrap());
    let finished = Rc::clone(&done);
    spawner.spawn_local(future.map(move |()| finished.set(true))).unwrap();
    turn(clock, || {
        pool.run_until_stalled();
        done.get()
    })
}

fn smol_local(clock: &VirtualClock, body: &dyn Fn(Spawn<'_>) -> BoxFuture<'static, ()>) -> Result<(), Stall> {
    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(body(&|future| executor.spawn(future).detach()));
    turn(clock, || {
        while executor.try_tick() {}
        task.is_finished()
    })
}

fn tokio_current_thread(
    clock: &VirtualClock,
    body: &dyn Fn(Spawn<'_>) -> BoxFuture<'static, ()>,
) -> Result<(), Stall> {
    let driver = ParkDriver::new(clock);
    let runtime =
        tokio::runtime::Builder::new_current_thread().on_thread_park(driver.hook()).build().unwrap();
    let future = body(&|future| drop(runtime.spawn(future)));
    runtime.block_on(driver.run(future))
}

const DRIVERS: [(&str, Driver); 4] = [
    ("native", native),
    ("LocalPool", local_pool),
    ("LocalExecutor", smol_local),
    ("tokio", tokio_current_thread),
];

/// Runs this on every driver; gives the virtual time it took.
fn everywhere(body: impl Fn(VirtualClock, Spawn<'_>) -> BoxFuture<'static, ()>, takes: Nanos) {
    for (name, driver) in DRIVERS {
        let clock = VirtualClock::new(1);
        let outcome = driver(&clock, &|spawn| body(clock.clone(), spawn));
        assert_eq!((outcome, clock.nanos()), (Ok(()), takes), "{name}");
        assert_eq!(clock.waiting(), 0, "{name}");
    }
}

#[test]
fn a_thousand_sleeps_of_80_us_take_exactly_80_ms_on_every_driver() {
    everywhere(
        |clock, _| {
            async move {
                for _ in 0..1000 {
                    clock.sleep_for(Duration::from_micros(80)).await;
                }
            }
            .boxed()
        },
        80_000_000,
    );
}

#[test]
fn ten_tasks_that_sleep_often_and_long_overlap_on_every_driver() {
    everywhere(
        |clock, spawn| {
            let mut done = Vec::new();
            for _ in 0..10 {
                let (sender, receiver) = oneshot::channel();
                done.push(receiver);
                let clock = clock.clone();
                spawn(
                    async move {
                        for _ in 0..1000 {
                            clock.sleep_for(Duration::from_micros(80)).await;
                        }
                        clock.sleep_for(Duration::from_secs(3600)).await;
                        sender.send(()).unwrap();
                    }
                    .boxed(),
                );
            }
            futures::future::join_all(done).map(|done| assert!(done.iter().all(Result::is_ok))).boxed()
        },
        3_600_080_000_000,
    );
}

/// Regression: an instant at which only events run wakes no task, and a runtime that then goes to sleep
/// never asks for the next instant.
#[test]
fn an_instant_that_wakes_nobody_does_not_end_time_on_any_driver() {
    everywhere(
        |clock, _| {
            let (sender, receiver) = oneshot::channel();
            let timeline = clock.clone();
            clock.call_at(
                1000,
                Box::new(move || {
                    let then = Box::new(move || sender.send(()).unwrap());
                    timeline.call_at(2000, then);
                }),
            );
            receiver.map(Result::unwrap).boxed()
        },
        2000,
    );
}

#[test]
fn a_future_can_be_driven_by_the_timeline_alone_on_every_driver() {
    everywhere(
        |clock, _| {
            let (sender, receiver) = oneshot::channel();
            let timeline: Arc<dyn Timeline> = Arc::new(clock.clone());
            let future = async move {
                for _ in 0..10 {
                    clock.sleep_for(Duration::from_nanos(7)).await;
                }
                sender.send(()).unwrap();
            };
            drive(&timeline, future.boxed());
            receiver.map(Result::unwrap).boxed()
        },
        70,
    );
}

#[test]
fn waiting_for_what_never_comes_is_an_error_on_every_driver() {
    for (name, driver) in DRIVERS {
        let clock = VirtualClock::new(1);
        let outcome = driver(&clock, &|_| std::future::pending().boxed());
        assert!(matches!(outcome, Err(Stall::Deadlock { at: 0, .. })), "{name}: {outcome:?}");
    }
}

#[test]
fn time_without_end_is_an_error_on_every_driver() {
    for (name, driver) in DRIVERS {
        let clock = VirtualClock::new(1);
        let outcome = driver(&clock, &|_| {
            let clock = clock.clone();
            async move {
                loop {
                    clock.sleep_for(Duration::from_secs(1_000_000)).await;
                }
            }
            .boxed()
        });
        assert!(matches!(outcome, Err(Stall::Limited { .. })), "{name}: {outcome:?}");
    }
}

/// A thread works while a virtual timeout of a second waits beside it.
fn works_on_a_thread(clock: &VirtualClock) -> impl Future<Output = bool> + Send + 'static {
    let clock = clock.clone();
    async move {
        let (sender, answer) = oneshot::channel();
        let hold = clock.hold();
        let thread = std::thread::spawn(move || {
            // Long enough for a clock that does not wait to run on.
            std::thread::sleep(Duration::from_millis(20));
            sender.send(()).unwrap();
        });
        let answered = async move {
            answer.await.unwrap();
            drop(hold);
        };
        let timeout = clock.sleep_for(Duration::from_secs(1));
        let in_time = matches!(select(Box::pin(answered), timeout).await, Either::Left(_));
        thread.join().unwrap();
        in_time
    }
}

#[test]
fn time_stands_still_while_something_real_is_in_flight_on_every_driver() {
    everywhere(|clock, _| works_on_a_thread(&clock).map(|in_time| assert!(in_time)).boxed(), 0);
}

#[test]
fn time_goes_on_when_a_thread_lets_go_of_it_and_wakes_nobody_on_every_driver() {
    everywhere(
        |clock, _| {
            let hold = clock.hold();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                drop(hold);
            });
            async move { clock.sleep_for(Duration::from_nanos(5)).await }.boxed()
        },
        5,
    );
}

#[test]
fn a_driven_future_woken_by_a_thread_is_polled_though_time_is_held() {
    everywhere(
        |clock, _| {
            let (sender, receiver) = oneshot::channel();
            let timeline: Arc<dyn Timeline> = Arc::new(clock.clone());
            drive(&timeline, works_on_a_thread(&clock).map(|in_time| sender.send(in_time).unwrap()).boxed());
            receiver.map(|in_time| assert!(in_time.unwrap())).boxed()
        },
        0,
    );
}

#[test]
fn a_hundred_tasks_idle_for_an_hour_in_a_few_hundred_polls() {
    let polls = Arc::new(AtomicU64::new(0));
    let sim = Sim::new(VirtualClock::new(3));
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let mut sleep = Box::pin(sim.clock().sleep_for(Duration::from_secs(3600)));
            let polls = Arc::clone(&polls);
            sim.spawn(
                format!("idle {n}"),
                std::future::poll_fn(move |cx| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    sleep.as_mut().poll(cx)
                }),
            )
        })
        .collect();
    sim.block_on(3, Policy::Random, futures::future::join_all(tasks)).unwrap();
    assert_eq!(sim.clock().nanos(), nanos(Duration::from_secs(3600)));
    assert_eq!((polls.load(Ordering::Relaxed), sim.clock().fired()), (200, 100));
}
