//! What the body of a run can do.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_simulated::draw::below;
use larder_simulated::run::{Cause, Context, Seed, Setup, once, seeds};
use larder_simulated::time::{Limits, Policy, Stall, Step};

const MS: Duration = Duration::from_millis(1);

#[test]
fn every_seed_is_run_once_with_time_and_chance_of_its_own() {
    let seen = Mutex::new(Vec::new());
    let runs = seeds(0..50).run(|cx| {
        let draw = cx.draws().at(0);
        seen.lock().unwrap().push((cx.seed().value(), draw));
        async move {
            cx.clock().sleep_for(Duration::from_nanos(below(draw, 1000))).await;
            Ok(())
        }
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.iter().map(|(seed, _)| *seed).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|(_, draw)| draw).collect::<BTreeSet<_>>().len(), 50);
    let times: Vec<u64> = runs.outcomes().iter().map(|outcome| outcome.time).collect();
    assert_eq!(times, seen.iter().map(|(_, draw)| below(*draw, 1000)).collect::<Vec<_>>());
}

#[test]
fn outcomes_do_not_depend_on_the_number_of_threads() {
    let digests = |threads| {
        let runs = seeds(0..40).threads(threads).run(|cx| async move {
            let clock = cx.clock().clone();
            let session = move |client: larder_simulated::run::Client| {
                let clock = clock.clone();
                async move { clock.sleep_for(Duration::from_nanos(below(client.draws().at(0), 9))).await }
            };
            cx.clients(10, session).until(Duration::from_nanos(100)).await;
            Ok(())
        });
        runs.digests()
    };
    let one = digests(1);
    assert_eq!(one, digests(8));
    assert_eq!(one.iter().map(|digest| digest.value).collect::<BTreeSet<_>>().len(), 40);
}

#[test]
fn clients_have_one_session_or_many_until_a_time_or_are_cut_off() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Way {
        Each,
        Until,
        During,
    }
    for (way, began, ended, time) in
        [(Way::Each, 5, 5, 3), (Way::Until, 20, 20, 12), (Way::During, 20, 15, 10)]
    {
        let counts: Arc<[AtomicU64; 2]> = Arc::default();
        let inner = Arc::clone(&counts);
        let runs = seeds([7]).run(move |cx| {
            let (counts, clock) = (Arc::clone(&inner), cx.clock().clone());
            async move {
                let clients = cx.clients(5, move |client| {
                    let (counts, clock) = (Arc::clone(&counts), clock.clone());
                    async move {
                        assert_eq!(clock.nanos(), client.round() * 3_000_000);
                        counts[0].fetch_add(1, Ordering::Relaxed);
                        clock.sleep_for(3 * MS).await;
                        counts[1].fetch_add(1, Ordering::Relaxed);
                    }
                });
                match way {
                    Way::Each => clients.each().await,
                    Way::Until => clients.until(10 * MS).await,
                    Way::During => clients.during(10 * MS).await,
                }
                assert_eq!(cx.clock().waiting(), 0, "what was cut off is gone");
                Ok(())
            }
        });
        let counted = [0, 1].map(|n| counts[n].load(Ordering::Relaxed));
        assert_eq!((counted, runs.outcomes()[0].time), ([began, ended], time * 1_000_000), "{way:?}");
    }
}

#[test]
fn sessions_that_take_no_time_are_a_livelock_and_no_hang() {
    let setup = Setup { limits: Limits { instant: 10_000, ..Limits::default() }, ..Setup::default() };
    let outcome = once(Seed::from(1), &setup, |cx| async move {
        cx.clients(2, |_| async {}).until(MS).await;
        Ok(())
    });
    let cause = outcome.failure.map(|failure| failure.cause);
    assert!(matches!(cause, Some(Cause::Stall(Stall::Livelock { .. }))), "{cause:?}");
}

#[test]
fn a_time_limit_drops_what_takes_longer() {
    seeds(0..10).run(|cx| async move {
        let clock = cx.clock().clone();
        assert_eq!(cx.timeout(2 * MS, clock.sleep_for(MS)).await, Ok(()));
        let late = cx.timeout(MS, clock.sleep_for(2 * MS)).await.unwrap_err();
        assert_eq!(late.to_string(), "no answer within 1ms");
        assert_eq!(larder::Error::from(late).kind(), larder::ErrorKind::TimedOut);
        assert_eq!((clock.nanos(), clock.waiting()), (2_000_000, 0));
        Ok(())
    });
}

#[test]
fn tasks_and_events_of_the_body_belong_to_the_run() {
    let runs = seeds(0..10).limit(Duration::from_secs(1)).run(|cx| async move {
        let (sender, receiver) = futures::channel::oneshot::channel();
        cx.timeline().call_at(500, Box::new(move || sender.send(7).unwrap()));
        let task = cx.spawn("waits", async move { receiver.await.unwrap() });
        assert_eq!(task.await, 7);
        cx.note("seven");
        // Left behind.
        drop(cx.spawn("stays", std::future::pending::<()>()));
        Ok(())
    });
    let trace = &runs.outcomes()[0].trace;
    assert_eq!(trace.len(), 1);
    assert_eq!((trace[0].at, &trace[0].step), (500, &Step::Note("seven".into())));
}

#[derive(Default)]
struct Kept(Mutex<Vec<u64>>);

#[test]
fn rooms_keep_their_things_with_a_run_and_look_at_them_when_it_is_over() {
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let after = Arc::clone(&seen);
    let runs = seeds(0..3)
        .keep_extensions()
        .after(move |runs| {
            for outcome in runs.outcomes() {
                let kept = outcome.extensions.get::<Kept>().unwrap();
                after.lock().unwrap().extend(kept.0.lock().unwrap().iter());
            }
        })
        .run(|cx| async move {
            let kept = cx.extension::<Kept>();
            kept.0.lock().unwrap().push(cx.seed().value());
            cx.at_end(|cx| {
                cx.extension::<Kept>().0.lock().unwrap().push(100 + cx.clock().nanos());
                Ok(())
            });
            cx.clock().sleep_for(Duration::from_nanos(5)).await;
            Ok(())
        });
    assert_eq!(*seen.lock().unwrap(), [0, 105, 1, 105, 2, 105]);
    assert_eq!(runs.outcomes().len(), 3);
    let runs = seeds(0..3).run(|cx| async move {
        cx.extension::<Kept>();
        Ok(())
    });
    assert!(runs.outcomes().iter().all(|outcome| outcome.extensions.get::<Kept>().is_none()));
}

#[test]
fn the_schedule_is_the_callers_choice() {
    let order = |policy: fn() -> Policy| {
        let seen: Arc<Mutex<BTreeSet<Vec<u64>>>> = Arc::default();
        seeds(0..40).schedule(policy).run(|cx: Context| {
            let seen = Arc::clone(&seen);
            async move {
                let order: Arc<Mutex<Vec<u64>>> = Arc::default();
                let inner = Arc::clone(&order);
                cx.clients(3, move |client| {
                    inner.lock().unwrap().push(client.id());
                    async {}
                })
                .each()
                .await;
                seen.lock().unwrap().insert(std::mem::take(&mut *order.lock().unwrap()));
                Ok(())
            }
        });
        seen.lock().unwrap().len()
    };
    assert_eq!((order(|| Policy::Fifo), order(|| Policy::Random)), (1, 6));
}

#[test]
fn thread_locals_are_new_for_every_run() {
    thread_local!(static COUNT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });
    seeds(0..20).threads(3).run(|_| async {
        COUNT.set(COUNT.get() + 1);
        assert_eq!(COUNT.get(), 1);
        Ok(())
    });
}
