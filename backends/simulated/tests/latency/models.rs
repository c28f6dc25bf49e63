//! Every model against its closed form; scenario 6.

use std::time::Duration;

use larder::{ErrorKind, Result};
use larder_simulated::draw::Draws;
use larder_simulated::latency::{Factor, Histogram, Latency, Legs};

use crate::{MILLION, assert_quantiles, even, ms, random, secs, us};

type ClosedForm = Box<dyn Fn(f64) -> f64>;

/// Quantiles of the standard normal distribution, from tables.
fn z(q: f64) -> f64 {
    let known = [(0.01, -2.326_348), (0.1, -1.281_552), (0.5, 0.0), (0.9, 1.281_552), (0.99, 2.326_348)];
    let rare = [(0.999, 3.090_232), (0.9999, 3.719_016)];
    known.iter().chain(&rare).find(|(known, _)| *known == q).unwrap().1
}

const QUANTILES: [f64; 7] = [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999];

fn models() -> Vec<(&'static str, Latency, ClosedForm)> {
    let nanos = |time: Duration| time.as_nanos() as f64;
    let body = move |q: f64| nanos(ms(25)) * (80.0f64 / 25.0).powf(z(q) / z(0.99));
    let (wide, narrow) = (ms(1), ms(2));
    let lognormal = Latency::lognormal(ms(25), ms(80)).unwrap();
    let tail = lognormal.with_pareto_tail(0.99, 1.5, secs(30)).unwrap();
    let pareto = move |q: f64| {
        if q <= 0.99 { body(q) } else { nanos(ms(80)) * (0.01f64 / (1.0 - q)).powf(1.0 / 1.5) }
    };
    let points = [(0.5, ms(25)), (0.99, ms(80)), (0.999, ms(370)), (0.9999, ms(900))];
    let two = [(0.5, ms(1)), (0.99, ms(100))];
    let uniform =
        move |from: Duration, to: Duration| move |q: f64| nanos(from) + q * (nanos(to) - nanos(from));
    let half = Latency::uniform(ms(10), ms(30)).unwrap();
    let mixture = Latency::mixture(&[(1.0, half.clone()), (3.0, Latency::uniform(ms(30), ms(90)).unwrap())]);
    let samples: Vec<Duration> = (0..=100_000).map(|n| us(1000) + Duration::from_nanos(n * 50)).collect();
    let mut histogram = Histogram::new();
    samples.iter().for_each(|sample| histogram.record(sample.as_nanos() as u64));
    let memoryless = Latency::exponential(ms(4));
    vec![
        ("constant", Latency::constant(ms(7)), Box::new(move |_| nanos(ms(7)))),
        ("zero", Latency::zero(), Box::new(|_| 0.0)),
        ("uniform", Latency::uniform(wide, narrow).unwrap(), Box::new(uniform(wide, narrow))),
        ("exponential", memoryless, Box::new(move |q| -nanos(ms(4)) * (1.0 - q).ln())),
        ("lognormal", lognormal.clone(), Box::new(body)),
        ("pareto tail", tail.clone(), Box::new(pareto)),
        ("pareto, capped", lognormal.with_pareto_tail(0.99, 1.5, ms(300)).unwrap(), {
            Box::new(move |q| pareto(q).min(nanos(ms(300))))
        }),
        ("quantiles", Latency::quantiles(&points).unwrap(), {
            Box::new(move |q| match q {
                0.999 => nanos(ms(370)),
                0.9999 => nanos(ms(900)),
                _ => body(q),
            })
        }),
        ("two quantiles", Latency::quantiles(&two).unwrap(), {
            Box::new(move |q| nanos(ms(1)) * 100f64.powf(z(q) / z(0.99)))
        }),
        ("mixture", mixture.unwrap(), {
            Box::new(move |q| {
                if q < 0.25 {
                    uniform(ms(10), ms(30))(q * 4.0)
                } else {
                    uniform(ms(30), ms(90))((q - 0.25) / 0.75)
                }
            })
        }),
        ("samples", Latency::empirical(&samples).unwrap(), Box::new(uniform(ms(1), ms(6)))),
        ("histogram", Latency::from_histogram(&histogram).unwrap(), Box::new(uniform(ms(1), ms(6)))),
        ("plus", tail.plus(ms(80)), Box::new(move |q| pareto(q) + nanos(ms(80)))),
        ("scaled", tail.scaled(Factor::percent(250)), Box::new(move |q| pareto(q) * 2.5)),
    ]
}

#[test]
fn sampled_quantiles_are_within_a_hundredth_of_the_closed_form() {
    for (name, latency, closed) in models() {
        for q in QUANTILES {
            let (expected, table) = (closed(q), latency.quantile(q) as f64);
            assert!(
                (table - expected).abs() <= expected * 0.01 + 1.0,
                "{name}: {table} at {q}, not {expected}"
            );
        }
        let at = |q, tolerance| (q, closed(q), tolerance);
        assert_quantiles(
            name,
            &latency,
            even,
            &[at(0.5, 0.01), at(0.99, 0.01), at(0.999, 0.01), at(0.9999, 0.01)],
        );
        // Draws at random: a thousand samples lie beyond the 99.9th percentile, too few for a hundredth.
        assert_quantiles(
            name,
            &latency,
            random,
            &[at(0.1, 0.01), at(0.5, 0.01), at(0.99, 0.01), at(0.999, 0.06)],
        );
    }
}

#[test]
fn a_sample_is_one_draw_and_nothing_else() {
    for (name, latency, _) in models() {
        let mut last = 0;
        for step in 0..=1000u64 {
            let draw = (u64::MAX / 1000) * step;
            let sample = latency.sample(draw);
            assert_eq!(sample, latency.clone().sample(draw), "{name}");
            assert!(sample >= last, "{name}: a larger draw made a shorter time");
            last = sample;
        }
        assert_eq!(
            (latency.sample(0), latency.sample(u64::MAX)),
            (latency.quantile(0.0), latency.quantile(1.0))
        );
        let draws = Draws::new(1).of(2);
        let whole = Legs::Whole { latency: latency.clone(), effect_percent: 30 };
        let (request, response) = whole.sample(draws);
        assert_eq!(request + response, latency.sample(draws.at(0)), "{name}");
        let apart = Legs::Apart { request: latency.clone(), response: latency.clone() };
        assert_eq!(apart.sample(draws), (latency.sample(draws.at(0)), latency.sample(draws.at(1))), "{name}");
    }
}

#[test]
fn tables_have_the_same_bits_on_every_platform() {
    let lognormal = Latency::lognormal(ms(25), ms(80)).unwrap();
    let tail = lognormal.with_pareto_tail(0.99, 1.5, secs(30)).unwrap();
    let points = Latency::quantiles(&[(0.5, us(360)), (0.99, us(500)), (1.0, us(3400))]).unwrap();
    let mixture = Latency::mixture(&[(0.9, points), (0.1, Latency::exponential(ms(3)))]).unwrap();
    let pin = |latency: &Latency| {
        let draws = (0..MILLION / 10).map(random);
        draws.fold(0u64, |sum, draw| sum.rotate_left(5) ^ latency.sample(draw))
    };
    assert_eq!([&lognormal, &tail, &mixture].map(pin), PINNED);
    assert_eq!(tail.quantile(0.999), PINNED_QUANTILE);
}

/// Changing these changes what every seed in anybody's notes means.
const PINNED: [u64; 3] = [1_006_526_758_404_734_141, 47_733_494_052_862_268, 7_795_328_341_415_481_151];
const PINNED_QUANTILE: u64 = 371_528_730;

#[test]
fn a_mixture_of_constants_jumps_between_them_and_has_their_mean() {
    let latency =
        Latency::mixture(&[(9.0, Latency::constant(ms(1))), (1.0, Latency::constant(ms(100)))]).unwrap();
    assert_eq!(latency.quantile(0.85), 1_000_000);
    assert_eq!(latency.quantile(0.95), 100_000_000);
    let mean = latency.mean() as f64;
    assert!((mean / 10_900_000.0 - 1.0).abs() < 0.04, "{mean}");
}

#[test]
fn the_sum_of_two_times_is_distributed_as_their_samples_are() {
    let (one, other) = (Latency::exponential(ms(3)), Latency::lognormal(ms(2), ms(30)).unwrap());
    let sum = one.then(&other);
    let draws = Draws::new(5);
    let mut samples: Vec<u64> =
        (0..200_000).map(|n| one.sample(draws.of(n).at(0)) + other.sample(draws.of(n).at(1))).collect();
    samples.sort_unstable();
    for q in [0.1, 0.5, 0.9, 0.99] {
        let (model, sampled) = (sum.quantile(q) as f64, samples[(q * 200_000.0) as usize] as f64);
        assert!((model / sampled - 1.0).abs() < 0.02, "{q}: {model}, sampled {sampled}");
    }
    let (mean, parts) = (sum.mean() as f64, (one.mean() + other.mean()) as f64);
    assert!((mean / parts - 1.0).abs() < 0.01, "{mean} is not {parts}");
    assert_eq!(Latency::constant(ms(3)).then(&one).sample(7), one.sample(7) + 3_000_000);
}

#[test]
fn the_share_within_a_time_is_the_inverse_of_the_quantile() {
    for (name, latency, _) in models() {
        for q in [0.003, 0.1, 0.37, 0.5, 0.81, 0.99, 0.9999] {
            let share = latency.share_within(latency.quantile(q));
            assert!(share >= q - 1e-5, "{name}: {share} are within the quantile {q}");
            let flat = latency.quantile(q) == latency.quantile((q + 1e-4).min(1.0));
            assert!(flat || share <= q + 1e-3, "{name}: {share} are within the quantile {q}");
        }
    }
}

#[test]
fn nonsense_is_refused_with_words_that_help() {
    let constant = Latency::constant(ms(10));
    let cases: Vec<(Result<Latency>, &str)> = vec![
        (Latency::uniform(ms(2), ms(1)), "swap"),
        (Latency::lognormal(ms(2), ms(1)), "p99 no shorter"),
        (Latency::lognormal(ms(0), ms(1)), "p50 must be above zero"),
        (Latency::quantiles(&[]), "at least one"),
        (Latency::quantiles(&[(0.9, ms(2)), (0.5, ms(1))]), "sort them"),
        (Latency::quantiles(&[(0.5, ms(2)), (0.9, ms(1))]), "contradict"),
        (Latency::quantiles(&[(50.0, ms(2))]), "between 0 and 1"),
        (Latency::quantiles(&[(-0.5, ms(2))]), "not negative"),
        (Latency::quantiles(&[(f64::NAN, ms(2))]), "not negative"),
        (constant.with_pareto_tail(0.99, 0.0, secs(1)), "alpha above 0"),
        (constant.with_pareto_tail(0.99, -1.5, secs(1)), "not negative"),
        (constant.with_pareto_tail(1.0, 1.5, secs(1)), "between 0 and 1"),
        (constant.with_pareto_tail(0.99, 1.5, ms(1)), "raise the cap"),
        (Latency::mixture(&[]), "weight"),
        (Latency::mixture(&[(0.0, constant.clone())]), "not all zero"),
        (Latency::mixture(&[(-1.0, constant.clone())]), "not negative"),
        (Latency::mixture(&[(f64::INFINITY, constant.clone())]), "not huge"),
        (Latency::empirical(&[]), "record some"),
        (Latency::from_histogram(&Histogram::new()), "record some"),
    ];
    for (result, words) in cases {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(words), "{error} does not say {words:?}");
    }
}

#[test]
fn no_time_is_longer_than_a_year() {
    let year = 365 * 24 * 3600 * 1_000_000_000;
    assert_eq!(Latency::constant(Duration::MAX).sample(0), year);
    let wide = Latency::lognormal(us(1), secs(1_000_000)).unwrap();
    assert_eq!(wide.quantile(1.0), year);
    assert_eq!(wide.scaled(Factor::times(u32::MAX)).plus(Duration::MAX).quantile(1.0), year);
}
