//! What happens within one instant, and what a dropped sleep leaves behind.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use larder::Clock;
use larder_simulated::time::{Advance, EPOCH, EventId, Nanos, Sim, Timeline, VirtualClock};

type Seen = Arc<Mutex<Vec<u64>>>;

fn see(clock: &VirtualClock, at: Nanos, seen: &Seen, what: u64) -> EventId {
    let seen = Arc::clone(seen);
    clock.call_at(at, Box::new(move || seen.lock().unwrap().push(what)))
}

fn taken(seen: &Seen) -> Vec<u64> {
    std::mem::take(&mut seen.lock().unwrap())
}

#[test]
fn time_jumps_to_the_next_instant_and_fires_all_of_it() {
    let (clock, seen) = (VirtualClock::new(1), Seen::default());
    for (at, what) in [(30, 3), (10, 1), (20, 2), (10, 1)] {
        see(&clock, at, &seen, what);
    }
    let mut instants = Vec::new();
    while let Advance::Moved(at) = clock.advance() {
        instants.push((at, taken(&seen)));
    }
    assert_eq!(instants, [(10, vec![1, 1]), (20, vec![2]), (30, vec![3])]);
    assert_eq!((clock.advance(), clock.nanos()), (Advance::Empty, 30));
}

#[test]
fn seeds_try_every_order_of_an_instant_and_one_seed_always_the_same() {
    let order = |seed| {
        let (clock, seen) = (VirtualClock::new(seed), Seen::default());
        (0..4).for_each(|what| _ = see(&clock, 5, &seen, what));
        assert_eq!(clock.advance(), Advance::Moved(5));
        taken(&seen)
    };
    let orders: BTreeSet<Vec<u64>> = (0..500).map(order).collect();
    assert_eq!(orders.len(), 24);
    assert!((0..50).all(|seed| order(seed) == order(seed)));
}

#[test]
fn sleepers_and_events_of_one_instant_are_mixed() {
    let event_first = |seed| {
        let clock = VirtualClock::new(seed);
        let seen = Seen::default();
        see(&clock, 5, &seen, 0);
        let (sleep, woken) = (clock.sleep_until(5), Arc::clone(&seen));
        // The waker itself tells when it is woken: the task's turn comes later.
        let waker = futures::task::waker(Arc::new(Tells(woken)));
        let mut sleep = Box::pin(sleep);
        assert!(sleep.as_mut().poll_unpin(&mut std::task::Context::from_waker(&waker)).is_pending());
        assert_eq!(clock.advance(), Advance::Moved(5));
        taken(&seen) == [0, 1]
    };
    let first = (0..100).filter(|seed| event_first(*seed)).count();
    assert!((20..80).contains(&first), "{first} of 100");
}

struct Tells(Seen);

impl futures::task::ArcWake for Tells {
    fn wake_by_ref(this: &Arc<Self>) {
        this.0.lock().unwrap().push(1);
    }
}

#[test]
fn leaving_something_out_changes_the_order_of_no_other_instant() {
    let orders = |left_out: Option<u64>| {
        let (clock, seen) = (VirtualClock::new(9), Seen::default());
        for what in (0..100).filter(|what| Some(*what) != left_out) {
            see(&clock, what % 10, &seen, what);
        }
        let mut orders = Vec::new();
        while let Advance::Moved(_) = clock.advance() {
            orders.push(taken(&seen));
        }
        orders
    };
    let whole = orders(None);
    for left_out in 0..100 {
        let less = orders(Some(left_out));
        let changed: Vec<usize> = (0..10).filter(|at| whole[*at] != less[*at]).collect();
        assert_eq!(changed, [(left_out % 10) as usize]);
    }
}

#[test]
fn what_events_make_for_their_own_instant_runs_in_it_after_them() {
    let (clock, seen) = (VirtualClock::new(1), Seen::default());
    for what in 0..10 {
        let (inner, seen) = (clock.clone(), Arc::clone(&seen));
        clock.call_at(
            7,
            Box::new(move || {
                seen.lock().unwrap().push(what);
                // The past means now as well.
                see(&inner, what % 8, &seen, 100 + what);
            }),
        );
    }
    assert_eq!(clock.advance(), Advance::Moved(7));
    let seen = taken(&seen);
    assert_eq!(seen.len(), 20);
    assert!(seen[..10].iter().all(|what| *what < 100) && seen[10..].iter().all(|what| *what >= 100));
    assert_eq!(clock.nanos(), 7);
}

#[test]
fn an_event_does_not_run_inside_the_call_that_makes_it_and_may_be_cancelled() {
    let (clock, seen) = (VirtualClock::new(1), Seen::default());
    let first = see(&clock, 0, &seen, 1);
    see(&clock, 0, &seen, 2);
    assert!(taken(&seen).is_empty());
    clock.cancel(first);
    assert_eq!((clock.advance(), taken(&seen)), (Advance::Moved(0), vec![2]));
    clock.cancel(first);
    assert_eq!(clock.advance(), Advance::Empty);
}

#[test]
fn an_event_may_cancel_another_of_its_instant() {
    // Whichever runs first cancels the other.
    for seed in 0..20 {
        let (clock, seen) = (VirtualClock::new(seed), Seen::default());
        let ids: Arc<Mutex<Vec<EventId>>> = Arc::default();
        for what in 0..2 {
            let (inner, others, seen) = (clock.clone(), Arc::clone(&ids), Arc::clone(&seen));
            let id = clock.call_at(
                3,
                Box::new(move || {
                    seen.lock().unwrap().push(what);
                    others.lock().unwrap().iter().for_each(|id| inner.cancel(*id));
                }),
            );
            ids.lock().unwrap().push(id);
        }
        assert_eq!(clock.advance(), Advance::Moved(3));
        assert_eq!((taken(&seen).len(), clock.waiting()), (1, 0));
    }
}

#[test]
fn dropped_sleeps_leave_nothing_behind() {
    let clock = VirtualClock::new(1);
    let left = Sim::run(1, |sim| async move {
        let clock = sim.clock().clone();
        for n in 0..10_000 {
            let work = clock.sleep_for(Duration::from_nanos(n % 17));
            let timeout = clock.sleep_for(Duration::from_secs(3600));
            let Either::Left(((), timeout)) = select(work, timeout).await else { panic!("timed out") };
            drop(timeout);
            assert_eq!(clock.waiting(), 0);
        }
        // Never polled, it never was there.
        let unpolled = clock.sleep_for(Duration::from_secs(1));
        assert_eq!(clock.waiting(), 0);
        drop(unpolled);
        (clock.waiting(), clock.nanos() < 1_000_000)
    });
    assert_eq!(left, Ok((0, true)));
    assert_eq!(clock.waiting(), 0);
}

#[test]
fn a_sleep_that_moves_to_another_task_wakes_that_one() {
    let woken = Sim::run(5, |sim| async move {
        let mut sleep = Box::pin(sim.clock().sleep_for(Duration::from_millis(5)));
        assert!(futures::poll!(sleep.as_mut()).is_pending());
        sim.spawn("other", sleep).await;
        sim.clock().nanos()
    });
    assert_eq!(woken, Ok(5_000_000));
}

#[test]
fn a_sleep_whose_instant_has_passed_lets_the_others_run_first() {
    let seen = Sim::run(5, |sim| async move {
        let (clock, seen) = (sim.clock().clone(), Seen::default());
        let other = Arc::clone(&seen);
        let task = sim.spawn("other", async move { other.lock().unwrap().push(1) });
        clock.sleep_for(Duration::ZERO).await;
        seen.lock().unwrap().push(2);
        task.await;
        assert_eq!(clock.nanos(), 0);
        taken(&seen)
    });
    assert_eq!(seen, Ok(vec![1, 2]));
}

#[test]
fn while_time_is_held_only_the_current_instant_goes_on() {
    let (clock, seen) = (VirtualClock::new(1), Seen::default());
    see(&clock, 10, &seen, 1);
    let (one, other) = (clock.hold(), clock.hold());
    assert_eq!(clock.advance(), Advance::Held);
    see(&clock, 0, &seen, 2);
    assert_eq!((clock.advance(), taken(&seen)), (Advance::Moved(0), vec![2]));
    drop(one);
    assert_eq!(clock.advance(), Advance::Held);
    drop(other);
    assert_eq!((clock.advance(), taken(&seen)), (Advance::Moved(10), vec![1]));
    let _hold = clock.hold();
    assert_eq!(clock.advance(), Advance::Held);
}

#[test]
fn the_clock_of_larder_is_virtual_too() {
    let read = Sim::run(2, |sim| async move {
        let clock: Arc<dyn Clock> = Arc::new(sim.clock().clone());
        clock.sleep(Duration::from_millis(1500)).await;
        (clock.now(), clock.wall().as_millis() - EPOCH.as_millis(), clock.random())
    });
    let (now, wall, random) = read.unwrap();
    assert_eq!((now, wall), (Duration::from_millis(1500), 1500));
    let [again, other] = [2, 3].map(|seed| VirtualClock::new(seed).random());
    assert!(random == again && random != other);
    let clock = VirtualClock::new(2);
    assert_ne!(clock.random(), clock.random());
}

#[test]
fn the_wall_clock_can_be_off_and_goes_back_only_when_it_is_made_to() {
    let clock = VirtualClock::new(1);
    let ms = || clock.wall().as_millis() as i64 - EPOCH.as_millis() as i64;
    clock.set_skew(90_000_000_000);
    assert_eq!(ms(), 90_000);
    clock.set_skew(0);
    assert_eq!(ms(), 90_000);
    clock.step_wall(-1_000_000_000);
    assert_eq!(ms(), -1000);
}
