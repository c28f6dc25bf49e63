//! Queues, limits and bandwidth; scenarios 7, 35 and 39, and the independence of draws.

use larder_simulated::draw::{Draws, below};
use larder_simulated::latency::{
    Class, Cold, Latency, Legs, Limit, Over, Pauses, Profile, Rates, Resource, Service, Times,
};

use crate::{ms, secs};

const MS: u64 = 1_000_000;

fn whole(latency: Latency) -> Legs {
    Legs::Whole { latency, effect_percent: 50 }
}

/// A service whose reads take such a time.
fn reads(latency: Latency) -> Profile {
    Profile::new("test").legs(Class::Read, whole(latency))
}

/// Submission and times of so many reads that come at random, `rate` a second.
fn poisson(profile: Profile, seed: u64, count: u64, rate: f64) -> (Vec<(u64, Times)>, Resource) {
    let draws = Draws::new(seed);
    let gap = Latency::exponential(std::time::Duration::from_secs_f64(1.0 / rate));
    let resource = Resource::new(profile, draws.domain("resource"));
    let (mut now, mut times) = (0, Vec::new());
    for n in 0..count {
        now += gap.sample(draws.domain("arrivals").at(n));
        times.push((now, resource.admit(now, Class::Read, 0, draws.domain("operations").of(n))));
    }
    (times, resource)
}

/// Mean time from submission to acknowledgement, in seconds.
fn mean_sojourn(times: &[(u64, Times)]) -> f64 {
    let sum: u128 = times.iter().map(|(now, times)| u128::from(times.acknowledge - now)).sum();
    sum as f64 / times.len() as f64 / 1e9
}

#[test]
fn one_server_with_random_arrivals_waits_as_the_theory_of_queues_says() {
    // M/M/1: the mean time in the system is 1 / (mu - lambda).
    for (rate, tolerance) in [(50.0, 0.02), (80.0, 0.04)] {
        let (times, _) = poisson(reads(Latency::exponential(ms(10))).servers(1), 1, 300_000, rate);
        let (mean, theory) = (mean_sojourn(&times), 1.0 / (100.0 - rate));
        assert!((mean / theory - 1.0).abs() < tolerance, "{rate} a second: {mean} s, not {theory}");
    }
}

#[test]
fn four_servers_with_random_arrivals_wait_as_the_theory_of_queues_says() {
    // M/M/4 with 300 arrivals and 4 x 100 services a second: Erlang's C formula.
    let (a, c) = (3.0f64, 4.0);
    let waiting = a.powi(4) / 24.0 * c / (c - a);
    let chance = waiting / (1.0 + a + a * a / 2.0 + a * a * a / 6.0 + waiting);
    let theory = chance / (400.0 - 300.0) + 0.01;
    let (times, _) = poisson(reads(Latency::exponential(ms(10))).servers(4), 2, 300_000, 300.0);
    let mean = mean_sojourn(&times);
    assert!((mean / theory - 1.0).abs() < 0.03, "{mean} s, not {theory}");
}

#[test]
fn the_number_in_the_system_is_the_rate_times_the_time_there() {
    // Little's law, on what a profile with everything makes of 200,000 reads.
    let profile = Profile::named("s3-standard").unwrap().servers(12).no_limits();
    let (times, resource) = poisson(profile, 3, 200_000, 300.0);
    let end = times.iter().map(|(_, times)| times.acknowledge).max().unwrap();
    // How many are present, looked at every millisecond.
    let mut changes = vec![0i64; (end / MS) as usize + 2];
    for (now, times) in &times {
        changes[now.div_ceil(MS) as usize] += 1;
        changes[times.acknowledge.div_ceil(MS) as usize] -= 1;
    }
    let (mut present, mut sum) = (0, 0);
    for change in &changes {
        present += change;
        sum += present;
    }
    let seen = sum as f64 / changes.len() as f64;
    let law = times.len() as f64 / (end as f64 / 1e9) * mean_sojourn(&times);
    assert!((seen / law - 1.0).abs() < 0.02, "{seen} present, by the law {law}");
    assert!(law > 8.0, "{law}: the queue was hardly used");

    // And what the resource itself reports.
    let totals = resource.totals();
    assert_eq!(totals.admitted, 200_000);
    assert!(totals.most_in_flight == 12 && totals.most_queued > 10, "{totals:?}");
    let loads = resource.load();
    let reported: f64 =
        loads.iter().map(|load| (load.queued + load.in_flight) * (load.to - load.from) as f64).sum();
    assert!((reported / end as f64 / law - 1.0).abs() < 0.02);
    assert!(loads.len() <= 512 && loads.iter().all(|load| load.in_flight <= 12.0 + 1e-9));
}

#[test]
fn the_same_seed_gives_the_same_times_and_another_seed_others() {
    let run = |seed| poisson(Profile::named("s3-standard-bad-day").unwrap().servers(9), seed, 5_000, 200.0).0;
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
}

#[test]
fn no_class_is_ever_served_by_more_servers_than_it_has() {
    let profile = reads(Latency::exponential(ms(10)))
        .legs(Class::Write, whole(Latency::exponential(ms(20))))
        .servers(5)
        .class_servers(Class::Write, 3)
        .class_servers(Class::List, 1);
    let draws = Draws::new(6);
    let resource = Resource::new(profile, draws);
    let (mut now, mut served) = (0, Vec::new());
    for n in 0..20_000 {
        let draws = draws.domain("operations").of(n);
        now += below(draws.at(100), 4 * MS);
        let class = Class::ALL[below(draws.at(101), 7) as usize];
        let times = resource.admit(now, class, 0, draws);
        assert!(now <= times.start && times.start <= times.effect && times.effect <= times.acknowledge);
        served.push((class, times));
    }
    // Removals and batches are not described, so they use the servers of writes.
    let pools: [(&[Class], i32); 3] = [
        (&[Class::Read, Class::Head], 5),
        (&[Class::Write, Class::Remove, Class::Batch], 3),
        (&[Class::List], 1),
    ];
    for (classes, servers) in pools {
        let mut events: Vec<(u64, i32)> = Vec::new();
        let (mut before, mut waited) = (0, 0);
        for (_, times) in served.iter().filter(|(class, _)| classes.contains(class)) {
            events.extend([(times.start, 1), (times.acknowledge, -1)]);
            assert!(times.start >= before, "{classes:?}: who came later was served first");
            waited += u32::from(times.start == before);
            before = times.start;
        }
        events.sort_unstable();
        let mut busy = 0;
        let most = events.iter().map(|(_, change)| (busy += change, busy).1).max();
        assert_eq!(most, Some(servers), "{classes:?}");
        assert!(waited < 20_000);
    }
}

#[test]
fn without_an_operation_all_others_draw_the_same() {
    let profile = Profile::named("s3-standard-bad-day").unwrap().cold(None);
    let run = |profile: &Profile, without: Option<u64>| {
        let draws = Draws::new(7);
        let resource = Resource::new(profile.clone(), draws.domain("resource"));
        let operations = (0..2_000u64).filter(|n| Some(*n) != without);
        operations
            .map(|n| {
                (n, resource.admit(n * MS, Class::ALL[n as usize % 6], 0, draws.domain("operations").of(n)))
            })
            .collect::<Vec<_>>()
    };
    // With nothing to wait for, leaving out one changes no other at all.
    let all = run(&profile, None);
    let left = run(&profile, Some(100));
    assert_eq!(all.iter().filter(|(n, _)| *n != 100).copied().collect::<Vec<_>>(), left);

    // With a queue, it changes when others start and so which weather they meet, but not their draws.
    let queued = reads(Latency::exponential(ms(10)))
        .legs(Class::Write, whole(Latency::exponential(ms(10))))
        .servers(8);
    let (all, left) = (run(&queued, None), run(&queued, Some(100)));
    let all: Vec<_> = all.into_iter().filter(|(n, _)| *n != 100).collect();
    let legs = |times: &Times| (times.effect - times.start, times.acknowledge - times.effect);
    assert!(all.iter().zip(&left).all(|(one, other)| one.0 == other.0 && legs(&one.1) == legs(&other.1)));
    assert!(all.iter().zip(&left).any(|(one, other)| one.1.start > other.1.start), "nobody waited for it");
}

#[test]
fn the_effect_lies_between_start_and_acknowledgement() {
    let legs = Legs::Apart { request: Latency::constant(ms(3)), response: Latency::constant(ms(4)) };
    let profile =
        Profile::new("test").with_service(Class::Write, Service::new(legs)).servers(1).per_byte(1000);
    let resource = Resource::new(profile, Draws::new(1));
    let first = resource.admit(0, Class::Write, 2, Draws::new(1).of(1));
    assert_eq!((first.start, first.effect, first.acknowledge), (0, 5 * MS, 9 * MS));
    let second = resource.admit(1, Class::Write, 0, Draws::new(1).of(2));
    assert_eq!((second.start, second.effect, second.acknowledge), (9 * MS, 12 * MS, 16 * MS));
    assert_eq!(resource.depth(1), (1, 1));
    assert_eq!((resource.depth(9 * MS), resource.depth(16 * MS)), ((0, 1), (0, 0)));
}

#[test]
fn over_the_limit_operations_are_turned_away_or_wait() {
    let run = |over| {
        let limit = Limit { classes: vec![Class::Read, Class::Head], per_second: 100, burst: 10, over };
        let resource = Resource::new(reads(Latency::constant(ms(1))).limit(limit), Draws::new(1));
        let admit = |n: u64| resource.admit(n * MS, Class::Read, 0, Draws::new(1).of(n));
        let times: Vec<Times> = (0..1_000).map(admit).collect();
        // A class that the limit does not concern.
        assert_eq!(resource.admit(999 * MS, Class::Sync, 0, Draws::new(1)).start, 999 * MS);
        (times, resource.totals())
    };
    let (times, totals) = run(Over::Throttle);
    let served = times.iter().filter(|times| times.throttled.is_none()).count();
    // A burst of ten, and then 100 a second for a second.
    assert!((109..=111).contains(&served), "{served}");
    assert_eq!((totals.admitted, totals.throttled), (served as u64 + 1, 1_000 - served as u64));
    for (n, times) in times.iter().enumerate() {
        let now = n as u64 * MS;
        assert_eq!((times.start, times.acknowledge), (now, now + MS));
        assert!(times.throttled.is_none_or(|wait| wait > 0 && wait <= 10 * MS), "{times:?}");
    }
    let (times, totals) = run(Over::Wait);
    assert_eq!((totals.admitted, totals.throttled), (1_001, 0));
    let last = times.last().unwrap();
    assert!(last.start.abs_diff(9_900 * MS) <= 10 * MS, "{last:?}");
}

#[test]
fn who_is_turned_away_and_comes_back_when_told_is_served() {
    let limit = Limit { classes: vec![Class::Read], per_second: 7, burst: 1, over: Over::Throttle };
    let resource = Resource::new(reads(Latency::zero()).limit(limit), Draws::new(1));
    assert_eq!(resource.admit(5, Class::Read, 0, Draws::new(1)).throttled, None);
    let wait = resource.admit(6, Class::Read, 0, Draws::new(1)).throttled.unwrap();
    assert!(resource.admit(6 + wait - 1, Class::Read, 0, Draws::new(1)).throttled.is_some());
    assert_eq!(resource.admit(6 + wait, Class::Read, 0, Draws::new(1)).throttled, None);
}

#[test]
fn a_large_upload_does_not_hold_up_small_reads() {
    // Scenario 35: 100 MB up while 1 KB reads go on; and the other way round, over the same direction.
    let profile = Profile::named("s3-standard").unwrap().cold(None);
    let p99 = |large: Option<Class>| {
        let (draws, resource) = (Draws::new(8), Resource::new(profile.clone(), Draws::new(9)));
        if let Some(class) = large {
            let times = resource.admit(0, class, 100_000_000, draws.domain("large"));
            assert!(times.acknowledge > 1_000 * MS, "{times:?}");
        }
        let admit = |n: u64| {
            let now = n * MS / 2;
            resource.admit(now, Class::Read, 1_000, draws.of(n)).acknowledge - now
        };
        let mut took: Vec<u64> = (0..2_000).map(admit).collect();
        took.sort_unstable();
        took[1_980]
    };
    let alone = p99(None);
    assert_eq!(p99(Some(Class::Write)), alone);
    assert_eq!(p99(Some(Class::Read)), alone);
    // Where the pipe is no wider than one stream, it does.
    let narrow = profile.shared(Rates { up_bytes_per_second: 0, down_bytes_per_second: 80_000_000 });
    let resource = Resource::new(narrow, Draws::new(9));
    let large = resource.admit(0, Class::Read, 100_000_000, Draws::new(1).of(1));
    let small = resource.admit(500 * MS, Class::Read, 1_000, Draws::new(1).of(2));
    assert!(small.acknowledge > 1_200 * MS && large.acknowledge > 1_200 * MS, "{small:?}");
}

#[test]
fn bytes_that_are_known_late_take_as_long_as_those_known_early() {
    let profile = reads(Latency::constant(ms(2))).per_byte(1_000_000);
    let early = Resource::new(profile.clone(), Draws::new(1));
    let late = Resource::new(profile, Draws::new(1));
    let one = early.admit(0, Class::Read, 5_000, Draws::new(1));
    let other = late.admit(0, Class::Read, 0, Draws::new(1));
    assert_eq!(one.acknowledge, 7 * MS);
    assert_eq!(late.transfer(other.acknowledge, Class::Read, 5_000), 7 * MS);
    assert_eq!(late.transfer(9, Class::Read, 0), 9);
}

#[test]
fn a_connection_is_cold_at_first_and_after_idling() {
    let profile = reads(Latency::constant(ms(1))).cold(Some(Cold::new(Latency::constant(ms(30)), secs(20))));
    let resource = Resource::new(profile, Draws::new(1));
    let admit = |now| {
        let times = resource.admit(now, Class::Read, 0, Draws::new(1));
        (times.cold, times.acknowledge - now)
    };
    assert_eq!(admit(0), (true, 31 * MS));
    // The first is busy: another connection.
    assert_eq!(admit(MS), (true, 31 * MS));
    assert_eq!(admit(100 * MS), (false, MS));
    assert_eq!(admit(19_000 * MS), (false, MS));
    assert_eq!(admit(60_000 * MS), (true, 31 * MS));
}

#[test]
fn in_a_pause_everything_stands_still() {
    let pauses = Pauses::new(secs(1), Latency::constant(ms(200)));
    let with = reads(Latency::constant(ms(1))).pauses(Some(pauses));
    let resource = Resource::new(with, Draws::new(1));
    let took: Vec<u64> = (0..10_000u64)
        .map(|n| resource.admit(n * MS, Class::Read, 0, Draws::new(1).of(n)).acknowledge - n * MS)
        .collect();
    let paused = took.iter().filter(|took| **took > MS).count();
    // A fifth of the time, and whoever is on the way when it begins.
    assert!((1_900..=2_110).contains(&paused), "{paused}");
    assert!(took.iter().all(|took| *took <= 202 * MS));
    assert!(took.iter().any(|took| *took > 190 * MS));
}
