//! The shipped profiles, and profiles as text.

use larder::ErrorKind;
use larder_simulated::draw::Draws;
use larder_simulated::latency::{
    BrownOut, Class, Cold, Factor, Latency, Legs, Limit, Over, Pauses, Profile, Rates, Resource, Service,
};

use crate::{assert_quantiles, even, ms, random, secs};

#[test]
fn every_shipped_profile_parses_and_has_a_source_and_gives_what_it_documents() {
    let wanted = [
        "memory",
        "local-nvme",
        "local-disk",
        "redis-same-zone",
        "redis-cross-zone",
        "s3-standard",
        "s3-express",
        "cross-region",
    ];
    assert!(wanted.iter().all(|name| Profile::names().any(|known| known == *name)));
    for name in Profile::names() {
        let profile = Profile::named(name).unwrap();
        assert_eq!(profile.name(), name);
        assert!(!profile.sources().is_empty() && !profile.about().is_empty(), "{name}");
        assert!(profile.date().len() == 10 && profile.note().contains("calibrate"), "{name}");
        for class in [Class::Read, Class::Write] {
            let service = profile.service(class);
            let documented =
                service.documented().unwrap_or_else(|| panic!("{name}: {class} documents nothing"));
            let total = service.legs().total();
            let expected = [(0.5, documented.p50()), (0.99, documented.p99())];
            let expected = expected.map(|(q, time)| (q, time.as_nanos() as f64, 0.01));
            assert_quantiles(&format!("{name}, {class}"), &total, random, &expected);
        }
        let again = Profile::parse(&profile.to_text()).unwrap();
        assert_eq!(again, profile, "{name}");
        assert_eq!(again.to_text(), profile.to_text(), "{name}");
    }
}

#[test]
fn sampled_quantiles_of_every_class_of_every_profile_are_within_a_hundredth() {
    for name in Profile::names() {
        let profile = Profile::named(name).unwrap();
        let mut seen: Vec<Latency> = Vec::new();
        for class in Class::ALL {
            let total = profile.service(class).legs().total();
            if !total.is_zero() && !seen.contains(&total) {
                let expected = [0.5, 0.9, 0.99, 0.999, 0.9999].map(|q| (q, total.quantile(q) as f64, 0.01));
                assert_quantiles(&format!("{name}, {class}"), &total, even, &expected);
                seen.push(total);
            }
        }
        assert!(seen.len() >= 2, "{name}");
    }
}

#[test]
fn the_profiles_stand_in_the_order_in_which_people_know_them() {
    let read = |name: &str| Profile::named(name).unwrap().service(Class::Read).legs().total().quantile(0.5);
    let order = ["memory", "local-nvme", "redis-same-zone", "redis-cross-zone", "s3-express", "s3-standard"];
    assert!(order.windows(2).all(|two| read(two[0]) < read(two[1])));
    assert!(read("s3-standard") < read("cross-region"));
}

#[test]
fn no_profile_takes_no_time() {
    let resource = Resource::new(Profile::none(), Draws::new(1));
    for class in Class::ALL {
        let times = resource.admit(77, class, u64::MAX, Draws::new(1));
        assert_eq!((times.start, times.effect, times.acknowledge), (77, 77, 77));
        assert!(times.throttled.is_none() && !times.cold);
    }
    assert_eq!(Profile::named("none").unwrap(), Profile::none());
}

#[test]
fn a_profile_with_everything_comes_back_from_its_text() {
    let legs = Legs::Apart {
        request: Latency::quantiles(&[(0.5, ms(1)), (0.999, ms(20))]).unwrap(),
        response: Latency::mixture(&[(0.7, Latency::exponential(ms(3))), (0.3, Latency::constant(ms(1)))])
            .unwrap(),
    };
    let profile = Profile::new("all")
        .describe("all there is", &["made up"], "2026-11-21", "none")
        .with_service(Class::Write, Service::new(legs.clone()).servers(3))
        .legs(
            Class::List,
            Legs::Whole { latency: Latency::empirical(&[ms(1), ms(2)]).unwrap(), effect_percent: 7 },
        )
        .scaled(Factor::percent(130))
        .servers(64)
        .stream(Rates { up_bytes_per_second: 5, down_bytes_per_second: 6 })
        .shared(Rates { up_bytes_per_second: 7, down_bytes_per_second: 8 })
        .limit(Limit { classes: vec![Class::Read], per_second: 9, burst: 10, over: Over::Throttle })
        .cold(Some(Cold::new(Latency::constant(ms(5)), secs(60))))
        .pauses(Some(Pauses::new(secs(10), Latency::uniform(ms(1), ms(50)).unwrap())))
        .regime(BrownOut::every(secs(600)).lasting(secs(30)).factor(Factor::times(20)).errors_per_million(7));
    let again = Profile::parse(&profile.to_text()).unwrap();
    assert_eq!(again, profile);
    assert_eq!(again.to_text(), profile.to_text());
}

#[test]
fn figures_are_set_by_text_as_in_a_url() {
    let profile = Profile::named("s3-standard").unwrap();
    let set = profile.clone().set("servers", "64").unwrap().set("per-byte", "1000").unwrap();
    assert_eq!(set, profile.clone().servers(64).per_byte(1000));
    let p50 = |profile: &Profile| profile.unloaded(Class::Read, 0).quantile(0.5);
    assert_eq!(p50(&profile.clone().set("scale", "300").unwrap()), 3 * p50(&profile));
    for (name, value, words) in
        [("server", "64", "servers, per-byte, scale"), ("servers", "-1", "whole number")]
    {
        let error = profile.clone().set(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_profile_that_makes_no_sense_is_refused_with_words_that_help() {
    let read = r#""read": {"latency": {"constant": "1ms"}}"#;
    let cases = [
        (r#"{"#.to_owned(), "EOF"),
        (r#"{"name": "x", "serverz": 1}"#.to_owned(), "serverz"),
        (format!(r#"{{"name": "x", "classes": {{{read}}}}}"#), "add them"),
        (r#"{"name": "x", "classes": {"read": {}}}"#.to_owned(), "either \"latency\""),
        (r#"{"name": "x", "classes": {"read": {"latency": {"constant": "soon"}}}}"#.to_owned(), "no time"),
        (r#"{"name": "x", "classes": {"read": {"latency": {"constant": "2 years"}}}}"#.to_owned(), "a year"),
        (
            r#"{"name": "x", "classes": {"read": {"latency": {"lognormal": {"p50": "2s", "p99": "1s"}}}}}"#
                .to_owned(),
            "p99 no shorter",
        ),
        (
            r#"{"name": "x", "classes": {"read": {"latency": {"constant": "1s"}, "effect_percent": 101}}}"#
                .to_owned(),
            "effect_percent",
        ),
        (
            r#"{"name": "x", "limits": [{"classes": ["read"], "per_second": 1, "burst": 0}]}"#.to_owned(),
            "burst of 1",
        ),
        (
            r#"{"name": "x", "regimes": [{"kind": "normal", "mean": "1s", "next": {}}]}"#.to_owned(),
            "nothing follows",
        ),
        (
            r#"{"name": "x", "regimes": [{"kind": "normal", "mean": "1s", "next": {"slow": 1}}]}"#.to_owned(),
            "not described",
        ),
        (
            r#"{"name": "x", "regimes": [{"kind": "normal", "mean": "1us", "next": {"normal": 1}}]}"#
                .to_owned(),
            "raise its mean",
        ),
    ];
    for (text, words) in cases {
        let error = Profile::parse(&text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(words), "{error} does not say {words:?}");
    }
    assert!(Profile::named("s4").unwrap_err().to_string().contains("s3-standard"));
}
