//! Several processes on one store. The processes are this very test program, told by its environment
//! to play a part.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use larder::{Backend, Bytes, Expect, Key, Record};
use smol::stream::{self, StreamExt};
use support::*;

const PART: &str = "LARDER_TEST_STORE";

/// Runs the test of this name in another process, which finds the store's directory in [`PART`].
fn play(test: &str, dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(PART, dir).stdout(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn increments_of_several_processes_add_up() {
    if let Some(dir) = std::env::var_os(PART) {
        increment(&open(dir.as_ref()), &"counter".into(), 100);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut children: Vec<Child> =
        (0..4).map(|_| play("increments_of_several_processes_add_up", dir.path())).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let store = open(dir.path());
    assert_eq!(get(&store, "counter").unwrap().unwrap(), b"400");
    assert!(temps(dir.path()).is_empty());
    assert_eq!(owners(dir.path()).len(), 1, "only this process is left");
}

#[test]
fn a_killed_writer_loses_nothing_acknowledged_and_its_temporary_files_are_swept() {
    if let Some(dir) = std::env::var_os(PART) {
        let store = open(dir.as_ref());
        // An upload that never ends keeps a temporary file.
        let key = Key::from("endless");
        let chunks = stream::iter([Ok(Bytes::from(vec![7; 300_000]))]).chain(stream::pending());
        let record = Record::streamed(&meta(&key), chunks.boxed()).unwrap();
        let upload = store.write(&key, record, Expect::Any);
        std::thread::spawn(move || upload.wait());
        for i in 0.. {
            put(&store, format!("key {i}"), i.to_string()).unwrap();
            println!("\nacknowledged {i}");
        }
    }
    for round in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let live = open(dir.path());
        let mut child =
            play("a_killed_writer_loses_nothing_acknowledged_and_its_temporary_files_are_swept", dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let acknowledged =
            |line: String| line.strip_prefix("acknowledged ").and_then(|i| i.parse::<u64>().ok());
        let wanted = 3 + 17 * round;
        lines.find(|line| acknowledged(line.clone()).is_some_and(|i| i >= wanted)).unwrap();
        // The living writer's files are not swept by an opening.
        let during = temps(dir.path());
        let other = open(dir.path());
        assert!(during.iter().any(|temp| temp.exists()), "the upload is still there");
        other.close().wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let last = lines.filter_map(acknowledged).last().unwrap_or(wanted);

        assert!(!temps(dir.path()).is_empty(), "the killed writer leaves its upload behind");
        let store = open(dir.path());
        assert_eq!(temps(dir.path()), Vec::<std::path::PathBuf>::new());
        assert_eq!(owners(dir.path()).len(), 2);
        for i in 0..=last {
            assert_eq!(get(&store, format!("key {i}")).unwrap().unwrap(), i.to_string().into_bytes());
        }
        let listed = keys(&store);
        assert!((last + 1..=last + 2).contains(&(listed.len() as u64)), "{} of {last}", listed.len());
        put(&live, "after", "all is well").unwrap();
    }
}

#[test]
fn a_stopped_opening_leaves_a_store_that_opens() {
    if let Some(dir) = std::env::var_os(PART) {
        println!("\nopening");
        let store = open(dir.as_ref());
        println!("\nopen");
        store.close().wait().unwrap();
        return;
    }
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("deeper/store");
        let mut child = play("a_stopped_opening_leaves_a_store_that_opens", &dir);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.map(Result::unwrap).find(|line| line == "opening").unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(&dir);
        put(&store, "k", "v").unwrap();
        assert_eq!(owners(&dir).len(), 1);
    }
}
