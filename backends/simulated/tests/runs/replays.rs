//! A failure is seen again by an environment variable, in another process.

use std::process::Command;

use larder_simulated::draw;
use larder_simulated::run::{Context, Repro, Result, Runs, seeds};

/// Tells the process that it is the one that was started by the test.
const CHILD: &str = "LARDER_TEST_CHILD";

/// Runs this test again in a process of its own, with this variable set; gives what it printed.
fn again(test: &str, variable: &str, value: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env(variable, value)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

async fn body(cx: Context) -> Result {
    let items = cx.plan("items", |draws| (0..100).map(|n| draws.at(n) % 50).collect::<Vec<u64>>());
    if let [.., last] = items[..]
        && items.contains(&7)
    {
        cx.note(format!("{} items, the last {last}", items.len()));
        return Err("a seven".into());
    }
    Ok(())
}

/// What a child prints of its runs.
fn told(runs: &Runs) -> String {
    let seeds: Vec<String> = runs.outcomes().iter().map(|outcome| outcome.seed.to_string()).collect();
    let failure = runs.failure().map(|failure| format!("{} {:016x}", failure.cause, failure.digest.value));
    format!("told: seeds {} failure {failure:?}", seeds.join(","))
}

#[test]
fn a_seed_in_the_environment_is_run_instead() {
    let directory = tempfile::tempdir().unwrap();
    let run = |seed: u64| told(&seeds([seed]).directory(directory.path()).shrink(0).try_run(body));
    if is_child() {
        println!("{}", told(&seeds(0..5).directory(directory.path()).shrink(0).try_run(body)));
        return;
    }
    let test = "runs::replays::a_seed_in_the_environment_is_run_instead";
    assert!(again(test, "LARDER_SIM_SEED", "17").contains(&run(17)));
    let hash = format!("{:024}{:016x}", 0, 23);
    assert!(again(test, "LARDER_SIM_SEED", &hash).contains(&run(23)));
    assert!(again(test, "LARDER_UNUSED", "17").contains("told: seeds 0"));
}

#[test]
fn what_is_no_seed_is_said_and_nothing_is_run() {
    if is_child() {
        let runs = seeds(0..5).try_run(|_| async { panic!("nothing is to be run") });
        println!("told: {} {}", runs.outcomes().len(), runs.report().unwrap());
        return;
    }
    let test = "runs::replays::what_is_no_seed_is_said_and_nothing_is_run";
    assert!(again(test, "LARDER_SIM_SEED", "seven").contains("told: 0 \"seven\" is no seed"));
    assert!(
        again(test, "LARDER_SIM_REPRO", "/nowhere/at/all").contains("told: 0 cannot read /nowhere/at/all")
    );
}

#[test]
fn a_stored_failure_is_replayed_as_it_was_cut_down() {
    let directory = tempfile::tempdir().unwrap();
    if is_child() {
        println!("{}", told(&seeds(0..5).directory(directory.path()).try_run(body)));
        return;
    }
    let runs = seeds(0..50).directory(directory.path()).try_run(body);
    let repro = runs.repro().unwrap();
    assert_eq!(repro.plan["items"], [7]);
    let path = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
    let test = "runs::replays::a_stored_failure_is_replayed_as_it_was_cut_down";
    let text = again(test, "LARDER_SIM_REPRO", path.to_str().unwrap());
    let digest = repro.digest.split(' ').next().unwrap();
    assert!(
        text.contains(&format!("told: seeds {} failure Some(\"a seven {digest}\")", repro.seed)),
        "{text}"
    );
}

#[test]
fn a_reproduction_of_other_draws_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let runs = seeds(0..50).directory(directory.path()).try_run(body);
    let repro = Repro { version: "sim_v0".into(), ..runs.repro().unwrap().clone() };
    let path = repro.save(directory.path()).unwrap();
    let error = Repro::load(&path).unwrap_err().to_string();
    assert!(error.contains("sim_v0") && error.contains(draw::VERSION), "{error}");
    std::fs::write(&path, "{}").unwrap();
    assert!(Repro::load(&path).unwrap_err().to_string().contains("is no reproduction"));
}

#[test]
fn a_plan_that_does_not_fit_the_test_fails_it() {
    let directory = tempfile::tempdir().unwrap();
    let runs = seeds(0..50).directory(directory.path()).try_run(body);
    let mut repro = runs.repro().unwrap().clone();
    repro.plan.insert("items".into(), vec!["no number".into()]);
    let limits = larder_simulated::time::Limits::default();
    let outcome = larder_simulated::run::once(repro.seed(), &repro.setup(limits), body);
    let failure = outcome.failure.unwrap().to_string();
    assert!(failure.contains("the list \"items\" of the reproduction does not fit"), "{failure}");
}
