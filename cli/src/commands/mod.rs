//! What each command does.

mod about;
mod binary;
pub(crate) mod check_history;
mod copy;
mod entries;
mod exchange;
mod export;
mod import;
mod pack;
pub(crate) mod simulate;
pub(crate) mod trace;
mod update;
mod verify;

use std::future::Future;

use larder::{Key, Larder};

use crate::args::{Cli, Command};
use crate::failure::{Failure, Outcome, Result};
use crate::notation;
use crate::stores::{self, Intent};

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> Result<Outcome> {
    let store = cli.store;
    match cli.command {
        Command::Get { key, segments } => {
            with(&store, Intent::Read, |larder| entries::get(larder, key, segments)).await
        }
        Command::Exists { key } => with(&store, Intent::Read, |larder| entries::exists(larder, key)).await,
        Command::Meta { key } => with(&store, Intent::Read, |larder| entries::meta(larder, key)).await,
        Command::Dissoc { key } => with(&store, Intent::Change, |larder| entries::dissoc(larder, key)).await,
        Command::Assoc { key, rest, text } => {
            let change = entries::Assoc::new(&key, rest, text)?;
            with(&store, Intent::Write, |larder| change.run(larder)).await
        }
        Command::Update(update) => {
            let change = update::Change::new(update)?;
            with(&store, Intent::Write, |larder| change.run(larder)).await
        }
        Command::Keys { prefix, long } => {
            with(&store, Intent::Read, |larder| entries::keys(larder, prefix, long)).await
        }
        Command::Bget { key, output, range } => {
            with(&store, Intent::Read, |larder| binary::get(larder, key, output, range)).await
        }
        Command::Bassoc { key, file } => {
            let source = binary::source(&file).await?;
            with(&store, Intent::Write, |larder| binary::assoc(larder, key, source)).await
        }
        Command::Import { file, key, jobs, acks } => {
            let input = import::open(&file, key)?;
            with(&store, Intent::Write, |larder| import::run(larder, input, jobs.into(), acks)).await
        }
        Command::Export { file } => with(&store, Intent::Read, |larder| export::run(larder, file)).await,
        Command::Copy { from, to, jobs } => {
            with(&from, Intent::Read, |from| async move {
                with(&to, Intent::Write, |to| copy::run(from, to, jobs.into())).await
            })
            .await
        }
        Command::Verify => match stores::pack_dir(&store)? {
            Some(dir) => pack::verify(&dir),
            None => with(&store, Intent::Read, verify::run).await,
        },
        Command::Stats => match stores::pack_dir(&store)? {
            Some(_) => pack::stats(&store).await,
            None => with(&store, Intent::Read, pack::count).await,
        },
        Command::Compact => pack::compact(&store).await,
        Command::Repair { into, stale } => pack::repair(&store, &into, stale),
        Command::Dump => pack::dump(&store),
        Command::CheckHistory(check) => check.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Trace(trace) => with(&store, Intent::Write, |larder| trace::run(larder, trace)).await,
        Command::Stores => about::stores(),
        Command::Completions { shell } => about::completions(shell),
        Command::Man { of } => about::man(of.as_deref()),
    }
}

/// Opens the store, does the work and closes the store, whatever became of the work.
async fn with<F>(url: &str, intent: Intent, work: impl FnOnce(Larder) -> F) -> Result<Outcome>
where
    F: Future<Output = Result<Outcome>>,
{
    let larder = stores::open(url, intent).await?;
    let result = work(larder.clone()).await;
    let closed = larder.close().await;
    let outcome = result?;
    closed?;
    Ok(outcome)
}

/// Nothing is stored under this key: one line, and exit code 1.
fn absent(key: &Key, segments: &[String]) -> Outcome {
    let mut place = notation::print(key);
    segments.iter().for_each(|segment| place = format!("{place} {}", notation::visible(segment)));
    crate::complain(&format!("{place} is absent"));
    Outcome::Absent
}

/// A number of things, in words.
fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// What went wrong with one entry of many, on standard error.
fn complain_of(key: Option<&Key>, failure: &Failure) {
    match key {
        Some(key) => crate::complain(&format!("{}: {failure}", notation::print(key))),
        None => crate::complain(&failure.to_string()),
    }
}
