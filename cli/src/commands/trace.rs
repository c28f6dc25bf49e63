//! `trace`: measures a store, one operation at a time, and makes a profile of it.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueHint};
use futures::TryStreamExt;
use larder::{Clock, Key, Larder, RealClock, Source, Together};
use larder_simulated::latency::{Class, Histogram, Profile, Recording};

use super::simulate;
use crate::failure::{Failure, Outcome, Result};
use crate::output::{self, Output};
use crate::progress::{self, Total};

/// The words of the command.
#[derive(Args, Debug)]
pub(crate) struct Trace {
    /// How many operations to measure, about
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    operations: u64,
    /// Where to write the profile
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Compare with this profile: a name or a JSON file
    #[arg(long, value_name = "P")]
    against: Option<String>,
}

/// All keys begin with this. What comes after it is drawn anew by every run.
const ROOM: &str = "larder-trace/";
const SMALL: usize = 1024;
const LARGE: usize = 1024 * 1024;

/// What `larder trace --help` says at its end.
pub(crate) const HELP: &str = "\
Reads, heads, writes, removals, listings, batches and syncs are measured, one at a time, with values of
1 KiB and now and then of 1 MiB. Everything is written under keys of its own, which begin with
larder-trace/ and are removed at the end.

Examples:
  larder trace --store file:/mnt/disk/larder -o disk.json
  larder simulate --profile ./disk.json --workload mixed
  larder trace --against local-nvme";

/// Measures the store.
pub(crate) async fn run(larder: Larder, asked: Trace) -> Result<Outcome> {
    // What can be refused is refused before anything is written.
    let against = asked.against.as_deref().map(simulate::profile).transpose()?;
    let file = asked.output.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    let mut meter = Meter::new(&larder);
    let measured = meter.measure(asked.operations).await;
    let cleaned = meter.clean().await;
    measured?;
    cleaned?;
    let Meter { recording, .. } = meter;
    output::line(&table(&recording))?;
    if let Some(profile) = against {
        output::line(recording.compare(&profile).to_string().trim_end())?;
    }
    if let Some(mut file) = file {
        let profile: Profile = recording.fit()?;
        file.write(profile.to_text().as_bytes())?;
        file.finish()?;
    }
    Ok(Outcome::Done)
}

struct Meter<'a> {
    larder: &'a Larder,
    room: String,
    recording: Recording,
    /// Keys that may be there.
    made: Vec<Key>,
}

impl Meter<'_> {
    fn new(larder: &Larder) -> Meter<'_> {
        let date: String = RealClock.wall().to_string().chars().take(10).collect();
        Meter {
            larder,
            room: format!("{ROOM}{:016x}/", RealClock.random()),
            recording: Recording::new(larder.capabilities().name, &date),
            made: Vec::new(),
        }
    }

    async fn measure(&mut self, operations: u64) -> Result {
        let bar = progress::bar("trace", Total::Entries);
        let atomic = self.larder.capabilities().batches;
        let small = "x".repeat(SMALL);
        let mut done = 0;
        for round in 0u64.. {
            if done >= operations {
                break;
            }
            let before = self.recording.counts();
            let key = self.key(round % 64);
            let larder = self.larder;
            self.time(Class::Write, SMALL, larder.assoc(key.clone(), &small)).await?;
            self.time(Class::Read, SMALL, larder.get_document(key.clone())).await?;
            self.time(Class::Head, 0, larder.get_meta(key.clone())).await?;
            if round.is_multiple_of(4) {
                self.large().await?;
            }
            if round.is_multiple_of(8) {
                let prefix = self.room.clone();
                let listing =
                    larder.keys_with_prefix(&prefix).try_fold(0u64, |n, _| async move { Ok(n + 1) });
                self.time(Class::List, 0, listing).await?;
                self.time(Class::Sync, 0, larder.sync()).await?;
            }
            if atomic && round.is_multiple_of(8) {
                let keys = [self.key(u64::MAX), self.key(u64::MAX - 1)];
                let entries = keys.clone().map(|key| (key, small.as_str()));
                self.time(Class::Batch, 2 * SMALL, larder.multi_assoc(entries, Together::Atomic)).await?;
            }
            self.time(Class::Remove, 0, larder.dissoc(key)).await?;
            let after = self.recording.counts();
            done += after.0 - before.0;
            bar.inc(after.0 - before.0);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// A binary of a megabyte: how much longer it takes is the bandwidth.
    async fn large(&mut self) -> Result {
        let (key, larder) = (self.key(u64::MAX - 2), self.larder);
        let bytes = vec![0x5a; LARGE];
        self.time(Class::Write, LARGE, larder.bassoc(key.clone(), Source::from(bytes))).await?;
        let read = async {
            match larder.bget(key).await? {
                Some(binary) => {
                    binary.into_stream().try_fold(0, |n, chunk| async move { Ok(n + chunk.len()) }).await
                }
                None => Ok(0),
            }
        };
        self.time(Class::Read, LARGE, read).await?;
        Ok(())
    }

    fn key(&mut self, number: u64) -> Key {
        let key = Key::from(format!("{}{number}", self.room));
        if !self.made.contains(&key) {
            self.made.push(key.clone());
        }
        key
    }

    /// Measures one operation.
    async fn time<T>(
        &mut self,
        class: Class,
        bytes: usize,
        operation: impl Future<Output = larder::Result<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        let result = operation.await;
        let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match result {
            Ok(value) => {
                self.recording.note(class, bytes as u64, took);
                Ok(value)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes whatever is left, also after a failure.
    async fn clean(&mut self) -> Result {
        let mut failure = None;
        for key in std::mem::take(&mut self.made) {
            failure = self.larder.dissoc(key).await.err().or(failure);
        }
        match failure {
            None => Ok(()),
            Some(error) => {
                Err(Failure::storage(format!("some keys below {} may be left: {error}", self.room)))
            }
        }
    }
}

fn table(recording: &Recording) -> String {
    let mut lines = vec![format!(
        "{:<8}{:<16}{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "class", "size", "count", "p50", "p90", "p99", "p99.9", "max"
    )];
    for (class, size, times) in recording.histograms() {
        let cells: Vec<String> = [0.5, 0.9, 0.99, 0.999, 1.0].iter().map(|q| cell(times, *q)).collect();
        let (class, size) = (class.to_string(), size.to_string());
        lines.push(format!("{class:<8}{size:<16}{:>8}{}", times.count(), cells.concat()));
    }
    lines.join("\n")
}

/// A quantile, unless there are too few to tell it from the longest.
fn cell(times: &Histogram, q: f64) -> String {
    let too_few = q < 1.0 && (1.0 - q) * (times.count() as f64) < 1.0;
    let text = if too_few {
        "-".to_owned()
    } else {
        format!("{:.1?}", std::time::Duration::from_nanos(times.quantile(q)))
    };
    format!("{text:>12}")
}
