//! Scenario 37: overload that feeds itself (Bronson et al.: Metastable Failures in Distributed Systems,
//! 2021). A spike of load fills the queue; clients that give up and ask again keep it full long after the
//! spike. A budget for retries lets it drain.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use larder_simulated::latency::{Class, Latency, Legs};
use larder_simulated::run::{self, Context};

use crate::support::{Count, Store, ms, secs, steady, store};

/// Reads that were answered in time in the last minute, long after the spike, of those that began in it.
fn late_goodput(retries: u32) -> f64 {
    let (asked, answered) = (Count::default(), Count::default());
    let counts = (asked.clone(), answered.clone());
    run::seeds([11]).run(move |cx| {
        let (asked, answered) = counts.clone();
        async move {
            // Ten servers, 100 ms each: a hundred reads a second.
            let legs = Legs::Whole { latency: Latency::constant(ms(100)), effect_percent: 50 };
            let profile = steady("s3-standard").legs(Class::Read, legs).servers(10);
            let store = store(&cx, profile);
            store.larder(0).assoc("key", &1).await?;
            let mut number = 0u64;
            while cx.clock().nanos() < 180_000_000_000 {
                let now = Duration::from_nanos(cx.clock().nanos());
                let spike = (secs(20)..secs(30)).contains(&now);
                let (asked, answered) =
                    if now >= secs(120) { (asked.clone(), answered.clone()) } else { Default::default() };
                number += 1;
                let one = read(cx.clone(), store.clone(), number, retries);
                cx.spawn(format!("read {number}"), async move {
                    asked.add(1);
                    answered.add(u64::from(one.await));
                });
                // 50 reads a second; in the spike 250.
                cx.clock().sleep_for(ms(if spike { 4 } else { 20 })).await;
            }
            Ok(())
        }
    });
    answered.get() as f64 / asked.get() as f64
}

/// One read that is given up after a second, and asked again so many times.
async fn read(cx: Context, store: Store, client: u64, retries: u32) -> bool {
    let larder = store.larder(client);
    for _ in 0..=retries {
        let read = pin!(larder.get::<u64>("key"));
        if let Either::Left((answer, _)) = select(read, cx.clock().sleep_for(secs(1))).await
            && answer.is_ok()
        {
            return true;
        }
    }
    false
}

#[test]
fn load_that_feeds_itself_is_seen_and_a_budget_for_retries_ends_it() {
    let (budget, none) = (late_goodput(0), late_goodput(4));
    println!(
        "answered in time, a minute and a half after the spike: {budget:.2} with a budget, {none:.2} without"
    );
    assert!(budget > 0.99, "{budget}");
    assert!(none < 0.5, "asking again without end must keep the queue full: {none}");
}
