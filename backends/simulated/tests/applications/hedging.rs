//! Scenario 31: a second read, sent when the first is slower than most, cuts the tail at little cost.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use larder_simulated::latency::{Class, Latency, Legs};
use larder_simulated::run;

use crate::support::{Count, quantile, secs, steady, store};

const READS: u64 = 3000;

/// What is at the quantile 0.99, and how many calls there were for each read.
fn reading(hedge_after: Option<Duration>) -> (Duration, f64) {
    let (calls, p99) = (Count::default(), Count::default());
    let (seen, slowest) = (calls.clone(), p99.clone());
    run::seeds([5]).run(move |cx| {
        let (calls, p99) = (seen.clone(), slowest.clone());
        async move {
            // A body of 20 ms, and two reads in a hundred that take half a second and more.
            let body = Latency::lognormal(Duration::from_millis(20), Duration::from_millis(40))?;
            let slow = Latency::uniform(Duration::from_millis(500), Duration::from_millis(900))?;
            let tail = Latency::mixture(&[(0.98, body), (0.02, slow)])?;
            let profile =
                steady("s3-standard").legs(Class::Read, Legs::Whole { latency: tail, effect_percent: 50 });
            let store = store(&cx, profile);
            let larder = store.larder(0);
            larder.bassoc("key", vec![7; 100]).await?;
            let mut times = Vec::new();
            for _ in 0..READS {
                let began = cx.clock().nanos();
                calls.add(1);
                let first = pin!(larder.bget("key"));
                match hedge_after {
                    None => drop(first.await?),
                    Some(after) => match select(first, cx.clock().sleep_for(after)).await {
                        Either::Left((answer, _)) => drop(answer?),
                        Either::Right((_, first)) => {
                            calls.add(1);
                            match select(first, pin!(larder.bget("key"))).await {
                                Either::Left((answer, _)) => drop(answer?),
                                Either::Right((answer, _)) => drop(answer?),
                            }
                        }
                    },
                }
                times.push(cx.clock().nanos() - began);
            }
            p99.add(quantile(&mut times, 0.99));
            Ok(())
        }
    });
    (Duration::from_nanos(p99.get()), calls.get() as f64 / READS as f64)
}

#[test]
fn a_hedged_read_cuts_the_tail_to_a_third_for_a_twentieth_more_calls() {
    let (plain, one) = reading(None);
    let (hedged, load) = reading(Some(Duration::from_millis(60)));
    println!("p99 {plain:?} plain, {hedged:?} hedged, {load:.3} calls a read");
    assert_eq!(one, 1.0);
    assert!(plain > secs(0) + Duration::from_millis(500) && hedged * 3 <= plain, "{plain:?}, {hedged:?}");
    assert!(load <= 1.05, "{load} calls a read");
}
