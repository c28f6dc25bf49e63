//! Virtual time: what a sleep costs, here and in the ways of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::executor::LocalPool;
use futures::future::{BoxFuture, FutureExt, join_all};
use futures::task::LocalSpawnExt;
use larder::Larder;
use larder_memory::Memory;
use larder_simulated::draw::{Draws, below};
use larder_simulated::latency::{Class, Latency, Legs, Profile};
use larder_simulated::store::Simulated;
use larder_simulated::time::{ParkDriver, Policy, Sim, VirtualClock, turn};

use super::Failure;
use crate::harness::{Contest, Effort, Outcomes};
use crate::report::{Section, Target};
use crate::time::{Clock, Sample};

const LARDER: &str = "larder-simulated";
const GET: &str = "`get`";
const HOUR: Duration = Duration::from_secs(3600);
/// Of those who visit every millisecond, as a share of an hour.
const PART: u32 = 60;

/// How somebody lets tasks sleep: makes the future of each task, and runs all to their end.
type Way = fn(u64, &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure>;

/// Sleeps for so many nanoseconds, or as near to it as the clock can.
type Sleep = Arc<dyn Fn(u64) -> BoxFuture<'static, ()> + Send + Sync>;

fn virtual_sleep(clock: &VirtualClock) -> Sleep {
    let clock = clock.clone();
    Arc::new(move |nanos| clock.sleep_for(Duration::from_nanos(nanos)).boxed())
}

fn native(tasks: u64, task: &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure> {
    let sim = Sim::new(VirtualClock::new(1));
    let sleep = virtual_sleep(sim.clock());
    let tasks: Vec<_> = (0..tasks).map(|id| sim.spawn("task", task(id, Arc::clone(&sleep)))).collect();
    sim.block_on(1, Policy::Random, join_all(tasks))?;
    Ok(())
}

fn local_pool(tasks: u64, task: &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure> {
    let (clock, mut pool) = (VirtualClock::new(1), LocalPool::new());
    let sleep = virtual_sleep(&clock);
    let (spawner, mut handles) = (pool.spawner(), Vec::new());
    for id in 0..tasks {
        handles.push(spawner.spawn_local_with_handle(task(id, Arc::clone(&sleep)))?);
    }
    let mut all = join_all(handles).boxed_local();
    turn(&clock, || {
        pool.run_until_stalled();
        (&mut all).now_or_never().is_some()
    })?;
    Ok(())
}

fn park(tasks: u64, task: &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure> {
    let clock = VirtualClock::new(1);
    let driver = ParkDriver::new(&clock);
    let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(driver.hook()).build()?;
    let sleep = virtual_sleep(&clock);
    let tasks: Vec<_> = (0..tasks).map(|id| runtime.spawn(task(id, Arc::clone(&sleep)))).collect();
    runtime.block_on(driver.run(join_all(tasks)))?;
    Ok(())
}

fn tokio_sleep() -> Sleep {
    Arc::new(|nanos| tokio::time::sleep(Duration::from_nanos(nanos)).boxed())
}

fn tokio_paused(tasks: u64, task: &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let tasks: Vec<_> = (0..tasks).map(|id| runtime.spawn(task(id, tokio_sleep()))).collect();
    runtime.block_on(join_all(tasks));
    Ok(())
}

fn turmoil(tasks: u64, task: &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure> {
    let mut sim = turmoil::Builder::new().rng_seed(1).simulation_duration(100 * HOUR).build();
    let tasks: Vec<_> = (0..tasks).map(|id| task(id, tokio_sleep())).collect();
    sim.client("clients", async move {
        join_all(tasks.into_iter().map(tokio::spawn)).await;
        Ok(())
    });
    sim.run().map_err(|error| error.to_string())?;
    Ok(())
}

/// slatedb's way, written after its `MockSystemClock` and the clock actor of its simulation: a counter of
/// whole milliseconds; whoever sleeps yields until it has passed; one task adds 1 to 5 ms a lap.
fn yielding(tasks: u64, task: &dyn Fn(u64, Sleep) -> BoxFuture<'static, ()>) -> Result<(), Failure> {
    let now = Arc::new(AtomicI64::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let clock = Arc::clone(&now);
    let sleep: Sleep = Arc::new(move |nanos| {
        let clock = Arc::clone(&clock);
        let until = clock.load(Ordering::SeqCst) + (nanos / 1_000_000) as i64;
        async move {
            while clock.load(Ordering::SeqCst) < until {
                tokio::task::yield_now().await;
            }
        }
        .boxed()
    });
    let tasks: Vec<_> = (0..tasks).map(|id| runtime.spawn(task(id, Arc::clone(&sleep)))).collect();
    let draws = Draws::new(1);
    let laps = runtime.spawn(async move {
        for lap in 0.. {
            now.fetch_add(1 + below(draws.at(lap), 5) as i64, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    runtime.block_on(join_all(tasks));
    laps.abort();
    Ok(())
}

const WAYS: [(&str, Way); 6] = [
    (LARDER, native),
    ("its clock under `LocalPool`", local_pool),
    ("its clock under tokio", park),
    ("tokio's paused clock", tokio_paused),
    ("turmoil", turmoil),
    ("slatedb's way, yielding", yielding),
];

/// Operations of two sleeps, each of `nanos` and up to a tenth more.
async fn operations(client: u64, count: u64, nanos: u64, sleep: Sleep) {
    let draws = Draws::new(1).of(client);
    for n in 0..count {
        sleep(nanos + below(draws.at(2 * n), nanos / 10)).await;
        sleep(nanos + below(draws.at(2 * n + 1), nanos / 10)).await;
    }
}

/// A sample of this way; one that fails has taken for ever.
fn sample(clock: Clock, counts: u64, run: impl FnOnce() -> Result<(), Failure>) -> Sample {
    let mut failed = false;
    let sample = clock.time(counts, || failed = run().is_err());
    if failed { Sample::new(1, HOUR) } else { sample }
}

/// The operations of many clients that do nothing but sleep.
fn sleeping(title: &str, nanos: u64, ways: &[(&str, Way)], effort: Effort) -> Outcomes {
    const CLIENTS: u64 = 100;
    let count = effort.operations(3000);
    let mut contest = Contest::new(title, Clock::ThreadCpu);
    for (name, way) in ways {
        contest = contest.contender(*name, "", move |clock| {
            sample(clock, CLIENTS * count, || {
                way(CLIENTS, &|client, sleep| operations(client, count, nanos, sleep).boxed())
            })
        });
    }
    contest.run(effort.fewer())
}

/// A hundred tasks that sleep for an hour. Those who visit every millisecond do a part of it.
fn idle(effort: Effort) -> Outcomes {
    let mut contest =
        Contest::new("100 tasks sleep for an hour of virtual time, time per hour", Clock::ThreadCpu);
    for (name, way) in WAYS {
        let visits = matches!(name, "turmoil" | "slatedb's way, yielding");
        let (time, parts) = if visits { (HOUR / PART, 1.0 / f64::from(PART)) } else { (HOUR, 1.0) };
        contest = contest.contender(name, "", move |clock| {
            let nanos = time.as_nanos() as u64;
            let sampled =
                sample(clock, 1, || way(100, &|_, sleep| async move { sleep(nanos).await }.boxed()));
            Sample::new(1, sampled.took().div_f64(parts))
        });
    }
    contest.run(effort.fewest())
}

/// One client whose operations take as long as those of a store far away, for an hour.
fn hour(effort: Effort) -> Outcomes {
    let one = |sim: Sim| async move {
        let (clock, draws) = (sim.clock().clone(), Draws::new(1));
        let mut n = 0;
        while clock.nanos() < HOUR.as_nanos() as u64 {
            clock.sleep_for(Duration::from_nanos(10_000_000 + below(draws.at(n), 10_000_000))).await;
            clock.sleep_for(Duration::from_nanos(10_000_000 + below(draws.at(n + 1), 10_000_000))).await;
            n += 2;
        }
        n / 2
    };
    let contest = Contest::new("One hour of one client, 120 000 operations of two sleeps", Clock::ThreadCpu);
    let contest = contest.contender(LARDER, "", move |clock| {
        sample(clock, 1, || {
            let operations = Sim::run(1, one)?;
            if operations > 110_000 { Ok(()) } else { Err(format!("only {operations} operations").into()) }
        })
    });
    contest.run(effort.fewer())
}

/// Fifty clients of a memory store that takes 100 µs of virtual time to answer, through `Larder`.
fn through_larder(effort: Effort) -> Outcomes {
    const CLIENTS: u64 = 50;
    let count = effort.operations(3000);
    let run = move |sim: Sim, writes: bool| async move {
        let clock = Arc::new(sim.clock().clone());
        let legs =
            Legs::Whole { latency: Latency::constant(Duration::from_micros(100)), effect_percent: 100 };
        let profile = Profile::none().legs(Class::Read, legs.clone()).legs(Class::Write, legs);
        let timeline = Arc::new(VirtualClock::clone(&clock));
        let store = Simulated::builder(Memory::new(), timeline, 1).profile(profile).build();
        let clients = (0..CLIENTS).map(|client| {
            let larder = Larder::with_clock(store.client(client), Arc::<VirtualClock>::clone(&clock));
            sim.spawn("client", async move {
                let mut done = 0;
                for n in 0..count {
                    let key = (client * 7919 + n * 31) % 1000;
                    let happened = match writes {
                        true => larder.assoc(key, &n).await.is_ok(),
                        false => larder.get::<u64>(key).await.is_ok(),
                    };
                    done += u64::from(happened);
                }
                done
            })
        });
        join_all(clients.collect::<Vec<_>>()).await.into_iter().sum::<u64>()
    };
    let mut contest =
        Contest::new("A store that takes 100 µs, through `Larder`, per operation", Clock::ThreadCpu);
    for (name, writes) in [(GET, false), ("`assoc`", true)] {
        contest = contest.contender(name, "", move |clock| {
            sample(clock, CLIENTS * count, || {
                let done = Sim::run(1, |sim| run(sim, writes))?;
                if done == CLIENTS * count { Ok(()) } else { Err(format!("only {done} operations").into()) }
            })
        });
    }
    contest.run(effort.fewer())
}

/// All rows of this theme.
pub fn section(effort: Effort) -> Result<Section, Failure> {
    let far = sleeping("Two sleeps of 10 ms, 100 clients, time per operation", 10_000_000, &WAYS, effort);
    let near = sleeping("Two sleeps of 80 µs, 100 clients, time per operation", 80_000, &WAYS[..3], effort);
    let (idle, hour, through) = (idle(effort), hour(effort), through_larder(effort));
    let got = through.of(GET).map_or(f64::NAN, |outcome| outcome.median_ns);
    let median = |outcomes: &Outcomes| outcomes.of(LARDER).map_or(f64::NAN, |outcome| outcome.median_ns);
    let a_million = "simulated operations of two sleeps of 80 µs a second, to a million";
    let targets = vec![
        Target::at_least("simulated `get`s through `Larder` a second, to a million", 1.0, 1e3 / got),
        Target::at_least(a_million, 1.0, 1e3 / median(&near)),
        Target::at_most("one simulated hour of one client, to 200 ms", 1.0, median(&hour) / 200e6),
        Target::at_most("a simulated hour of 100 idle tasks, to 10 ms", 1.0, median(&idle) / 10e6),
    ];
    let method = format!(
        "One thread. Every operation is two sleeps, one after the other, of the length that the row says and up to a \
         tenth more; every sleep is a boxed future, as `Clock::sleep` gives it. larder-simulated sleeps to the \
         nanosecond. tokio's paused clock and turmoil round every sleep up to a millisecond, and slatedb's counts \
         whole ones, so they stand only in rows of milliseconds. turmoil (one host, its default tick) and slatedb's \
         way visit every millisecond or few: of the idle hour they do 1/{PART}, and the figure is that times {PART}. \
         slatedb's way is written after its `MockSystemClock` and the actor that moves it. madsim is left out: it needs \
         a `--cfg` of its own, and makes every sleep at least a millisecond."
    );
    Ok(Section {
        title: "Virtual time".into(),
        method,
        contests: vec![far, near, idle, hour, through],
        targets,
        ..Section::default()
    })
}
