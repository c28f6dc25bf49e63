//! Several processes on one server: increments add up, also while connections are killed. The processes
//! are this very test program, told by its environment to play a part.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use larder::{Key, Larder};
use support::cluster::Cluster;
use support::{Server, open, say};

const PROCESSES: usize = 4;
const TASKS: usize = 16;
const EACH: u64 = 100;
const PART: &str = "LARDER_TEST_REDIS";

fn play(test: &str, url: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(PART, url);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn visit(n: Option<u64>) -> u64 {
    n.unwrap_or(0) + 1
}

#[test]
fn increments_of_four_processes_with_sixteen_tasks_each_add_up() {
    if let Ok(url) = std::env::var(PART) {
        return increment(&url);
    }
    let server = Server::start(&[]);
    all_add_up(
        "increments_of_four_processes_with_sixteen_tasks_each_add_up",
        &(server.unix(0) + "&deadline=3600000"),
    );
}

fn all_add_up(test: &str, url: &str) {
    let mut children: Vec<Child> = (0..PROCESSES).map(|_| play(test, url)).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let sum = smol::block_on(Larder::new(open(url)).get::<u64>("counter")).unwrap();
    assert_eq!(sum, Some((PROCESSES * TASKS) as u64 * EACH));
}

fn increment(url: &str) {
    let larder = Larder::new(open(url));
    let tasks = (0..TASKS).map(|_| async {
        for _ in 0..EACH {
            larder.update_in("counter", visit).await.unwrap();
        }
    });
    smol::block_on(join_all(tasks));
}

#[test]
fn on_a_cluster_increments_of_four_processes_add_up_too() {
    if let Ok(url) = std::env::var(PART) {
        return increment(&url);
    }
    let cluster = Cluster::start(60_000, &[]);
    let test = "on_a_cluster_increments_of_four_processes_add_up_too";
    all_add_up(test, &cluster.url("prefix=plain&deadline=3600000"));
    // And once more where each of them waits for a replica.
    all_add_up(test, &cluster.url("prefix=safe&deadline=3600000&replicas=1"));
}

#[test]
fn what_is_acknowledged_counts_once_though_connections_are_killed() {
    if let Ok(url) = std::env::var(PART) {
        return increment_until_told(&url);
    }
    let server = Server::start(&[]);
    each_counts_once(
        "what_is_acknowledged_counts_once_though_connections_are_killed",
        &(server.tcp(0) + "?deadline=3600000"),
        &mut [server.bare(0)],
    );
}

#[test]
fn on_a_cluster_what_is_acknowledged_counts_once_though_connections_are_killed() {
    if let Ok(url) = std::env::var(PART) {
        return increment_until_told(&url);
    }
    let cluster = Cluster::start(60_000, &[]);
    let mut bare: Vec<_> = cluster.primaries().iter().map(|server| server.bare(0)).collect();
    each_counts_once(
        "on_a_cluster_what_is_acknowledged_counts_once_though_connections_are_killed",
        &cluster.url("deadline=3600000"),
        &mut bare,
    );
}

fn each_counts_once(test: &str, url: &str, servers: &mut [redis::Connection]) {
    let mut children: Vec<Child> = (0..PROCESSES).map(|_| play(test, url)).collect();
    let mut killed = 0;
    // Twice a second, and until enough of them were in the middle of something.
    while killed < 12 * PROCESSES as i64 {
        std::thread::sleep(Duration::from_millis(500));
        for bare in &mut *servers {
            killed += say::<i64>(bare, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        }
    }
    let (mut acknowledged, mut ambiguous) = (0, 0);
    for child in &mut children {
        writeln!(child.stdin.take().unwrap(), "enough").unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let words: Vec<String> =
            lines.filter_map(|line| line.split_once("counted ").map(|(_, rest)| rest.to_owned())).collect();
        let (one, other) = words[0].split_once(' ').unwrap();
        acknowledged += one.parse::<u64>().unwrap();
        ambiguous += other.parse::<u64>().unwrap();
        assert!(child.wait().unwrap().success());
    }
    let sum = smol::block_on(Larder::new(open(url)).get::<u64>("counter")).unwrap().unwrap();
    println!(
        "{killed} connections killed, {acknowledged} acknowledged, {ambiguous} ambiguous, {sum} counted"
    );
    assert!(acknowledged > 0);
    assert!(sum >= acknowledged, "{sum} were counted, {acknowledged} acknowledged");
    assert!(sum <= acknowledged + ambiguous, "{sum} were counted, {acknowledged} + {ambiguous} reported");
}

/// Increments by sixteen tasks until there is a line to read, and says how many were acknowledged and how
/// many may have happened.
fn increment_until_told(url: &str) {
    let told = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = std::sync::Arc::clone(&told);
    std::thread::spawn(move || {
        _ = std::io::stdin().read_line(&mut String::new());
        flag.store(true, std::sync::atomic::Ordering::Release);
    });
    let larder = Larder::new(open(url));
    let key = Key::from("counter");
    let tasks = (0..TASKS).map(|_| async {
        let (mut acknowledged, mut ambiguous) = (0u64, 0u64);
        while !told.load(std::sync::atomic::Ordering::Acquire) {
            match larder.update_in(&key, visit).await {
                Ok(_) => acknowledged += 1,
                Err(error) if error.is_ambiguous() => ambiguous += 1,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
        (acknowledged, ambiguous)
    });
    let counts = smol::block_on(join_all(tasks));
    let (acknowledged, ambiguous) = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("\ncounted {acknowledged} {ambiguous}");
}
