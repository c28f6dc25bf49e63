//! One map on a Redis server: against the clients that people use, and against the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::{BoxFuture, try_join_all};
use tokio::runtime::Runtime;

use super::files::{stop_on_failure, tokio};
use super::{Failure, data};
use crate::harness::{Contest, Effort, Outcomes};
use crate::peers::redis::Client;
use crate::peers::redis::counters::Counter;
use crate::peers::redis::server::Server;
use crate::peers::redis::wire;
use crate::report::{Section, Target};
use crate::time::{Clock, Sample};

const SMOL: &str = "larder, under smol";
const TOKIO: &str = "larder, under tokio";
const BARE_SMOL: &str = "redis crate, under smol";
const BARE_TOKIO: &str = "redis crate, under tokio";
const FRED: &str = "fred, under tokio";
const WATCH_SMOL: &str = "WATCH loop, under smol";
const WATCH_TOKIO: &str = "WATCH loop, under tokio";
const SCRIPT_SMOL: &str = "EVALSHA loop, under smol";
const SCRIPT_TOKIO: &str = "EVALSHA loop, under tokio";

/// So many keys are read and written.
const KEYS: usize = 10_000;

/// Concurrent tasks, and operations per sample.
const TASKS: [(usize, u64); 3] = [(1, 3000), (64, 40_000), (512, 80_000)];

/// All rows of this theme.
pub fn section(effort: Effort) -> Result<Section, Failure> {
    let effort = effort.rounds(7);
    let runtime = tokio()?;
    let (mut contests, mut targets) = (Vec::new(), Vec::new());
    for (len, size) in [(100, "100 B"), (10 * 1024, "10 KiB")] {
        // A server for each size, so that the second is not slowed by what the first left in memory.
        let rows = Rows::new(&runtime, len, size)?;
        for what in [What::Get, What::Over, What::New] {
            for (tasks, operations) in TASKS {
                let outcomes = rows.contest(what, tasks, operations, effort);
                what.targets(tasks, size, &outcomes, &mut targets);
                contests.push(outcomes);
            }
        }
    }
    for (title, tasks, keys, operations, bound) in [
        ("Updates of one key by 16 tasks", 16, 1, 8000, 10.0),
        ("Updates of 10 000 keys by 64 tasks", 64, KEYS, 20_000, 2.0),
    ] {
        let outcomes = updates(&runtime, title, tasks, keys, operations, effort)?;
        for (larder, loops) in [(SMOL, WATCH_SMOL), (TOKIO, WATCH_TOKIO)] {
            let what = format!("Redis: {}, to the {loops}", lower(title));
            targets.push(Target::at_least(what, bound, outcomes.ratio(loops, larder)));
        }
        contests.push(outcomes);
    }
    Ok(Section { title: "Redis".into(), method: METHOD.into(), contests, targets, ..Section::default() })
}

const METHOD: &str = "A `redis-server` of our own on 127.0.0.1 that keeps nothing on disk, on the same two processors as its \
    clients. Every client has one connection, which all tasks share: larder's `bget` and `bassoc`; `GET` and `SET` \
    by the `redis` crate's `MultiplexedConnection` and by fred, sent as they are asked for. Tasks run under smol's \
    global executor, which has one thread unless told otherwise, or under tokio with two workers, and the \
    connection of larder and of the crate is driven by the same runtime. `redis-benchmark` has one connection \
    too and keeps as many requests on it as the others have tasks (`-c 1 -P`); it looks at no answer, and is the limit of \
    server and wire. larder does more: a read verifies the checksum and brings \
    the record's head along (about 190 bytes), a write goes on with the revision of what it replaces and says so \
    only if nobody else has written since. So a write of a new key is one that finds nothing there (`SET .. NX`), and \
    a write over a key that is there is a script that compares first, where the others overwrite blindly; the keys are \
    10 000, and larder has written them before. Updates add one to a number: larder's `update_in`, of which those of one key share their \
    writes, and which reads only what this process has not written last; WATCH and GET, then MULTI, SET and EXEC, on a connection for each task, which is how it is done by \
    hand; and GET and a script that compares and sets, on one connection. After every sample all keys \
    together must have counted all of it.";

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Reads what is there.
    Get,
    /// Writes what was never there.
    New,
    /// Writes over what is there.
    Over,
}

impl What {
    fn title(self) -> &'static str {
        match self {
            What::Get => "GET",
            What::New => "SET of new keys",
            What::Over => "SET over what is there",
        }
    }

    fn targets(self, tasks: usize, size: &str, outcomes: &Outcomes, targets: &mut Vec<Target>) {
        for (larder, bare) in [(SMOL, BARE_SMOL), (TOKIO, BARE_TOKIO)] {
            let what = format!("Redis: {} of {size} by {}, to the {bare}", self.title(), by(tasks));
            targets.push(match tasks {
                1 => Target::at_most(what, 1.15, outcomes.ratio(larder, bare)),
                _ => Target::at_least(what, 1.0, outcomes.ratio(bare, larder)),
            });
        }
    }
}

fn by(tasks: usize) -> String {
    if tasks == 1 { "1 task".into() } else { format!("{tasks} tasks") }
}

fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

/// Who runs the tasks.
#[derive(Clone, Copy)]
enum Callers<'a> {
    Smol,
    Tokio(&'a Runtime),
}

impl Callers<'_> {
    fn run<T>(self, future: impl Future<Output = T>) -> T {
        match self {
            Callers::Smol => smol::block_on(future),
            Callers::Tokio(runtime) => runtime.block_on(future),
        }
    }

    /// Runs so many tasks side by side.
    fn tasks(self, tasks: impl Iterator<Item = BoxFuture<'static, Result<(), Failure>>>) {
        stop_on_failure(match self {
            Callers::Smol => smol::block_on(try_join_all(tasks.map(smol::spawn))).map(drop),
            Callers::Tokio(runtime) => {
                let spawned: Vec<_> = tasks.map(|task| runtime.spawn(task)).collect();
                runtime.block_on(async {
                    for task in spawned {
                        task.await??;
                    }
                    Ok::<(), Failure>(())
                })
            }
        });
    }
}

/// A client, who runs its tasks, and its keys.
struct Contender<'a> {
    name: &'static str,
    callers: Callers<'a>,
    client: Client,
    keys: Arc<Vec<String>>,
    /// Counts the keys that were new.
    new: Arc<AtomicUsize>,
}

/// How many tasks fill a server: as many as share the keys without a rest.
const FILLERS: usize = 50;
const _: () = assert!(KEYS.is_multiple_of(FILLERS));

struct Rows<'a> {
    server: Server,
    contenders: Vec<Contender<'a>>,
    len: usize,
    size: &'static str,
}

impl<'a> Rows<'a> {
    /// Fills a server with every contender's keys.
    fn new(runtime: &'a Runtime, len: usize, size: &'static str) -> Result<Rows<'a>, Failure> {
        let server = Server::start()?;
        let url = server.url();
        let tokio = Callers::Tokio(runtime);
        let clients = [
            (BARE_SMOL, Callers::Smol, Callers::Smol.run(Client::bare(&url))?),
            (SMOL, Callers::Smol, Callers::Smol.run(Client::larder(&url, "smol"))?),
            (BARE_TOKIO, tokio, tokio.run(Client::bare(&url))?),
            (TOKIO, tokio, tokio.run(Client::larder(&url, "tokio"))?),
            (FRED, tokio, tokio.run(Client::fred(&url))?),
        ];
        let names = data::keys(KEYS);
        let contenders = clients.into_iter().enumerate().map(|(at, (name, callers, client))| {
            let keys = names.iter().map(|key| format!("{at}/{key}")).collect();
            Contender { name, callers, client, keys: Arc::new(keys), new: Arc::default() }
        });
        let rows = Rows { contenders: contenders.collect(), server, len, size };
        for contender in &rows.contenders {
            contender.sample(Clock::Wall, What::Over, len, FILLERS, KEYS as u64);
        }
        wire::run(rows.server.port(), "set", len, 64, 200_000)?;
        Ok(rows)
    }

    fn contest(&self, what: What, tasks: usize, operations: u64, effort: Effort) -> Outcomes {
        let title = format!("{} of {} by {}, time per operation", what.title(), self.size, by(tasks));
        // Ten kilobytes take about four times as long.
        let operations = effort.operations(if self.len > 1024 { operations / 4 } else { operations });
        let mut contest = Contest::new(title, Clock::Wall);
        for contender in &self.contenders {
            contest = contest.contender(contender.name, "", move |clock| {
                let sample = contender.sample(clock, what, self.len, tasks, operations);
                if what == What::New {
                    stop_on_failure(self.server.empty());
                }
                sample
            });
        }
        let command = if what == What::Get { "get" } else { "set" };
        // It counts milliseconds.
        let count = (operations * 5).max(10_000);
        let wire = move |_| stop_on_failure(wire::run(self.server.port(), command, self.len, tasks, count));
        contest.contender(format!("redis-benchmark -P {tasks}"), "", wire).run(effort)
    }
}

impl Contender<'_> {
    fn sample(&self, clock: Clock, what: What, len: usize, tasks: usize, operations: u64) -> Sample {
        let each = (operations / tasks as u64).max(1);
        let bytes = data::bytes(len, 1);
        let futures: Vec<_> = (0..tasks)
            .map(|task| {
                let (client, keys, new) =
                    (self.client.clone(), Arc::clone(&self.keys), Arc::clone(&self.new));
                // Everybody writes a value of his own: otherwise all of them would count references to one.
                let bytes = Bytes::copy_from_slice(&bytes);
                Box::pin(work(client, what, keys, new, bytes, task * KEYS / tasks, each))
                    as BoxFuture<'static, _>
            })
            .collect();
        clock.time(each * tasks as u64, || self.callers.tasks(futures.into_iter()))
    }
}

async fn work(
    client: Client,
    what: What,
    keys: Arc<Vec<String>>,
    new: Arc<AtomicUsize>,
    bytes: Bytes,
    start: usize,
    each: u64,
) -> Result<(), Failure> {
    for at in 0..each as usize {
        let key = &keys[(start + at) % keys.len()];
        match what {
            What::Get => {
                if client.get(key).await? != bytes.len() {
                    return Err("the value is not what was written".into());
                }
            }
            What::Over => client.set(key, bytes.clone()).await?,
            What::New => {
                let number = new.fetch_add(1, Ordering::Relaxed);
                client.set(&format!("{key}/{number:08}"), bytes.clone()).await?;
            }
        }
    }
    Ok(())
}

/// Counters under every runtime.
fn updates(
    runtime: &Runtime,
    title: &str,
    tasks: usize,
    keys: usize,
    operations: u64,
    effort: Effort,
) -> Result<Outcomes, Failure> {
    let server = Server::start()?;
    let url = server.url();
    let each = effort.operations(operations / tasks as u64);
    let tokio = Callers::Tokio(runtime);
    let mut contest = Contest::new(format!("{title}, time per update"), Clock::Wall);
    for (name, callers) in [
        (WATCH_SMOL, Callers::Smol),
        (SMOL, Callers::Smol),
        (SCRIPT_SMOL, Callers::Smol),
        (WATCH_TOKIO, tokio),
        (TOKIO, tokio),
        (SCRIPT_TOKIO, tokio),
    ] {
        let mut counters = Vec::new();
        for _ in 0..tasks {
            counters.push(match counters.first() {
                Some(Counter::Watch(_)) | None => callers.run(counter(name, &url))?,
                Some(shared) => shared.clone(),
            });
        }
        let names: Arc<Vec<String>> =
            Arc::new(data::keys(keys).iter().map(|key| format!("{name}/{key}")).collect());
        contest = contest.contender(name, "", move |clock| {
            let before = callers.run(total(counters[0].clone(), &names));
            let futures: Vec<_> = (0..tasks)
                .map(|task| {
                    let (counter, names) = (counters[task].clone(), Arc::clone(&names));
                    Box::pin(count(counter, names, task * keys / tasks, each)) as BoxFuture<'static, _>
                })
                .collect();
            let sample = clock.time(each * tasks as u64, || callers.tasks(futures.into_iter()));
            let after = callers.run(total(counters[0].clone(), &names));
            assert_eq!(
                stop_on_failure(after),
                stop_on_failure(before) + each * tasks as u64,
                "{name}: an update was lost"
            );
            sample
        });
    }
    Ok(contest.run(effort))
}

async fn counter(name: &str, url: &str) -> Result<Counter, Failure> {
    match name {
        WATCH_SMOL | WATCH_TOKIO => Counter::watch(url).await,
        SCRIPT_SMOL | SCRIPT_TOKIO => Counter::script(url).await,
        SMOL => Counter::larder(url, "smol").await,
        _ => Counter::larder(url, "tokio").await,
    }
}

async fn count(
    mut counter: Counter,
    names: Arc<Vec<String>>,
    start: usize,
    each: u64,
) -> Result<(), Failure> {
    for at in 0..each as usize {
        counter.count(&names[(start + at) % names.len()]).await?;
    }
    Ok(())
}

/// What all keys have counted together.
async fn total(counter: Counter, names: &[String]) -> Result<u64, Failure> {
    const AT_A_TIME: usize = 256;
    let mut total = 0;
    for names in names.chunks(AT_A_TIME) {
        let values = names.iter().map(|name| {
            let mut counter = counter.clone();
            async move { counter.value(name).await }
        });
        total += try_join_all(values).await?.into_iter().sum::<u64>();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_reads_what_it_wrote_and_loses_no_count() {
        let section = section(Effort { rounds: 1, most_rounds: 1, divide: 400 }).unwrap();
        assert_eq!(section.contests.len(), 2 * 3 * 3 + 2);
        for contest in &section.contests {
            for contender in &contest.contenders {
                assert!(contender.median_ns > 0.0, "{}: {}", contest.title, contender.name);
            }
        }
        assert!(section.targets.iter().all(|target| target.measured.is_finite()));
    }
}
