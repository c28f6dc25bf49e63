//! Apps on a stage: wrapped, recorded, checked, measured and reported.

use std::time::Duration;

use larder_memory::Memory;
use larder_simulated::draw::Ratio;
use larder_simulated::fault::{FaultKind, Faults};
use larder_simulated::latency::Profile;
use larder_simulated::report::Conclusion;
use larder_simulated::run::{self, Runs};
use larder_simulated::stage::{Stage, write_report};

fn s3() -> Profile {
    Profile::named("s3-standard").unwrap()
}

/// Counters on a store with these faults.
fn count(seeds: std::ops::Range<u64>, faults: Faults) -> Runs {
    run::seeds(seeds).try_run(move |cx| {
        let faults = faults.clone();
        async move {
            let store = cx.wrap(Memory::new()).profile(s3()).faults(faults).build();
            let counters = store.clone();
            cx.clients(3, move |client| {
                let larder = counters.larder(client.id());
                async move {
                    let add = larder.update_in("n", |n: Option<u64>| n.unwrap_or(0) + 1);
                    _ = client.context().measure("add", add).await;
                }
            })
            .during(Duration::from_secs(10))
            .await;
            cx.heal();
            store.larder(9).get::<u64>("n").await?;
            cx.assert_linearizable();
            cx.assert_quantile("add", 0.5, Duration::from_secs(3));
            Ok(())
        }
    })
}

#[test]
fn what_larder_promises_holds_under_a_swarm_of_faults() {
    let runs = count(0..20, Faults::swarm());
    assert_eq!(runs.report(), None);
    assert_eq!(runs.outcomes().len(), 20);
}

#[test]
fn a_store_that_breaks_its_promise_fails_the_run_with_the_operations_that_show_it() {
    let runs = count(0..5, Faults::none().rate(FaultKind::LostWrite, Ratio::percent(5)));
    let cause = runs.failure().expect("a failure").cause.to_string();
    assert!(cause.contains("not linearizable") && cause.contains("\"n\""), "{cause}");
}

#[test]
fn a_time_that_is_too_long_fails_the_run_and_says_how_long_it_was() {
    let runs = run::seeds(0..1).try_run(|cx| async move {
        let larder = cx.wrap(Memory::new()).profile(s3()).build().larder(0);
        for n in 0..100 {
            cx.measure("write", larder.assoc(n, &n)).await?;
        }
        cx.assert_quantile("write", 0.99, Duration::from_secs(5));
        cx.assert_quantile("write", 0.9, Duration::from_millis(1));
        Ok(())
    });
    let cause = runs.failure().expect("a failure").cause.to_string();
    assert!(cause.contains("90 % of \"write\" took up to") && cause.contains("more than 1ms"), "{cause}");
    let runs = run::seeds(0..1).try_run(|cx| async move {
        cx.assert_quantile("nothing", 0.5, Duration::MAX);
        Ok(())
    });
    assert!(runs.failure().expect("a failure").cause.to_string().contains("nothing was measured"));
}

#[test]
fn several_stores_have_fates_and_histories_of_their_own() {
    let runs = run::seeds(0..1).keep_extensions().try_run(|cx| async move {
        let stale = Faults::none().rate(FaultKind::StaleRead, Ratio::percent(50));
        let good = cx.wrap(Memory::new()).profile(s3()).build().larder(0);
        let bad = cx.wrap(Memory::new()).named("mirror").profile(s3()).faults(stale).build().larder(0);
        for n in 0..50u64 {
            good.assoc("n", &n).await?;
            assert_eq!(good.get("n").await?, Some(n));
            bad.assoc("n", &n).await?;
            bad.get::<u64>("n").await?;
        }
        assert_eq!(cx.histories().iter().map(|seen| seen.len()).collect::<Vec<_>>(), [100, 100]);
        assert!(cx.verdict().is_violation());
        let report = cx.report("two stores");
        let Conclusion::Broken(sentence) = &report.conclusion else { panic!("{:?}", report.conclusion) };
        assert!(sentence.starts_with("mirror: "), "{sentence}");
        assert_eq!(report.depths.len(), 4);
        assert_eq!(report.storage.iter().find(|class| class.class == "read").unwrap().samples.len(), 100);
        Ok(())
    });
    assert_eq!(runs.report(), None);
}

#[test]
fn the_report_of_a_failed_run_is_written_and_names_its_seed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deep/down/report.html");
    let target = directory.path().to_owned();
    let runs =
        run::seeds(40..42).directory(target).after(write_report("lost", &file)).try_run(|cx| async move {
            let larder = cx.wrap(Memory::new()).profile(s3()).build().larder(0);
            larder.assoc("n", &1).await?;
            if cx.seed().value() == 41 {
                return Err("the app <gave> up".into());
            }
            Ok(())
        });
    assert!(runs.failure().is_some());
    let page = std::fs::read_to_string(file).unwrap();
    assert!(page.contains("<dt>seed</dt><dd>41</dd>"));
    assert!(page.contains("A promise was broken.</strong> the app &lt;gave&gt; up"));
    assert!(page.contains("LARDER_SIM_SEED=41 cargo test"));
}

#[test]
fn work_that_is_dropped_before_its_end_is_not_measured() {
    let runs = run::seeds(0..1).try_run(|cx| async move {
        let larder = cx.wrap(Memory::new()).profile(s3()).build().larder(0);
        let slow = cx.measure("read", larder.get::<u64>("n"));
        assert!(cx.timeout(Duration::from_nanos(1), slow).await.is_err());
        cx.measure("read", larder.get::<u64>("n")).await?;
        let report = cx.report("one read");
        let read = report.latencies.iter().find(|class| class.class == "read").unwrap();
        assert_eq!(read.samples.len(), 1);
        Ok(())
    });
    assert_eq!(runs.report(), None);
}

#[test]
fn what_the_guide_tells_of_the_example_stands_in_the_example() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let guide = std::fs::read_to_string(format!("{root}/docs/simulation.md")).unwrap();
    let example = std::fs::read_to_string(format!("{root}/examples/simulated_app.rs")).unwrap();
    let without_spaces = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let code = without_spaces(&example);
    let mut told = 0;
    for block in guide.split("<!-- from the example -->\n```rust\n").skip(1) {
        let lines = block.split("```").next().unwrap().lines().filter(|line| !line.starts_with('#'));
        for line in lines.map(|line| line.split("  //").next().unwrap()) {
            assert!(code.contains(&without_spaces(line)), "the example has no line {line:?}");
            told += 1;
        }
    }
    assert!(told > 10, "{told}");
}
