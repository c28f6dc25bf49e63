//! Slow times and outages.

use larder_simulated::draw::{Draws, Ratio};
use larder_simulated::latency::{
    BrownOut, Class, Factor, Latency, Legs, Profile, Regime, RegimeKind, Regimes, Resource, Weather,
};

use crate::{ms, secs};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

fn stormy() -> Profile {
    let legs = Legs::Whole { latency: Latency::constant(ms(10)), effect_percent: 50 };
    let storms =
        BrownOut::every(secs(60)).lasting(secs(20)).factor(Factor::times(20)).errors_per_million(50_000);
    Profile::new("stormy").legs(Class::Read, legs).regime(storms)
}

#[test]
fn the_weather_heeds_no_traffic() {
    let (idle, busy) = (Resource::new(stormy(), Draws::new(1)), Resource::new(stormy(), Draws::new(1)));
    for n in 0..20_000u64 {
        busy.admit(n * SECOND / 7, Class::ALL[n as usize % 7], n, Draws::new(2).of(n));
    }
    // One is first asked about its end, the other step by step.
    let end = idle.weather().at(10 * HOUR);
    assert_eq!(idle.weather().bands(10 * HOUR), busy.weather().bands(10 * HOUR));
    assert_eq!(end, busy.weather().at(10 * HOUR));
    let other = Resource::new(stormy(), Draws::new(3));
    assert_ne!(idle.weather().bands(HOUR), other.weather().bands(HOUR));
}

#[test]
fn slow_times_come_as_often_and_last_as_long_as_the_profile_says() {
    let bands = Resource::new(stormy(), Draws::new(4)).weather().bands(1_000 * HOUR);
    assert_eq!((bands[0].from, bands[0].regime.kind), (0, RegimeKind::Normal));
    assert!(bands.windows(2).all(|two| two[0].to == two[1].from && two[0].regime != two[1].regime));
    for (kind, mean) in [(RegimeKind::Normal, 60.0), (RegimeKind::BrownOut, 20.0)] {
        let lengths: Vec<f64> = bands
            .iter()
            .filter(|band| band.regime.kind == kind)
            .map(|band| (band.to - band.from) as f64 / 1e9)
            .collect();
        let seen = lengths.iter().sum::<f64>() / lengths.len() as f64;
        assert!(lengths.len() > 40_000 && (seen / mean - 1.0).abs() < 0.02, "{kind}: {seen} s");
        // Exponential: a share of 1/e lasts longer than the mean.
        let longer = lengths.iter().filter(|length| **length > mean).count() as f64 / lengths.len() as f64;
        assert!((longer - (-1.0f64).exp()).abs() < 0.01, "{kind}: {longer} last longer than the mean");
    }
}

#[test]
fn regimes_follow_by_their_weights() {
    let profile = Profile::named("s3-standard-bad-day").unwrap();
    let bands = Resource::new(profile, Draws::new(5)).weather().bands(2_000 * HOUR);
    let after = |kind| {
        let next: Vec<RegimeKind> =
            bands.windows(2).filter(|two| two[0].regime.kind == kind).map(|two| two[1].regime.kind).collect();
        move |of| next.iter().filter(|next| **next == of).count() as f64 / next.len() as f64
    };
    let normal = after(RegimeKind::Normal);
    for (kind, share) in [(RegimeKind::Slow, 0.6), (RegimeKind::BrownOut, 0.3), (RegimeKind::Down, 0.1)] {
        assert!((normal(kind) - share).abs() < 0.02, "{kind}: {}", normal(kind));
    }
    assert_eq!(after(RegimeKind::Down)(RegimeKind::BrownOut), 1.0);
}

#[test]
fn an_operation_meets_the_regime_of_its_start() {
    let resource = Resource::new(stormy().regime(Regimes::calm()), Draws::new(1));
    resource.brown_out(SECOND, 2 * SECOND, Factor::times(7), Ratio::percent(30));
    let took = |now| {
        let times = resource.admit(now, Class::Read, 0, Draws::new(1));
        (times.regime.kind, (times.effect - now) / 1_000_000, (times.acknowledge - now) / 1_000_000)
    };
    assert_eq!(took(SECOND - 1), (RegimeKind::Normal, 5, 10));
    assert_eq!(took(SECOND), (RegimeKind::BrownOut, 35, 70));
    assert_eq!(took(2 * SECOND), (RegimeKind::Normal, 5, 10));
    // Not of its submission: this one waits until the brown-out is over, that one until it has begun.
    let queue = Resource::new(stormy().regime(Regimes::calm()).servers(1), Draws::new(1));
    queue.brown_out(SECOND, 2 * SECOND, Factor::times(7), Ratio::ZERO);
    let kind = |now| queue.admit(now, Class::Read, 0, Draws::new(1)).regime.kind;
    assert_eq!([kind(SECOND - 1), kind(SECOND - 1)], [RegimeKind::Normal, RegimeKind::BrownOut]);
    let kinds: Vec<RegimeKind> = (0..20).map(|_| kind(SECOND)).collect();
    assert_eq!(kinds.last(), Some(&RegimeKind::Normal));

    let regime = resource.weather().at(SECOND);
    assert_eq!((regime.factor, regime.errors), (Factor::times(7), Ratio::percent(30)));
}

#[test]
fn bandwidth_shrinks_with_the_weather() {
    let resource = Resource::new(stormy().regime(Regimes::calm()).per_byte(1_000_000), Draws::new(1));
    resource.brown_out(SECOND, 9 * SECOND, Factor::times(4), Ratio::ZERO);
    let took = |now| resource.admit(now, Class::Read, 100_000, Draws::new(1)).acknowledge - now;
    assert_eq!((took(0), took(SECOND)), (110_000_000, 440_000_000));
    assert_eq!(resource.transfer(SECOND, Class::Read, 1_000), SECOND + 4_000_000);
}

#[test]
fn what_is_scheduled_later_comes_first_and_healing_ends_it_all() {
    let resource = Resource::new(stormy(), Draws::new(6));
    resource.brown_out(10 * SECOND, 50 * SECOND, Factor::times(2), Ratio::ZERO);
    resource.outage(20 * SECOND, 30 * SECOND);
    let kind = |at| resource.weather().at(at * SECOND).kind;
    assert_eq!(
        [kind(19), kind(20), kind(29), kind(30)].map(RegimeKind::name),
        ["brown-out", "down", "down", "brown-out"]
    );
    resource.admit(25 * SECOND, Class::Read, 0, Draws::new(1));
    resource.heal();
    assert_eq!(kind(24), RegimeKind::Down);
    assert!((25..3600).all(|second| kind(second) == RegimeKind::Normal));
    let bands = resource.weather().bands(HOUR);
    assert_eq!(bands.last().map(|band| (band.from, band.regime)), Some((25 * SECOND, Regime::NORMAL)));
    // What is scheduled after healing holds.
    resource.outage(100 * SECOND, 101 * SECOND);
    assert_eq!((kind(100), kind(101)), (RegimeKind::Down, RegimeKind::Normal));
}

#[test]
fn resources_that_share_the_weather_are_slow_together() {
    let weather = Weather::new(stormy().chain(), Draws::new(7));
    let share = |seed| Resource::under(stormy(), weather.clone(), Draws::new(seed));
    let (one, other) = (share(8), share(9));
    let regimes = |resource: &Resource| {
        let admit = |n: u64| resource.admit(n * SECOND, Class::Read, 0, Draws::new(1).of(n)).regime.kind;
        (0..2_000).map(admit).collect::<Vec<_>>()
    };
    let seen = regimes(&one);
    assert_eq!(seen, regimes(&other));
    assert!(seen.contains(&RegimeKind::BrownOut) && seen.contains(&RegimeKind::Normal));
    one.outage(5_000 * SECOND, 5_001 * SECOND);
    assert_eq!(other.weather().at(5_000 * SECOND), Regime::DOWN);
}
