//! Packs: the store that is used when none is named, and the commands that only packs have.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;

use common::{Place, Ran};

/// So much data that there is a file of large data and dead bytes.
fn filled() -> Place {
    let place = Place::new();
    let lines: String =
        (0..50).map(|n| format!("{{\"id\":\"k{n}\",\"text\":\"{}\"}}\n", "x".repeat(200))).collect();
    place.write("in", &lines);
    place.ok(&["import", "in", "--key", "id"]);
    place.ok(&["import", "in", "--key", "id"]);
    place.ok(&["dissoc", "k7"]);
    place.write("large", vec![7; 2_000_000]);
    place.ok(&["bassoc", "large", "large"]);
    place
}

fn log(place: &Place) -> PathBuf {
    place.path("larder-data/00000001.log")
}

/// Flips a bit in the last record of a key, as the dump tells where it is.
fn damage(place: &Place, key: &str) {
    let dump = place.ok(&["dump"]);
    let named = |line: &&str| line.split('\t').nth(3) == Some(&format!("\"{key}\""));
    let line = dump.lines().rfind(named).unwrap();
    let offset: usize = line.split('\t').nth(1).unwrap().parse().unwrap();
    let mut bytes = std::fs::read(log(place)).unwrap();
    bytes[offset + 44 + 200] ^= 1;
    std::fs::write(log(place), bytes).unwrap();
}

fn figure(stats: &str, name: &str) -> String {
    let line = stats.lines().find(|line| line.split('\t').next() == Some(name));
    line.unwrap_or_else(|| panic!("{name} is not in {stats}")).split('\t').nth(1).unwrap().to_owned()
}

#[test]
fn the_default_store_is_a_pack() {
    let place = Place::new();
    place.ok(&["assoc", "ada", "1"]);
    assert!(log(&place).is_file());
    assert_eq!(place.ok(&["get", "ada", "--store", "pack:./larder-data"]), "1\n");
    assert!(place.ok(&["stores"]).contains("the store is pack:./larder-data"));
}

#[test]
fn a_directory_of_something_else_is_refused_and_not_touched() {
    let place = Place::of_files();
    place.ok(&["assoc", "ada", "1"]);
    let before = common::files(&place.path("larder-data"));
    for args in [&["assoc", "a", "1"][..], &["get", "ada"], &["stats"], &["verify"], &["dump"], &["compact"]]
    {
        let line = place.fails(2, &[args, &["--store", "pack:./larder-data"]].concat());
        assert!(line.contains("larder-data"), "{line}");
    }
    assert_eq!(common::files(&place.path("larder-data")), before);
}

#[test]
fn stats_are_figures_with_names() {
    let place = filled();
    let stats = place.ok(&["stats"]);
    assert_eq!(figure(&stats, "keys"), "50");
    assert_eq!(figure(&stats, "segments"), "1");
    assert_eq!((figure(&stats, "blobs"), figure(&stats, "blob-bytes")), ("1".into(), "2000000".into()));
    let number = |name| figure(&stats, name).parse::<u64>().unwrap();
    assert!(number("live-bytes") > 50 * 200 && number("dead-bytes") > 50 * 200 && number("index-bytes") > 0);
    assert!(number("removal-bytes") > 0);
    assert!(figure(&stats, "log-end").starts_with("00000001:"));
    // Other stores have keys.
    place.ok(&["copy", "pack:./larder-data", "file:./copy"]);
    assert_eq!(place.ok(&["stats", "--store", "file:./copy"]), "keys\t50\n");
}

#[test]
fn compact_leaves_what_is_alive() {
    let place = filled();
    let before = place.lines(&["export"]);
    let size = std::fs::metadata(log(&place)).unwrap().len();
    let line = place.ok(&["compact"]);
    assert!(line.starts_with(&format!("compacted {size} bytes to ")), "{line}");
    assert!(!log(&place).exists());
    let number = |name| figure(&place.ok(&["stats"]), name).parse::<u64>().unwrap();
    assert!(number("dead-bytes") < 1000);
    assert_eq!(place.lines(&["export"]), before);
    assert!(place.ok(&["verify"]).ends_with("all good\n"));
}

#[test]
fn verify_says_what_is_damaged_and_where() {
    let place = filled();
    assert!(place.ok(&["verify"]).starts_with("verified 50 entries, "));
    damage(&place, "k9");
    let ran = place.run(&["verify"]);
    assert_eq!((ran.code, ran.out.lines().count()), (3, 1), "{ran:?}");
    assert!(ran.out.contains("00000001.log, bytes ") && ran.out.contains("key \"k9\""), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1);
    assert!(ran.err.contains("larder repair"), "{ran:?}");
    let dump = place.ok(&["dump"]);
    let damaged: Vec<&str> = dump.lines().filter(|line| line.ends_with("\tdamaged")).collect();
    assert!(damaged.len() == 1 && damaged[0].contains("\"k9\""), "{damaged:?}");
}

#[test]
fn repair_saves_the_rest_into_a_new_store() {
    let place = filled();
    let mut whole = place.lines(&["export"]);
    assert!(place.ok(&["repair", "pack:./copy"]).starts_with("saved 50 entries, "));
    assert_eq!(place.lines(&["export", "--store", "pack:./copy"]), whole);
    place.ok(&["assoc", "single", "--text", &"y".repeat(300)]);
    damage(&place, "single");
    damage(&place, "k9");
    std::fs::remove_file(place.path("larder-data/control")).unwrap();
    let ran = place.run(&["repair", "pack:./saved"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines = |word: &str| ran.out.lines().filter(|line| line.split('\t').next() == Some(word)).count();
    assert_eq!((lines("damaged"), lines("lost"), lines("older"), lines("stale")), (3, 1, 1, 0), "{ran:?}");
    assert!(ran.out.contains("lost\tsingle\n") && ran.out.contains("older\tk9\n"), "{ran:?}");
    let mut saved = place.lines(&["export", "--store", "pack:./saved"]);
    assert_eq!(saved.len(), whole.len());
    // The first import of it is what was before.
    for lines in [&mut saved, &mut whole] {
        lines.retain(|line| !line.contains("\"k9\""));
    }
    assert_eq!(saved, whole);
    assert!(place.ok(&["verify", "--store", "pack:./saved"]).ends_with("all good\n"));
    assert!(place.fails(2, &["repair", "pack:./saved"]).contains("not empty"));
}

#[test]
fn what_only_packs_have_is_refused_elsewhere() {
    let place = Place::of_files();
    place.ok(&["assoc", "a", "1"]);
    for args in [&["compact"][..], &["dump"], &["repair", "pack:./new"]] {
        assert!(place.fails(2, args).contains("is for packs"), "{args:?}");
    }
    let store = ["--store", "pack:./data"];
    place.ok(&[&["assoc", "a", "1"][..], &store].concat());
    assert!(place.fails(2, &[&["repair", "file:./new"][..], &store].concat()).contains("is for packs"));
}

#[test]
fn one_process_reads_while_another_writes() {
    let place = Place::new();
    let mut import =
        place.command(&["import", "-", "--key", "id", "--acks"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = import.stdin.take().unwrap();
    let mut acks = BufReader::new(import.stdout.take().unwrap()).lines();
    for n in 0..3 {
        writeln!(stdin, "{{\"id\":{n}}}").unwrap();
        assert_eq!(acks.next().unwrap().unwrap(), format!("json:{n}"));
        assert_eq!(place.lines(&["keys"]).len(), n + 1);
        assert_eq!(figure(&place.ok(&["stats"]), "keys"), (n + 1).to_string());
        assert!(place.ok(&["verify"]).ends_with("all good\n"));
    }
    drop(stdin);
    assert!(import.wait().unwrap().success());
}

#[test]
fn processes_that_change_a_pack_take_turns() {
    let place = Place::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let ran = Ran::of(place.command(&["update", "n", "--add", "1"]).output().unwrap());
                    assert_eq!(ran.code, 0, "{ran:?}");
                }
            });
        }
    });
    assert_eq!(place.ok(&["get", "n"]), "15\n");
}

#[test]
fn a_pack_may_stand_behind_a_simulation() {
    let place = Place::new();
    place.ok(&["assoc", "ada", "1", "--store", "sim+pack:./data?profile=redis-same-zone&seed=7"]);
    assert_eq!(place.ok(&["get", "ada", "--store", "pack:./data"]), "1\n");
}

#[test]
fn a_dump_that_nobody_reads_to_its_end_ends_quietly() {
    let place = filled();
    let mut child = place.command(&["dump"]).spawn().unwrap();
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
