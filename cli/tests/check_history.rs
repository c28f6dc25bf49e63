//! `larder check-history`: verdicts for people, exit codes for scripts.

mod common;

use common::Place;

const GOOD: &str = "INFO  jepsen.util - 0\t:invoke\t:write\t1
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:write\t1
INFO  jepsen.util - 1\t:ok\t:read\t1
";

/// The read began after the write had been answered.
const STALE: &str = "INFO  jepsen.util - 0\t:invoke\t:write\t1
INFO  jepsen.util - 0\t:ok\t:write\t1
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:ok\t:read\tnil
";

#[test]
fn every_file_has_its_verdict_and_the_worst_decides() {
    let place = Place::new();
    place.write("good.log", GOOD);
    place.write("stale.log", STALE);
    assert_eq!(place.ok(&["check-history", "good.log"]), "good.log: linearizable\n");
    let ran = place.run(&["check-history", "good.log", "stale.log"]);
    assert_eq!(ran.code, 1);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[..2], ["good.log: linearizable", "stale.log: not linearizable"]);
    assert!(lines[2..].iter().all(|line| line.starts_with(' ')), "{lines:?}");
    assert!(lines[2..].iter().any(|line| line.contains("client 1")), "{lines:?}");
}

#[test]
fn standard_input_is_a_file_too() {
    let place = Place::new();
    let ran = place.feed(&["check-history", "-"], GOOD);
    assert_eq!((ran.code, ran.out.as_str()), (0, "-: linearizable\n"));
}

#[test]
fn a_search_that_is_given_up_is_unknown() {
    // While twelve clients write 0 or 1, another sees the value change thirteen times: only trying the orders
    // shows that there is none.
    let mut log = String::new();
    let mut line = |client: u64, kind: &str, call: &str, value: &str| {
        log += &format!("INFO  jepsen.util - {client}\t:{kind}\t:{call}\t{value}\n");
    };
    (0..12).for_each(|client| line(client, "invoke", "write", &(client % 2).to_string()));
    for read in 0..14u64 {
        line(20, "invoke", "read", "nil");
        line(20, "ok", "read", &(read % 2).to_string());
    }
    (0..12).for_each(|client| line(client, "ok", "write", &(client % 2).to_string()));
    let place = Place::new();
    place.write("hard.log", log);
    let ran = place.run(&["check-history", "--model", "cas-register", "--budget", "1", "hard.log"]);
    assert!(ran.out.starts_with("hard.log: unknown") && ran.code == 4, "{} {}", ran.code, ran.out);
}

#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_is_judged() {
    let place = Place::new();
    place.write("good.log", GOOD);
    place.write("prose.txt", "It was a dark and stormy night.\n");
    let ran = place.run(&["check-history", "prose.txt", "good.log"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, "good.log: linearizable\n"));
    assert!(ran.err.contains("prose.txt"), "{}", ran.err);
    let error = place.fails(2, &["check-history", "nowhere.log"]);
    assert!(error.contains("nowhere.log"), "{error}");
}

#[test]
fn what_simulate_writes_is_read_and_a_lost_write_in_it_is_found() {
    let place = Place::new();
    let run = [
        "simulate",
        "--workload",
        "hot-key",
        "--operations",
        "400",
        "--seed",
        "3",
        "--history",
        "seen.jsonl",
    ];
    place.ok(&run);
    assert_eq!(place.ok(&["check-history", "seen.jsonl"]), "seen.jsonl: linearizable\n");
    let broken = place.run(&[&run[..], &["--faults", "lost-write=10%"]].concat());
    assert_eq!(broken.code, 1, "{}", broken.out);
    let ran = place.run(&["check-history", "seen.jsonl"]);
    assert!(ran.code == 1 && ran.out.starts_with("seen.jsonl: not linearizable\n"), "{}", ran.out);
}
