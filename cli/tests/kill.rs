//! What is left when processes are killed in the middle of their work. SIGKILL takes the process, not the
//! machine: what was handed to the operating system stays.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::{Chance, Place};
use serde_json::Value;

const WRITERS: usize = 8;
const UPDATES: usize = 200;

/// Runs an update that nobody kills, which must acknowledge itself.
fn updated(mut command: Command) {
    let ran = common::Ran::of(command.output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("\"new\":"), "{ran:?}");
}

#[test]
fn updates_of_eight_processes_are_all_counted() {
    let place = Place::of_files();
    let add = ["update", "counter", "--add", "1"];
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| (0..UPDATES).for_each(|_| updated(place.command(&add))));
        }
    });
    assert_eq!(place.ok(&["get", "counter"]), format!("{}\n", WRITERS * UPDATES));
    assert!(place.ok(&["verify"]).starts_with("verified 1 entry"));
}

/// Runs `update` again and again until `over`, and kills it at moments that meet every part of it.
/// Hands each run to `count`: its number, and whether it was acknowledged.
fn updates_that_die(
    place: &Place,
    chance: &mut Chance,
    over: &AtomicBool,
    args: impl Fn(usize) -> Vec<String>,
    mut count: impl FnMut(usize, bool),
) {
    let (mut killed, mut limit_us) = (0, 30_000);
    for n in 0.. {
        // At least so many deaths, however fast the others are.
        if over.load(Ordering::Relaxed) && killed >= 20 {
            break;
        }
        let args = args(n);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut victim = place.command(&args).spawn().unwrap();
        let mut out = victim.stdout.take().unwrap();
        thread::sleep(Duration::from_micros(chance.below(limit_us)));
        victim.kill().unwrap();
        let died = !victim.wait().unwrap().success();
        let mut printed = String::new();
        out.read_to_string(&mut printed).unwrap();
        count(n, printed.contains("\"new\":"));
        // How long an update takes depends on the machine: about half of them shall die.
        limit_us = if died { limit_us * 11 / 10 } else { limit_us * 9 / 10 }.clamp(1_000, 2_000_000);
        killed += usize::from(died);
    }
}

#[test]
fn a_killed_process_loses_no_update_that_it_acknowledged() {
    let mut chance = Chance::from_env();
    let place = Place::of_files();
    let add = ["update", "counter", "--add", "1"];
    let over = AtomicBool::new(false);
    let (sure, perhaps) = thread::scope(|scope| {
        let victims = scope.spawn(|| {
            let (mut sure, mut perhaps) = (0, 0);
            let args = |_| add.map(str::to_owned).to_vec();
            updates_that_die(&place, &mut chance, &over, args, |_, acknowledged| {
                *if acknowledged { &mut sure } else { &mut perhaps } += 1;
            });
            (sure, perhaps)
        });
        let others: Vec<_> = (1..WRITERS)
            .map(|_| scope.spawn(|| (0..UPDATES).for_each(|_| updated(place.command(&add)))))
            .collect();
        let others: Vec<_> = others.into_iter().map(|writer| writer.join()).collect();
        over.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|writer| writer.unwrap());
        victims.join().unwrap()
    });
    let counter: usize = place.ok(&["get", "counter"]).trim().parse().unwrap();
    let acknowledged = (WRITERS - 1) * UPDATES + sure;
    println!("counter {counter}, acknowledged {acknowledged}, in flight when killed {perhaps}");
    // Every process that was killed had at most its one update in flight.
    assert!((acknowledged..=acknowledged + perhaps).contains(&counter));
    assert!(place.ok(&["verify"]).starts_with("verified 1 entry"));
    assert_eq!(common::records(&place.path("larder-data")).1, Vec::<PathBuf>::new());
}

/// The same, told apart: which update happened, and how often.
#[test]
fn every_acknowledged_update_happened_once_and_every_other_at_most_once() {
    let mut chance = Chance::from_env();
    let place = Place::of_files();
    let push = |id: String| ["update", "list", "--push", &id].map(str::to_owned).to_vec();
    let over = AtomicBool::new(false);
    let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let victims = scope.spawn(|| {
            updates_that_die(
                &place,
                &mut chance,
                &over,
                |n| push(format!("{n}")),
                |n, acknowledged| {
                    if acknowledged { &mut sure } else { &mut perhaps }.push(n);
                },
            );
        });
        let others: Vec<_> = (1..4)
            .map(|writer| {
                let (place, push) = (&place, &push);
                scope.spawn(move || {
                    (0..50).for_each(|n| {
                        let args = push(format!("{}", writer * 1_000_000 + n));
                        updated(place.command(&args.iter().map(String::as_str).collect::<Vec<_>>()));
                    });
                })
            })
            .collect();
        let others: Vec<_> = others.into_iter().map(|writer| writer.join()).collect();
        over.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|writer| writer.unwrap());
        victims.join().unwrap();
    });
    sure.extend((1..4).flat_map(|writer| (0..50).map(move |n| writer * 1_000_000 + n)));
    let list: Vec<usize> = serde_json::from_str(&place.ok(&["get", "list"])).unwrap();
    let happened: HashSet<usize> = list.iter().copied().collect();
    assert_eq!(happened.len(), list.len(), "none happened twice");
    assert!(sure.iter().all(|id| happened.contains(id)), "all that were acknowledged happened");
    let known: HashSet<usize> = sure.iter().chain(&perhaps).copied().collect();
    assert!(happened.is_subset(&known));
}

const ENTRIES: usize = 120;
const LARGE: usize = 600_000;

/// An export that writes every entry anew. What it writes names its round in every part of it.
fn round_of_entries(round: u8) -> String {
    entries_with(round, LARGE)
}

/// The same, with this many bytes in the largest entry.
fn entries_with(round: u8, large: usize) -> String {
    let mut lines = String::new();
    let base64 = |size: usize| BASE64.encode(vec![round; size]);
    for n in 0..ENTRIES {
        match n % 10 {
            0..8 => {
                let words = vec![round.to_string(); 1 + n * 3];
                lines += &format!(
                    "{{\"$larder\":\"document\",\"key\":\"json:{n}\",\"value\":{}}}\n",
                    serde_json::json!(words)
                );
            }
            8 => {
                lines += &format!(
                    "{{\"$larder\":\"binary\",\"key\":\"json:{n}\",\"size\":{n},\"base64\":\"{}\"}}\n",
                    base64(n)
                );
            }
            _ if n == 59 => {
                lines += &format!("{{\"$larder\":\"binary\",\"key\":\"json:{n}\",\"size\":{large}}}\n");
                for _ in 0..3 {
                    lines += &format!(
                        "{{\"$larder\":\"part\",\"key\":\"json:{n}\",\"base64\":\"{}\"}}\n",
                        base64(large / 3)
                    );
                }
                lines += &format!("{{\"$larder\":\"end\",\"key\":\"json:{n}\"}}\n");
            }
            // These names are hashed.
            _ => {
                let key = format!("{n}-{}", "x".repeat(500));
                lines += &format!("{{\"$larder\":\"document\",\"key\":\"{key}\",\"value\":[\"{round}\"]}}\n");
            }
        }
    }
    lines
}

/// The round in which each entry of the store was written, all of whose parts must agree about it.
fn rounds(place: &Place) -> HashMap<String, u8> {
    rounds_in(place, "file:./larder-data", LARGE)
}

/// The same of this store, whose largest entry has this many bytes.
fn rounds_in(place: &Place, store: &str, largest: usize) -> HashMap<String, u8> {
    let mut rounds = HashMap::new();
    let mut large = Vec::new();
    for line in place.ok(&["export", "--store", store]).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let key = line["key"].as_str().unwrap().to_owned();
        let n: usize = key.trim_start_matches("json:").split('-').next().unwrap().parse().unwrap();
        let bytes = || BASE64.decode(line["base64"].as_str().unwrap()).unwrap();
        let (parts, expected): (Vec<u8>, usize) = match line["$larder"].as_str().unwrap() {
            "document" => {
                let words = line["value"].as_array().unwrap().iter();
                (
                    words.map(|word| word.as_str().unwrap().parse().unwrap()).collect(),
                    if n % 10 < 8 { 1 + n * 3 } else { 1 },
                )
            }
            "binary" if line.get("base64").is_none() => continue,
            "binary" => (bytes(), n),
            "part" => {
                large.extend(bytes());
                continue;
            }
            _ => (std::mem::take(&mut large), largest),
        };
        assert_eq!(parts.len(), expected, "{key} is whole");
        assert!(parts.iter().all(|part| *part == parts[0]), "{key} is of one round");
        assert!(rounds.insert(key, parts[0]).is_none());
    }
    rounds
}

#[test]
fn an_import_that_is_killed_keeps_every_key_that_it_acknowledged() {
    const KILLS: usize = 50;
    let mut chance = Chance::from_env();
    let place = Place::of_files();
    // So that there is a store to be opened, however early the first one dies.
    place.ok(&["assoc", "x", "1"]);
    place.ok(&["dissoc", "x"]);
    let (mut all_acks, mut deaths) = (0, 0);
    // Some imports are done before they can be killed; those do not count.
    for round in 1..=u8::MAX {
        if deaths == KILLS {
            break;
        }
        place.write("in", round_of_entries(round));
        let mut import = place.command(&["import", "in", "--acks"]).spawn().unwrap();
        let mut acks = BufReader::new(import.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let mut acknowledged = BTreeSet::new();
        acknowledged.extend(acks.by_ref().take(chance.below(ENTRIES as u64) as usize));
        thread::sleep(Duration::from_micros(chance.below(3_000)));
        import.kill().unwrap();
        deaths += usize::from(!import.wait().unwrap().success());
        // What it had printed before it died counts too.
        acknowledged.extend(acks);
        all_acks += acknowledged.len();

        assert!(place.ok(&["verify"]).ends_with("all good\n"));
        assert_eq!(common::records(&place.path("larder-data")).1, Vec::<PathBuf>::new(), "round {round}");
        let rounds = rounds(&place);
        for key in &acknowledged {
            assert_eq!(rounds.get(key), Some(&round), "{key} was acknowledged in round {round}");
        }
    }
    println!("{deaths} imports died, {all_acks} keys were acknowledged");
    assert_eq!(deaths, KILLS, "imports that died in the middle");
}

/// The same with a pack, in segments so small that some are begun and others compacted in every import, and with an
/// entry that has a file of its own.
#[test]
fn an_import_into_a_pack_that_is_killed_keeps_every_key_that_it_acknowledged() {
    const KILLS: usize = 100;
    const STORE: &str = "pack:./pack?segment-bytes=16384&checkpoint-bytes=16384";
    const LARGEST: usize = 1_200_000;
    let mut chance = Chance::from_env();
    let place = Place::new();
    place.ok(&["assoc", "--store", STORE, "x", "1"]);
    place.ok(&["dissoc", "--store", STORE, "x"]);
    let (mut all_acks, mut deaths) = (0, 0);
    let mut known: BTreeMap<String, u8> = BTreeMap::new();
    for round in 1..=u8::MAX {
        if deaths == KILLS {
            break;
        }
        place.write("in", entries_with(round, LARGEST));
        let mut import = place.command(&["import", "in", "--acks", "--store", STORE]).spawn().unwrap();
        let mut acks = BufReader::new(import.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let mut acknowledged = BTreeSet::new();
        acknowledged.extend(acks.by_ref().take(chance.below(ENTRIES as u64) as usize));
        thread::sleep(Duration::from_micros(chance.below(3_000)));
        import.kill().unwrap();
        deaths += usize::from(!import.wait().unwrap().success());
        // What it had printed before it died counts too.
        acknowledged.extend(acks);
        all_acks += acknowledged.len();

        // Reading opens it after the kill; from time to time everything is verified as well.
        let rounds = rounds_in(&place, STORE, LARGEST);
        for key in &acknowledged {
            assert_eq!(rounds.get(key), Some(&round), "{key} was acknowledged in round {round}");
        }
        for (key, before) in &known {
            let now = rounds.get(key);
            assert!(
                now == Some(before) || now == Some(&round),
                "{key}: {now:?} in round {round}, was {before}"
            );
        }
        known = rounds.into_iter().collect();
        if round % 10 == 0 {
            assert!(place.ok(&["verify", "--store", STORE]).ends_with("all good\n"));
        }
    }
    println!("{deaths} imports died, {all_acks} keys were acknowledged");
    assert_eq!(deaths, KILLS, "imports that died in the middle");
    let files = common::files(&place.path("pack"));
    let logs: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    let newest =
        logs.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).max().unwrap();
    let begun = u64::from_str_radix(&newest, 16).unwrap();
    println!("{begun} segments were begun, {} are left", logs.len());
    assert!(begun > 100 && (logs.len() as u64) < begun / 2);
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_stopped() {
    let mut chance = Chance::from_env();
    let place = Place::of_files();
    place.write("in", round_of_entries(1));
    place.ok(&["import", "in"]);
    place.ok(&["copy", "file:./larder-data", "file:./copy"]);
    place.ok(&["import", "in"]);
    let copy = ["copy", "file:./larder-data", "file:./copy", "--jobs", "2"];
    for _ in 0..5 {
        let mut child = place.command(&copy).spawn().unwrap();
        thread::sleep(Duration::from_micros(chance.below(60_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever was copied is whole, old or new.
        place.ok(&["verify", "--store", "file:./copy"]);
        assert_eq!(common::records(&place.path("copy")).1, Vec::<PathBuf>::new());
    }
    place.ok(&copy);
    assert_eq!(place.ok(&copy), format!("copied 0 entries, skipped {ENTRIES} that were there\n"));
    assert_eq!(place.lines(&["export"]), place.lines(&["export", "--store", "file:./copy"]));
}
