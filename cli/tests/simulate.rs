//! `simulate` and `trace`: what they print, what they write, and how they end.

mod common;

use common::Place;

const FAST: [&str; 5] = ["simulate", "--operations", "600", "--clients", "4"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&FAST, more].concat()
}

#[test]
fn a_simulation_prints_its_verdict_and_how_to_run_it_again() {
    let place = Place::new();
    let printed = place.ok(&with(&["--faults", "swarm", "--seed", "3"]));
    assert!(printed.starts_with("mixed on s3-standard\n"), "{printed}");
    assert!(printed.contains("Promises kept. All "), "{printed}");
    let again = "Again: larder simulate --profile s3-standard --workload mixed --seed 3 --clients 4 --operations 600 \
                 --faults swarm --patience 10s\n";
    assert!(printed.contains(again), "{printed}");
    // And that command is the same run.
    let words: Vec<&str> = again.trim().trim_start_matches("Again: larder ").split(' ').collect();
    assert_eq!(place.ok(&words), printed);
}

#[test]
fn the_same_seed_prints_and_writes_the_same_bytes() {
    let place = Place::new();
    let run = |seed: &str, name: &str| {
        let (page, seen) = (format!("{name}.html"), format!("{name}.jsonl"));
        let words = [
            "--workload",
            "hot-key",
            "--faults",
            "swarm",
            "--seed",
            seed,
            "--report",
            &page,
            "--history",
            &seen,
        ];
        let printed = place.ok(&with(&words));
        (printed, place.read(&page), place.read(&seen))
    };
    let (one, same, other) = (run("7", "one"), run("7", "same"), run("8", "other"));
    assert!(one == same);
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2);
    assert!(one.1.starts_with(b"<!doctype html>"));
    assert!(one.2.starts_with(b"{\"larder_history\":1}\n"));
}

#[test]
fn a_broken_promise_is_exit_code_1_and_the_operations_are_shown() {
    let place = Place::new();
    let words = with(&["--workload", "hot-key", "--faults", "stale-read=5%", "--report", "stale.html"]);
    let ran = place.run(&words);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
    assert!(ran.out.contains("A PROMISE WAS BROKEN."), "{}", ran.out);
    assert!(ran.out.contains("cannot come next"), "{}", ran.out);
    let page = String::from_utf8(place.read("stale.html")).unwrap();
    assert!(page.contains("<section id=\"violation\">"));
}

#[test]
fn a_run_by_time_lasts_so_long_and_a_rate_is_kept() {
    let place = Place::new();
    let printed = place.ok(&[
        "simulate",
        "--for",
        "1m",
        "--rate",
        "20",
        "--clients",
        "2",
        "--profile",
        "redis-same-zone",
    ]);
    assert!(printed.contains("operations 1200,"), "{printed}");
    assert!(printed.contains("No fault was injected."), "{printed}");
    assert!(printed.contains("--for 1m --rate 20 "), "{printed}");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_runs() {
    let place = Place::new();
    for (words, hint) in [
        (vec!["--profile", "s4"], "there are none, "),
        (vec!["--profile", "./missing.json"], "missing.json cannot be read"),
        (vec!["--workload", "mixd"], "mixed, hot-key, read-mostly, large-binaries"),
        (vec!["--faults", "hangs=1%"], "hang"),
        (vec!["--faults", "hang=2"], "no rate"),
        (vec!["--for", "soon"], "write 90s, 5m or 1h"),
        (vec!["--clients", "0"], "1..=10000"),
        (vec!["--report", "no/such/directory.html"], "cannot be written"),
    ] {
        let ran = place.run(&[&["simulate"], words.as_slice()].concat());
        assert!(ran.code == 2 || ran.code == 3, "{words:?}: {ran:?}");
        assert!(ran.err.contains(hint) && ran.out.is_empty(), "{words:?}: {ran:?}");
    }
    place.fails(2, &["simulate", "--for", "1s", "--operations", "5"]);
}

#[test]
fn a_trace_makes_a_profile_that_a_simulation_takes_and_leaves_nothing_behind() {
    let place = Place::new();
    place.ok(&["assoc", "mine", "1"]);
    let printed = place.ok(&["trace", "--operations", "60", "-o", "mine.json", "--against", "local-nvme"]);
    for class in ["read ", "head ", "write ", "remove ", "list ", "sync "] {
        assert!(printed.lines().any(|line| line.starts_with(class)), "{class}: {printed}");
    }
    assert!(printed.contains("model \"local-nvme\" against recording of \"pack\""), "{printed}");
    assert_eq!(place.lines(&["keys"]), ["mine"]);
    let simulated = place.ok(&with(&["--profile", "./mine.json"]));
    assert!(simulated.starts_with("mixed on ./mine.json\n"), "{simulated}");
    assert!(simulated.contains("Promises kept."), "{simulated}");
}

#[test]
fn a_trace_of_memory_measures_batches_too() {
    let place = Place::new();
    let printed = place.ok(&["trace", "--store", "memory:", "--operations", "100"]);
    assert!(printed.lines().any(|line| line.starts_with("batch ")), "{printed}");
}
