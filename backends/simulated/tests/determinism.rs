//! The same seed is the same run: again, in another process, in another build, with other threads.
#![expect(clippy::disallowed_methods, reason = "real threads stand beside these simulations on purpose")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::Clock;
use larder::io::Workers;
use larder_simulated::draw::below;
use larder_simulated::run::{Context, Result, Seed, Setup, check_determinism, once, seeds};
use larder_simulated::time::{Digest, Step, Timeline};

/// Clients that sleep, time out, race for the same instants, note what they saw, and leave things behind.
async fn busy(cx: Context) -> Result {
    let clock = cx.clock().clone();
    let session = {
        let (clock, cx) = (clock.clone(), cx.clone());
        move |client: larder_simulated::run::Client| {
            let (clock, cx, draws) = (clock.clone(), cx.clone(), client.draws());
            async move {
                let (sender, receiver) = futures::channel::oneshot::channel();
                let inner = clock.clone();
                let effect = clock.nanos() + 10 + below(draws.at(0), 20);
                clock.call_at(
                    effect,
                    Box::new(move || {
                        let at = inner.nanos() + 5;
                        inner.call_at(at, Box::new(move || _ = sender.send(at)));
                    }),
                );
                match cx.timeout(Duration::from_nanos(12 + below(draws.at(1), 20)), receiver).await {
                    Ok(at) => cx.note(format!("client {} saw {at:?}", client.id())),
                    Err(_) => cx.note(format!("client {} gave up, {}", client.id(), clock.random() % 100)),
                }
            }
        }
    };
    drop(cx.spawn("stays", std::future::pending::<()>()));
    cx.clients(12, session).until(Duration::from_micros(2)).await;
    Ok(())
}

/// Changing this changes what every seed in anybody's notes means: see `draw::VERSION`. Builds with and
/// without optimisation must agree on it.
const PINNED: Digest = Digest { value: 14_802_578_286_815_848_010, steps: 7071 };

#[test]
fn a_seed_has_this_digest_in_every_build() {
    assert_eq!(once(Seed::from(17), &Setup::default(), busy).digest, PINNED);
}

#[test]
fn twenty_runs_of_a_seed_have_one_digest() {
    for _ in 0..20 {
        let outcome = once(Seed::from(17), &Setup::default(), busy);
        assert_eq!((outcome.failure, outcome.digest), (None, PINNED));
    }
}

#[test]
fn another_process_has_the_same_digests() {
    const CHILD: &str = "LARDER_TEST_CHILD";
    let digests = || seeds(0..10).run(busy).digests();
    if std::env::var_os(CHILD).is_some() {
        println!("digests {:?}", digests());
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "another_process_has_the_same_digests", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("digests {:?}", digests())), "{text}");
}

#[test]
fn runs_side_by_side_on_one_thread_or_eight_have_the_same_digests() {
    let digests = |threads| seeds(0..40).threads(threads).run(busy).digests();
    assert_eq!(digests(1), digests(8));
}

/// The work of an operation is done by a pool of real threads: begun at the effect, waited for at the
/// acknowledgement, so that nobody can see when the pool did it.
async fn held(cx: Context, pool: Arc<Workers>) -> Result {
    let (clock, inner) = (cx.clock().clone(), cx.clone());
    let session = move |client: larder_simulated::run::Client| {
        let (clock, cx, pool, draws) = (clock.clone(), inner.clone(), Arc::clone(&pool), client.draws());
        async move {
            let (sender, receiver) = futures::channel::oneshot::channel();
            let timeline = clock.clone();
            let (effect, more) = (clock.nanos() + below(draws.at(0), 1000), below(draws.at(1), 1000));
            clock.call_at(
                effect,
                Box::new(move || {
                    // Some jobs take longer than others, in real time.
                    let turns = below(draws.at(2), 2000);
                    let reply =
                        pool.run(move || Ok((0..turns).fold(turns, |sum, n| sum ^ draws.of(n).at(3))));
                    let acknowledge = Box::new(move || _ = sender.send(reply.wait()));
                    timeline.call_at(timeline.nanos() + more, acknowledge);
                }),
            );
            let answer = cx.timeout(Duration::from_micros(10), receiver).await;
            cx.note(format!("client {}: {answer:?}", client.id()));
            assert!(answer.is_ok(), "no virtual time passes while the pool works");
        }
    };
    cx.clients(8, session).until(Duration::from_micros(20)).await;
    Ok(())
}

#[test]
fn a_pool_of_one_thread_or_eight_behind_the_run_gives_the_same_digest() {
    let digest = |threads| {
        let pool = Arc::new(Workers::new("pool", threads).unwrap());
        let outcome = once(Seed::from(3), &Setup::default(), |cx| held(cx, Arc::clone(&pool)));
        pool.close();
        assert_eq!(outcome.failure, None);
        outcome.digest
    };
    let one = digest(1);
    assert!((0..20).all(|n| digest(if n % 2 == 0 { 8 } else { 1 }) == one));
}

#[test]
fn the_check_accepts_what_is_deterministic() {
    for seed in 0..5 {
        let digest = check_determinism(seed, busy).unwrap();
        assert_eq!(digest, once(Seed::from(seed), &Setup::default(), busy).digest);
    }
}

#[test]
fn the_check_names_the_first_step_that_differs_with_both_contexts() {
    // One run in two sleeps a nanosecond longer at its third step.
    let runs = AtomicU64::new(0);
    let divergence = check_determinism(5, |cx| {
        let late = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            for n in 0..10 {
                cx.note(format!("step {n}"));
                let late = if n == 2 { late } else { 0 };
                cx.clock().sleep_for(Duration::from_nanos(100 + late)).await;
            }
            Ok(())
        }
    })
    .unwrap_err();
    assert_eq!(divergence.before.last().unwrap().step, Step::Note("step 2".into()));
    let [first, second] = [&divergence.first[0], &divergence.second[0]];
    assert!(matches!(first.step, Step::Fired { .. }) && matches!(second.step, Step::Fired { .. }));
    assert_eq!((first.at, second.at), (300, 301));
    let text = divergence.to_string();
    assert!(text.contains("two runs of seed 5 differ from step 8 on"), "{text}");
    assert!(text.contains("step 2") && text.contains("the second run"), "{text}");
}

#[test]
fn the_check_notices_a_run_that_goes_on_for_longer_and_an_order_of_hashing() {
    let runs = AtomicU64::new(0);
    let longer = check_determinism(5, |cx| {
        let more = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            (0..more).for_each(|_| cx.note("more"));
            Ok(())
        }
    });
    let longer = longer.unwrap_err();
    assert!(longer.first.is_empty() && longer.second.len() == 1, "{longer}");
    let hashed = check_determinism(5, |cx| async move {
        let map: std::collections::HashMap<u64, ()> = (0..1000).map(|n| (n, ())).collect();
        cx.note(format!("{:?}", map.keys().collect::<Vec<_>>()));
        Ok(())
    });
    assert!(matches!(hashed.unwrap_err().first[0].step, Step::Note(_)));
}
