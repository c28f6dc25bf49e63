//! Stores behind simulated latency and faults, by their URL.

mod common;

use std::time::{Duration, Instant};

use common::Place;

#[test]
fn a_store_behind_a_simulation_is_the_store_behind_it() {
    let place = Place::new();
    let simulated = "sim+file:data?profile=redis-same-zone&seed=7&faults=none&durability=flushed";
    place.ok(&["--store", simulated, "assoc", "ada", r#"{"born":1815}"#]);
    assert_eq!(place.ok(&["--store", simulated, "get", "ada", "born"]), "1815\n");
    assert_eq!(place.ok(&["--store", "file:data", "get", "ada", "born"]), "1815\n");
    assert_eq!(place.ok(&["--store", simulated, "keys"]), "ada\n");
    place.ok(&["--store", "sim+memory:", "assoc", "ada", "1"]);
}

#[test]
fn a_slow_profile_takes_its_time() {
    let place = Place::new();
    place.write("slow.json", r#"{"name": "slow", "classes": {"read": {"latency": {"constant": "150ms"}}, "write": {"latency": {"constant": "150ms"}}}}"#);
    let began = Instant::now();
    // A read of the head, and a write.
    place.ok(&["--store", "sim+file:data?profile=slow.json", "assoc", "ada", "1"]);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
}

#[test]
fn a_fault_is_an_error_that_says_so() {
    let place = Place::new();
    place.ok(&["--store", "file:data", "assoc", "ada", "1"]);
    let failed = place.run(&["--store", "sim+file:data?faults=error-before=100%", "get", "ada"]);
    assert_ne!(failed.code, 0);
    assert!(failed.err.contains("in simulated: the storage refused the request"), "{failed:?}");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_there_is() {
    let place = Place::new();
    let refused = |url: &str| place.fails(2, &["--store", url, "assoc", "ada", "1"]);
    assert!(refused("sim+file:data?profile=s4-standard").contains("s3-standard"));
    assert!(refused("sim+file:data?faults=lost-acks=1%").contains("lost-ack"));
    assert!(refused("sim+file:data?sead=1").contains("profile, seed, faults, on-cancel"));
    assert!(refused("sim+file:data?seed=x").contains("seed=x"));
    assert!(place.fails(2, &["--store", "sim+file:nowhere", "get", "ada"]).contains("there is no store at"));
    assert!(place.ok(&["stores"]).contains("sim+file:"));
}
