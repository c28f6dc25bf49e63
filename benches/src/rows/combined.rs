//! Updates of one key by many tasks at a time, which share their writes, against one at a time.

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use larder::{Durability, Larder, path};
use larder_filesystem::Filesystem;

use super::Failure;
use super::files::{Files, On, stop_on_failure, tokio};
use crate::harness::{Contest, Effort};
use crate::report::{Section, Target};
use crate::time::Clock;

const TASKS: usize = 16;
const TERMS: &str = "content and name synced";

/// All rows of this theme.
pub fn section(effort: Effort, dir: &Path) -> Result<Section, Failure> {
    let files = Files::within(dir)?;
    let runtime = tokio()?;
    let on = On::Tokio(&runtime);
    let open = || -> Result<Arc<Larder>, Failure> {
        let backend = Filesystem::options().durability(Durability::Synced).open(files.fresh()?);
        Ok(Arc::new(Larder::new(pollster::block_on(backend)?)))
    };
    let (one, one_tokio, many, many_tokio) = (open()?, open()?, open()?, open()?);
    let (alone, each) = (effort.operations(40), effort.operations(40));
    let outcomes = Contest::new("Durable updates of one key, time per update", Clock::Wall)
        .contender("1 task", TERMS, |clock| run(&one, clock, On::Pollster, 1, alone))
        .contender("16 tasks", TERMS, |clock| run(&many, clock, On::Pollster, TASKS, each))
        .contender("1 task under tokio", TERMS, |clock| run(&one_tokio, clock, on, 1, alone))
        .contender("16 tasks under tokio", TERMS, |clock| run(&many_tokio, clock, on, TASKS, each))
        .run(effort);
    let target = |what: &str, many: &str, one: &str| {
        let what = format!("durable updates of one key by 16 tasks, to one at a time, {what}");
        Target::at_least(what, 8.0, 1.0 / outcomes.ratio(many, one))
    };
    let targets = vec![
        target("under pollster", "16 tasks", "1 task"),
        target("under tokio", "16 tasks under tokio", "1 task under tokio"),
    ];
    let method = "`update_in` of a counter in a small document, on a store of its own for each contender. Each task \
                  waits for its update before it makes the next. Without tokio all tasks are joined on the calling \
                  thread under `pollster::block_on`. After every sample the counter must have counted all of it."
        .into();
    Ok(Section {
        title: "Combined updates".into(),
        method,
        contests: vec![outcomes],
        targets,
        ..Section::default()
    })
}

fn run(larder: &Arc<Larder>, clock: Clock, on: On<'_>, tasks: usize, each: u64) -> crate::time::Sample {
    let count =
        || stop_on_failure(pollster::block_on(larder.get_in::<u64>(path!["counter", "n"]))).unwrap_or(0);
    let before = count();
    let sample = clock.time(tasks as u64 * each, || {
        stop_on_failure(on.tasks(tasks, |_| updates(Arc::clone(larder), each)));
    });
    assert_eq!(count(), before + tasks as u64 * each, "an update was lost");
    sample
}

fn updates(larder: Arc<Larder>, count: u64) -> BoxFuture<'static, Result<(), Failure>> {
    Box::pin(async move {
        for _ in 0..count {
            larder.update_in(path!["counter", "n"], |n: Option<u64>| n.unwrap_or(0) + 1).await?;
        }
        Ok(())
    })
}
