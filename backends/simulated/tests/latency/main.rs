//! Latency as a whole: what models and profiles promise comes out of them, queues obey the laws of
//! queues, the weather heeds no traffic, no operation changes another's luck, and a recording gives back
//! what it was made from.

mod models;
mod profiles;
mod queues;
mod recordings;
mod weather;

use std::time::Duration;

use larder_simulated::draw::Draws;
use larder_simulated::latency::Latency;

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const MILLION: u64 = 1_000_000;

/// A quantile, the time that it should be in nanoseconds, and how far off it may be.
type Expected = (f64, f64, f64);

/// The quantiles of a million samples are what they should be. `draws` gives the draws by number.
fn assert_quantiles(name: &str, latency: &Latency, draws: impl Fn(u64) -> u64, expected: &[Expected]) {
    // The lower and the upper bound of each, rising; and how many samples lie between one and the next.
    let bound = |(_, time, off): &Expected| [(time * (1.0 - off)) as u64, (time * (1.0 + off)) as u64 + 1];
    let mut bounds: Vec<u64> = expected.iter().flat_map(bound).collect();
    bounds.sort_unstable();
    let mut between = vec![0u64; bounds.len() + 1];
    for n in 0..MILLION {
        let (sample, mut at) = (latency.sample(draws(n)), 0);
        while at < bounds.len() && sample >= bounds[at] {
            at += 1;
        }
        between[at] += 1;
    }
    for (q, time, off) in expected {
        let below =
            |bound: u64| -> u64 { between[..=bounds.partition_point(|other| *other < bound)].iter().sum() };
        let (rank, counts) = ((q * MILLION as f64) as u64, bound(&(*q, *time, *off)).map(below));
        assert!(
            counts[0] <= rank && rank <= counts[1],
            "{name}: the quantile {q} is not within {off} of {time}: its rank is not in {counts:?}"
        );
    }
}

/// Draws as an operation has them.
fn random(n: u64) -> u64 {
    Draws::new(20_261_121).domain("test").of(n).at(0)
}

/// Draws that are spread as evenly as can be (Weyl's sequence of the golden ratio): what they show of the
/// tail is the table, not luck.
fn even(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
