//! Workloads on a simulated store: repeatable, honest about latency, and checked.

use std::time::Duration;

use larder::{
    Backend, Batch, Capabilities, Expect, Key, Keys, Part, Record, Removed, Reply, Stored, Write, Written,
};
use larder_memory::Memory;
use larder_simulated::draw::Ratio;
use larder_simulated::fault::{FaultKind, Faults};
use larder_simulated::latency::{Class, Latency, Legs, Profile};
use larder_simulated::report::Conclusion;
use larder_simulated::workload::{Failure, Finished, Pace, Simulation, Sizes, Until, Workload};

fn s3(workload: &str, seed: u64) -> Simulation {
    Simulation {
        profile: Profile::named("s3-standard").unwrap(),
        clients: 5,
        until: Until::Operations(600),
        ..Simulation::new(Workload::named(workload).unwrap(), seed)
    }
}

fn swarm(seed: u64) -> Simulation {
    Simulation { faults: Faults::swarm(), patience: Duration::from_secs(10), ..s3("mixed", seed) }
}

/// Every call takes so long.
fn constant(time: Duration) -> Profile {
    let legs = || Legs::Whole { latency: Latency::constant(time), effect_percent: 50 };
    Class::ALL.into_iter().fold(Profile::new("constant"), |profile, class| profile.legs(class, legs()))
}

fn kept(finished: &Finished) -> bool {
    matches!(finished.conclusion(), Conclusion::Kept(_))
}

#[test]
fn every_workload_runs_and_is_linearizable_whatever_goes_wrong() {
    for name in Workload::names() {
        for seed in 0..3 {
            let mut simulation = Simulation { faults: Faults::swarm(), ..s3(name, seed) };
            // Megabytes would only make the test slow.
            if name == "large-binaries" {
                simulation.workload = simulation.workload.of_sizes(Sizes::between(16 * 1024, 256 * 1024));
                simulation.until = Until::Operations(200);
            }
            let finished = simulation.run(Memory::new());
            println!("{name}, seed {seed}: {:?}", finished.conclusion());
            assert!(kept(&finished));
            assert!(finished.done.len() >= 200 && finished.stall.is_none());
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run_byte_for_byte() {
    let run = |seed| {
        let finished = swarm(seed).run(Memory::new());
        let report = finished.report(&[]);
        let mut seen = Vec::new();
        larder_simulated::history::json::write(&finished.history, &mut seen).unwrap();
        (finished.digest, report.html(), report.text(), seen)
    };
    let (one, same, other) = (run(3), run(3), run(4));
    assert!(one == same);
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2 && one.3 != other.3);
}

#[test]
fn a_store_that_reads_old_states_is_found_out() {
    let faults = Faults::none().rate(FaultKind::StaleRead, Ratio::percent(3));
    let finished = Simulation { faults, ..s3("hot-key", 1) }.run(Memory::new());
    let Conclusion::Broken(sentence) = finished.conclusion() else { panic!("{:?}", finished.conclusion()) };
    assert!(sentence.contains("no order of these operations"), "{sentence}");
    let report = finished.report(&[FaultKind::StaleRead]);
    assert_eq!(report.pictures.len(), 1);
    let picture = &report.pictures[0];
    assert!(!picture.suspects.is_empty() && !picture.unplaced.is_empty(), "{picture:?}");
    // The lanes show the moment at which it went wrong.
    let focus = report.focus.unwrap();
    assert!(report.bars.iter().any(|bar| bar.invoked == focus));
    assert!(report.faults[0].seen > 0);
}

#[test]
fn a_store_that_loses_writes_is_found_out_by_the_reads_at_the_end() {
    // Nobody but the reads at the end looks at what was written.
    #[derive(Debug)]
    struct Forgetful(Memory);

    #[deny(clippy::missing_trait_methods, reason = "a wrapper forwards every method")]
    impl Backend for Forgetful {
        fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
            self.0.read(key, part)
        }
        fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
            // It acknowledges, and forgets at once.
            let written = self.0.write(key, record, expect);
            drop(self.0.remove(key, Expect::Any));
            written
        }
        fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
            self.0.remove(key, expect)
        }
        fn keys(&self, prefix: Option<&str>) -> Keys {
            self.0.keys(prefix)
        }
        fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
            self.0.write_batch(writes)
        }
        fn sync(&self) -> Reply<()> {
            self.0.sync()
        }
        fn close(&self) -> Reply<()> {
            self.0.close()
        }
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
    }

    let mut simulation = s3("mixed", 2);
    (simulation.clients, simulation.until) = (1, Until::Operations(2));
    // Two steps of one client, chosen so that none reads what it has written.
    simulation.seed = (0..100)
        .find(|seed| {
            let draws =
                larder_simulated::draw::Draws::new(*seed).domain("simulation").domain("workload").of(0);
            let steps: Vec<&str> = (0..2).map(|n| simulation.workload.request(draws, n).name()).collect();
            steps == ["assoc", "assoc"]
        })
        .unwrap();
    let finished = simulation.run(Forgetful(Memory::new()));
    assert_eq!(finished.done.iter().map(|each| each.request.name()).collect::<Vec<_>>(), ["assoc", "assoc"]);
    assert!(matches!(finished.conclusion(), Conclusion::Broken(_)), "{:?}", finished.conclusion());
}

#[test]
fn damage_that_a_client_meets_is_a_broken_promise() {
    let faults = Faults::none().rate(FaultKind::Rot, Ratio::percent(5));
    let finished = Simulation { faults, ..s3("mixed", 1) }.run(Memory::new());
    assert!(finished.damaged().count() > 0);
    let Conclusion::Broken(sentence) = finished.conclusion() else { panic!("{:?}", finished.conclusion()) };
    assert!(sentence.contains("damaged"), "{sentence}");
}

#[test]
fn an_operation_that_hangs_is_given_up_after_the_patience_of_its_client() {
    let faults = Faults::none().rate(FaultKind::Hang, Ratio::percent(2));
    let patience = Duration::from_secs(3);
    let finished = Simulation { faults, patience, ..s3("read-mostly", 5) }.run(Memory::new());
    let given_up: Vec<_> =
        finished.done.iter().filter(|each| each.failure == Some(Failure::GaveUp)).collect();
    assert!(given_up.len() > 3, "{}", given_up.len());
    assert!(given_up.iter().all(|each| each.took() == 3_000_000_000));
    assert!(finished.done.iter().all(|each| each.took() <= 3_000_000_000));
    assert!(kept(&finished));
}

#[test]
fn a_run_for_an_hour_lasts_an_hour() {
    let until = Until::Time(Duration::from_secs(3600));
    let finished =
        Simulation { until, clients: 1, profile: constant(Duration::from_millis(999)), ..s3("hot-key", 1) }
            .run(Memory::new());
    let hour = 3_600_000_000_000;
    assert!((hour..hour + 20_000_000_000).contains(&finished.lasted), "{}", finished.lasted);
    // A second for a read, two for an update that reads first.
    assert!((1_700..3_700).contains(&finished.done.len()), "{}", finished.done.len());
}

#[test]
fn an_open_loop_counts_the_time_that_an_operation_should_have_begun() {
    // One server, 10 ms a call, and 2000 reads a second come: the line grows by a second every 53 ms.
    let workload = |pace| Workload::named("read-mostly").unwrap().at_pace(pace);
    let profile = constant(Duration::from_millis(10)).servers(1);
    let run = |pace| {
        Simulation {
            profile: profile.clone(),
            workload: workload(pace),
            clients: 2,
            until: Until::Operations(1000),
            ..Simulation::new(workload(pace), 1)
        }
        .run(Memory::new())
    };
    let open = run(Pace::Open { every: Duration::from_millis(1) });
    let longest = open.done.iter().map(|each| each.took()).max().unwrap();
    assert!((9_000_000_000..11_000_000_000).contains(&longest), "{longest}");
    assert!(open.done.iter().all(|each| each.intended < 501_000_000));
    // Those who wait for the answer before they ask again never see a line of more than one other; a
    // write is two calls.
    let closed = run(Pace::Closed { think: Duration::from_millis(1) });
    let longest = closed.done.iter().map(|each| each.took()).max().unwrap();
    assert!(longest <= 40_000_000, "{longest}");
}

#[test]
fn an_open_loop_that_may_have_few_operations_at_once_counts_the_wait_for_a_place() {
    use std::sync::Arc;

    use larder::{Clock, Larder};
    use larder_simulated::draw::Draws;
    use larder_simulated::store::Simulated;
    use larder_simulated::time::Sim;
    use larder_simulated::workload::Session;

    let done = Sim::run(1, |sim| async move {
        let clock: Arc<dyn Clock> = Arc::new(sim.clock().clone());
        let store = Simulated::builder(Memory::new(), Arc::new(sim.clock().clone()), 1)
            .profile(constant(Duration::from_millis(10)))
            .build();
        let larder = Larder::with_clock(store, Arc::clone(&clock));
        let pace = Pace::Open { every: Duration::from_millis(1) };
        let workload = Workload::named("read-mostly").unwrap().at_pace(pace);
        Session::new(workload, Draws::new(1), 0, clock).at_once(2).run(&larder, Until::Operations(100)).await
    })
    .unwrap();
    assert!(done.iter().all(|each| each.ended - each.began <= 20_000_000));
    let last = done.last().unwrap();
    // A hundred at two per 10 ms take half a second, writes twice as long; the last should have begun
    // after a tenth.
    assert!((380_000_000..480_000_000).contains(&last.took()), "{}", last.took());
}

#[test]
fn the_report_holds_model_and_observation_of_every_class() {
    let finished = Simulation { until: Until::Operations(3000), ..s3("mixed", 1) }.run(Memory::new());
    let report = finished.report(&[FaultKind::Hang]);
    let classes: Vec<&str> = report.storage.iter().map(|class| class.class.as_str()).collect();
    assert_eq!(classes, ["read", "head", "write", "remove", "list"]);
    assert_eq!(report.models.iter().map(|model| model.class.as_str()).collect::<Vec<_>>(), classes);
    let mut reads: Vec<u64> = report.storage[0].samples.iter().map(|sample| sample.took).collect();
    reads.sort_unstable();
    let median = reads[reads.len() / 2];
    let model = report.models[0].quantiles.iter().find(|(q, _)| *q == 0.5).unwrap().1;
    assert!(median.abs_diff(model) < model / 8, "{median} ns observed, {model} ns by the model");
    assert_eq!((report.faults.len(), report.faults[0].injected), (1, 0));
    let operations: usize = report.latencies.iter().map(|class| class.samples.len()).sum();
    assert_eq!(operations, 3000);
    assert!(
        report.depths.iter().all(|series| series.points.last().is_none_or(|(_, n)| *n == 0)),
        "all calls came back"
    );
}

#[test]
fn the_checker_is_told_where_operations_took_effect_and_need_not_search() {
    use larder_simulated::check::Checker;
    let s3_standard = || Profile::named("s3-standard").unwrap();
    for (name, faults, profile) in [
        ("mixed", Faults::none(), s3_standard()),
        ("hot-key", Faults::none(), s3_standard()),
        ("mixed", Faults::swarm(), s3_standard()),
        ("mixed", Faults::none(), Profile::none()),
    ] {
        let until = Until::Operations(3000);
        let finished = Simulation { faults, profile, clients: 40, until, ..s3(name, 1) }.run(Memory::new());
        let decided = Checker::new().decide(&finished.history);
        assert!(decided.verdict.is_linearizable(), "{decided:?}");
        assert!(decided.by_witness * 20 >= decided.keys * 19, "{name}: {decided:?}");
        for operation in finished.history.operations() {
            let within =
                |effect| effect > operation.invoked && operation.returned.is_none_or(|at| effect < at);
            assert!(operation.effect.is_none_or(within), "{operation:?}");
        }
    }
}
