//! How a run fails, and what it says then.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use larder_simulated::run::{Cause, Context, Failure, Result, Runs, Seeds, seeds};
use larder_simulated::time::Stall;

fn directory(name: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    (directory, path)
}

/// The failure of the first of these seeds that has one.
fn failure<F: Future<Output = Result> + 'static>(body: impl Fn(Context) -> F + Sync) -> Failure {
    let (_keep, path) = directory("sim");
    let runs = seeds(0..20).directory(path).try_run(body);
    runs.failure().unwrap().clone()
}

#[test]
fn a_panic_is_a_failure() {
    let failure = failure(|cx| async move {
        cx.clock().sleep_for(Duration::from_nanos(5)).await;
        assert!(cx.seed().value() != 3, "three");
        Ok(())
    });
    assert_eq!((failure.seed.value(), failure.at), (3, 5));
    assert_eq!(failure.cause, Cause::Panic("three".into()));
}

#[test]
fn a_panic_of_a_task_is_a_failure() {
    let failure = failure(|cx| async move {
        let task = cx.spawn("panics", async { panic!("on purpose") });
        let (): () = task.await;
        Ok(())
    });
    assert_eq!(failure.cause, Cause::Panic("on purpose".into()));
}

#[test]
fn any_error_is_a_failure() {
    let first = failure(|_| async { Err("words".into()) });
    assert_eq!(first.cause, Cause::Error("words".into()));
    let second = failure(|cx| async move {
        cx.timeout(Duration::from_secs(1), std::future::pending::<()>()).await?;
        Ok(())
    });
    assert_eq!((second.cause, second.at), (Cause::Error("no answer within 1s".into()), 1_000_000_000));
    let third = failure(|_| async { Err(larder::Error::closed())? });
    assert!(matches!(third.cause, Cause::Error(text) if text.contains("the store is closed")));
}

#[test]
fn the_error_of_a_client_is_a_failure_at_once() {
    let failure = failure(|cx| async move {
        let clock = cx.clock().clone();
        cx.clients(10, move |client| {
            let clock = clock.clone();
            async move {
                clock.sleep_for(Duration::from_secs(1 + client.id())).await;
                if client.id() == 4 { Err("broken") } else { Ok(()) }
            }
        })
        .each()
        .await;
        Ok(())
    });
    assert_eq!((failure.cause, failure.at), (Cause::Failed("client 4: broken".into()), 5_000_000_000));
}

#[test]
fn whoever_notices_something_can_fail_the_run() {
    let failure = failure(|cx| async move {
        let inner = cx.clone();
        drop(cx.spawn("watcher", async move {
            inner.clock().sleep_for(Duration::from_secs(2)).await;
            inner.fail("seen");
            inner.fail("seen again");
        }));
        std::future::pending().await
    });
    assert_eq!((failure.cause, failure.at), (Cause::Failed("seen".into()), 2_000_000_000));
}

#[test]
fn a_stall_is_a_failure_that_names_the_tasks() {
    let failure = failure(|cx| async move {
        cx.clients(2, |_| std::future::pending::<()>()).each().await;
        Ok(())
    });
    let Cause::Stall(Stall::Deadlock { tasks, .. }) = &failure.cause else { panic!("{failure}") };
    assert_eq!(
        tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(),
        ["main", "client 0", "client 1"]
    );
    assert!(tasks[1].spawned.file().ends_with("failures.rs"));
}

#[test]
fn what_looks_at_a_run_when_it_is_over_can_fail_it() {
    let first = failure(|cx| async move {
        cx.at_end(|_| Err("looked".into()));
        Ok(())
    });
    assert_eq!(first.cause, Cause::Error("looked".into()));
    let second = failure(|cx| async move {
        cx.at_end(|_| panic!("looked"));
        Err("before".into())
    });
    assert_eq!(second.cause, Cause::Error("before".into()));
    let third = failure(|cx| async move {
        cx.at_end(|cx| {
            cx.fail("looked");
            Ok(())
        });
        Ok(())
    });
    assert_eq!(third.cause, Cause::Failed("looked".into()));
}

#[test]
fn the_virtual_time_of_a_run_can_be_limited() {
    let (_keep, path) = directory("sim");
    let runs = seeds([1]).limit(Duration::from_secs(60)).directory(path).try_run(|cx| async move {
        cx.clock().sleep_for(Duration::from_secs(61)).await;
        Ok(())
    });
    let failure = runs.failure().unwrap();
    assert!(matches!(failure.cause, Cause::Stall(Stall::Limited { .. })), "{failure}");
}

async fn fails_from_ten_on(cx: Context) -> Result {
    cx.note(format!("seed {} passes by", cx.seed()));
    if cx.seed().value() % 10 == 9 { Err("nine".into()) } else { Ok(()) }
}

#[test]
fn the_first_failure_ends_it_whatever_the_number_of_threads() {
    let (_keep, path) = directory("sim");
    let run = |seeds: Seeds| seeds.directory(&path).try_run(fails_from_ten_on);
    let failed = |runs: &Runs| -> Vec<u64> {
        let failures = runs.outcomes().iter().filter_map(|outcome| outcome.failure.as_ref());
        failures.map(|failure| failure.seed.value()).collect()
    };
    let one = run(seeds(0..50));
    assert_eq!((one.outcomes().len(), failed(&one)), (10, vec![9]));
    let eight = run(seeds(0..50).threads(8));
    assert_eq!((eight.digests(), failed(&eight)), (one.digests(), vec![9]));
    let all = run(seeds(0..50).threads(2).keep_going());
    assert_eq!((all.outcomes().len(), failed(&all)), (50, vec![9, 19, 29, 39, 49]));
    assert_eq!(all.failure().unwrap().seed.value(), 9);
}

#[test]
fn the_report_says_what_happened_and_how_to_see_it_again() {
    let (_keep, path) = directory("sim");
    let runs = seeds(0..50).directory(&path).try_run(fails_from_ten_on);
    let report = runs.report().unwrap();
    let name = "runs::failures::the_report_says_what_happened_and_how_to_see_it_again";
    assert!(report.starts_with("seed 9 failed at 0ns of virtual time: nine\n"), "{report}");
    assert!(report.contains("seed 9 passes by"), "{report}");
    // Under another test harness the name is that of the file.
    let test = std::thread::current().name().filter(|name| *name != "main").is_some();
    let command = format!("LARDER_SIM_SEED=9 cargo test -p larder-simulated -- --exact {name}");
    assert!(!test || report.contains(&command), "{report}");
    let stored: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(stored.len(), 1);
    assert!(report.contains(&format!("LARDER_SIM_REPRO={}", path.join(&stored[0]).display())), "{report}");
}

#[test]
fn run_panics_with_the_report() {
    let (_keep, path) = directory("sim");
    let panic = std::panic::catch_unwind(|| seeds(0..50).directory(path).run(fails_from_ten_on)).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("seed 9 failed") && text.contains("LARDER_SIM_SEED=9"), "{text}");
}

#[test]
fn a_failure_that_does_not_come_again_is_told_so() {
    let (_keep, path) = directory("sim");
    let first = std::sync::atomic::AtomicBool::new(true);
    let runs = seeds([1]).directory(&path).try_run(|_| {
        let fails = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        async move { if fails { Err("only once".into()) } else { Ok(()) } }
    });
    assert!(runs.report().unwrap().contains("check_determinism"), "{runs:?}");
    assert!(runs.repro().is_none());
}
