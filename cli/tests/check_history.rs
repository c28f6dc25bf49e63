//! `larder check-history`: verdicts and exit codes.

mod common;

use std::path::{Path, PathBuf};

use common::Place;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/histories").join(name)
}

fn path(name: &str) -> String {
    sample(name).to_str().unwrap().to_owned()
}

/// A history in JSON Lines: one register, of these operations one after the other.
fn lines(operations: &[&str]) -> String {
    let line = |(at, operation): (usize, &&str)| {
        let (invoked, returned) = (2 * at, 2 * at + 1);
        format!(
            "{{\"client\":{at},\"key\":\"k\",{operation},\"invoked\":{invoked},\"returned\":{returned}}}\n"
        )
    };
    operations.iter().enumerate().map(line).collect()
}

const WRITE: &str = r#""call":"assoc","value":1,"outcome":"ok""#;
const READ: &str = r#""call":"get","outcome":"ok","result":[1]"#;
const STALE: &str = r#""call":"get","outcome":"ok","result":[]"#;
const LOST: &str = r#""call":"update_in","path":[],"outcome":"unknown","why":"late""#;

#[test]
fn a_linearizable_history_is_exit_code_0() {
    let place = Place::new();
    let file = path("etcd_002.log");
    assert_eq!(place.ok(&["check-history", &file]), format!("{file}: linearizable\n"));
    place.write("ours.jsonl", lines(&[WRITE, READ]));
    assert_eq!(place.ok(&["check-history", "ours.jsonl"]), "ours.jsonl: linearizable\n");
}

#[test]
fn a_violation_is_exit_code_1_and_shows_the_operations() {
    let place = Place::new();
    place.write("ours.jsonl", lines(&[WRITE, STALE]));
    let ran = place.run(&["check-history", "ours.jsonl"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let expected = "\
ours.jsonl: not linearizable
  \"k\": no order of these operations explains what they saw
    client 0 [0..1] assoc \"k\" 1 -> done
    client 1 [2..3] get \"k\" -> absent
  1 operation before can be ordered and leave 1; after them there is no place for client 1 [2..3] get \"k\" -> absent
";
    assert_eq!(ran.out, expected);
}

#[test]
fn what_cannot_be_decided_is_exit_code_4() {
    let place = Place::new();
    place.write("ours.jsonl", lines(&[LOST, READ]));
    let ran = place.run(&["check-history", "ours.jsonl"]);
    assert_eq!((ran.code, ran.err.as_str()), (4, ""));
    assert!(
        ran.out.starts_with("ours.jsonl: unknown: updates of \"k\" ended without an answer"),
        "{}",
        ran.out
    );
    // A search that may not come to a single dead end.
    let file = path("etcd_099.log");
    let ran = place.run(&["check-history", "--budget", "0", &file]);
    assert_eq!((ran.code, ran.err.as_str()), (4, ""));
    assert!(ran.out.starts_with(&format!("{file}: unknown: too many operations")), "{}", ran.out);
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

#[test]
fn of_several_files_the_worst_counts() {
    let place = Place::new();
    place.write("good", lines(&[WRITE, READ]));
    place.write("bad", lines(&[WRITE, STALE]));
    place.write("odd", lines(&[LOST, READ]));
    let run = |files: &[&str]| {
        let ran = place.run(&[&["check-history"], files].concat());
        let verdicts: Vec<_> =
            ran.out.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect();
        assert_eq!(verdicts.len(), files.len());
        ran.code
    };
    assert_eq!(run(&["good", "good"]), 0);
    assert_eq!(run(&["good", "odd"]), 4);
    assert_eq!(run(&["odd", "bad", "good"]), 1);
}

#[test]
fn standard_input_is_read_for_a_dash() {
    let place = Place::new();
    let ran = place.feed(&["check-history", "-"], lines(&[WRITE, READ]));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "-: linearizable\n", ""));
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_the_rest_is_judged() {
    let place = Place::new();
    assert!(place.fails(2, &["check-history", "none"]).contains("none cannot be read"));
    place.write("text", "once upon a time\n");
    assert!(place.fails(2, &["check-history", "text"]).contains("text: neither JSON Lines"));
    place.write("broken", format!("{}{{\"client\":1}}\n", lines(&[WRITE])));
    assert!(place.fails(2, &["check-history", "broken"]).contains("broken: line 2: "));
    // The other files are judged all the same.
    place.write("good", lines(&[WRITE, READ]));
    let ran = place.run(&["check-history", "none", "good", "text"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, "good: linearizable\n"));
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
}

#[test]
fn model_and_promise_can_be_chosen() {
    let place = Place::new();
    place.write("stale", lines(&[WRITE, STALE]));
    let ran = place.run(&["check-history", "--consistency", "sequential", "stale"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "stale: sequential\n"));
    let ran = place.run(&["check-history", "--consistency", "read-your-writes", "stale"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "stale: read-your-writes\n"));
    let ran = place.run(&["check-history", "--model", "cas-register", "stale"]);
    assert_eq!(ran.code, 1);
    assert!(
        place
            .fails(2, &["check-history", "--model", "log", "stale"])
            .contains("model log has no such operation")
    );
    assert!(place.fails(2, &["check-history", "--model", "tree", "stale"]).contains("there are auto, "));
    assert!(place.fails(2, &["check-history", "--budget", "much", "stale"]).contains("--budget"));
    assert!(place.fails(2, &["check-history"]).contains("<FILE>"));
    // What nobody knows of an update, the counter's model says.
    place.write("count", lines(&[LOST, READ]));
    assert_eq!(place.run(&["check-history", "--model", "counter", "count"]).code, 0);
}

#[test]
fn texts_that_are_appended_to_are_judged_as_texts() {
    let place = Place::new();
    let (good, bad) = (path("kv_c10-ok.txt"), path("kv_c10-bad.txt"));
    assert_eq!(place.ok(&["check-history", &good]), format!("{good}: linearizable\n"));
    let ran = place.run(&["check-history", &bad]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with(&format!("{bad}: not linearizable\n  \"")), "{}", ran.out);
}

#[test]
fn the_help_has_examples() {
    let place = Place::new();
    let help = place.ok(&["check-history", "--help"]);
    assert!(help.contains("larder check-history --model cas-register"), "{help}");
    assert!(place.ok(&["--help"]).contains("4 not found out"));
}
