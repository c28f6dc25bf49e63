//! Scenario 30: retrying under a brown-out. With backoff the storage sees few more calls than without
//! failures; with retries at once it sees many.

use std::time::Duration;

use larder_simulated::draw::Ratio;
use larder_simulated::latency::Factor;
use larder_simulated::run;

use crate::support::{Count, at, ms, secs, steady, store};

/// How often the storage was called for each read that the application wanted, and how long after the end
/// of the brown-out the last read that had begun in it was answered.
fn retrying(seed: u64, pause: fn(attempt: u32) -> Duration) -> (f64, Duration) {
    let (reads, calls, late) = (Count::default(), Count::default(), Count::default());
    let counts = (reads.clone(), calls.clone(), late.clone());
    let (from, to) = (secs(60), secs(90));
    run::seeds([seed]).run(move |cx| {
        let (reads, calls, late) = counts.clone();
        async move {
            let store = store(&cx, steady("s3-standard"));
            store.larder(100).assoc("key", &1).await?;
            store.store().resource().brown_out(at(from), at(to), Factor::percent(1000), Ratio::percent(90));
            let app = store.clone();
            cx.clients(10, move |client| {
                let (larder, clock) = (app.larder(client.id()), client.context().clock().clone());
                let (reads, calls, late) = (reads.clone(), calls.clone(), late.clone());
                async move {
                    let began = clock.nanos();
                    let mut attempt = 0;
                    reads.add(1);
                    loop {
                        calls.add(1);
                        if larder.get::<u64>("key").await.is_ok() {
                            break;
                        }
                        attempt += 1;
                        clock.sleep_for(pause(attempt)).await;
                    }
                    let ended = clock.nanos();
                    if began < at(to) && ended > at(to) && late.get() < ended - at(to) {
                        late.add(ended - at(to) - late.get());
                    }
                    clock.sleep_for(ms(200)).await;
                }
            })
            .until(secs(180))
            .await;
            Ok(())
        }
    });
    (calls.get() as f64 / reads.get() as f64, Duration::from_nanos(late.get()))
}

#[test]
fn backoff_keeps_the_calls_few_and_recovers_soon() {
    for seed in 0..3 {
        let doubling = |attempt: u32| Duration::from_millis(100 * (1 << attempt.min(6)));
        let (patient, recovered) = retrying(seed, doubling);
        let (eager, _) = retrying(seed, |_| Duration::ZERO);
        println!(
            "seed {seed}: {patient:.2} calls a read with backoff, {eager:.2} without; recovered in {recovered:?}"
        );
        assert!(patient < 1.5, "seed {seed}: {patient} calls a read");
        assert!(recovered < secs(15), "seed {seed}: {recovered:?} after the brown-out");
        let more = (eager - 1.0) / (patient - 1.0);
        assert!(more > 3.0, "seed {seed}: retrying at once gave only {more} times the needless calls");
    }
}
