//! Sequences of operations of a whole larder: documents, updates, logs, binaries, several entries one by
//! one. What is found after a crash is, for every key, what some operation left there.

use std::collections::BTreeSet;
use std::future::Future;

use ::larder::{Durability, Kind, Larder, Result, Together, path};
use larder_simulated::disk::{Crash, CrashModel, Exploration, SimDisk};
use serde_json::json;
use smol::stream::StreamExt;

use crate::support::*;

/// What one operation makes of a key, as text.
struct Effect {
    key: &'static str,
    found: Option<String>,
    begun: usize,
    acknowledged: usize,
}

fn over(disk: &SimDisk, seed: u64) -> Result<Larder> {
    Ok(Larder::with_clock(open(disk, Durability::Synced, seed)?, TestClock::new(seed + 10_000)))
}

/// What stands under a key, as text.
async fn found(larder: &Larder, key: &str) -> Result<Option<String>> {
    let Some(meta) = larder.get_meta(key).await? else { return Ok(None) };
    Ok(Some(match meta.kind() {
        Kind::Document => format!("{:?}", larder.get::<serde_json::Value>(key).await?),
        Kind::AppendLog => format!("{:?}", larder.log::<u64>(key).await?),
        Kind::Binary => match larder.bget(key).await? {
            Some(binary) => format!("{:?}", binary.bytes().await?),
            None => "nothing".to_owned(),
        },
    }))
}

struct Sequence {
    disk: SimDisk,
    larder: Larder,
    effects: Vec<Effect>,
}

impl Sequence {
    /// Does something, and notes what it made of these keys.
    async fn run<T>(&mut self, keys: &[&'static str], act: impl Future<Output = Result<T>>) -> Result<()> {
        let begun = self.disk.mark();
        act.await?;
        let acknowledged = self.disk.mark();
        for key in keys {
            let found = found(&self.larder, key).await?;
            self.effects.push(Effect { key, found, begun, acknowledged });
        }
        Ok(())
    }

    async fn judge(&self, crash: &Crash) -> Result<std::result::Result<(), String>> {
        let larder = over(&crash.disk, 1 + crash.depth as u64)?;
        let keys: BTreeSet<&str> = self.effects.iter().map(|effect| effect.key).collect();
        let mut present = BTreeSet::new();
        for key in keys {
            let mut allowed = vec![&None];
            for effect in self.effects.iter().filter(|effect| effect.key == key && crash.passed(effect.begun))
            {
                if crash.passed(effect.acknowledged) {
                    allowed.clear();
                }
                allowed.push(&effect.found);
            }
            let found = found(&larder, key).await?;
            if !allowed.contains(&&found) {
                return Ok(Err(format!("{key} is {found:?} and not one of {allowed:?}")));
            }
            present.extend(found.map(|_| larder::Key::from(key)));
        }
        let listed: Vec<Result<larder::Key>> = larder.keys().collect().await;
        let listed = listed.into_iter().collect::<Result<BTreeSet<_>>>()?;
        if listed != present {
            return Ok(Err(format!("listed are {listed:?}, and there are {present:?}")));
        }
        larder.close().await?;
        Ok(Ok(()))
    }
}

async fn run(disk: SimDisk) -> Result<Verdict> {
    let prepared = over(&disk, 1000)?;
    prepared.close().await?;
    disk.settle();
    disk.record();
    let larder = over(&disk, 2000)?;
    let mut sequence = Sequence { disk, larder: larder.clone(), effects: Vec::new() };
    let ada = json!({"name": "Ada", "emails": ["ada@example.org"], "notes": "x".repeat(600)});
    sequence.run(&["ada"], larder.assoc("ada", &ada)).await?;
    sequence.run(&["log"], larder.append("log", &1)).await?;
    let visit = |visits: Option<u64>| visits.unwrap_or(0) + 1;
    sequence.run(&["ada"], larder.update_in(path!["ada", "visits"], visit)).await?;
    sequence.run(&["log"], larder.append_all("log", [2, 3])).await?;
    sequence.run(&["photo"], larder.bassoc("photo", vec![7; 1500])).await?;
    sequence.run(&["ada"], larder.assoc_in(path!["ada", "emails", 1], "other@example.org")).await?;
    let both = larder.multi_assoc([("ada", json!(1)), ("bob", json!(2))], Together::OneByOne);
    sequence.run(&["ada", "bob"], both).await?;
    sequence.run(&["log"], larder.dissoc("log")).await?;
    sequence.run(&["log"], larder.append("log", &4)).await?;
    sequence.run(&["photo"], larder.assoc("photo", "now a document")).await?;
    sequence.run(&["bob"], larder.dissoc("bob")).await?;
    let recording = sequence.disk.recorded();
    larder.close().await?;

    for model in [CrashModel::Killed, CrashModel::AllLost, CrashModel::Ordered, CrashModel::Adversarial] {
        let inner = if model == CrashModel::Killed { CrashModel::Adversarial } else { model };
        let exploration = Exploration::new(model, 200).then(inner, 4).until_wrong(1);
        let explored = exploration.run(&recording, |crash| match smol::block_on(sequence.judge(crash)) {
            Ok(verdict) => verdict,
            Err(error) => Err(error.to_string()),
        });
        println!("{:26} {:12} {explored}", "larder", format!("{model:?}"));
        if let Some(violation) = explored.violations.first() {
            return Ok(Err(format!("{model:?}: {violation}")));
        }
    }
    Ok(Ok(()))
}

pub(crate) fn documents_logs_and_binaries(disk: SimDisk) -> Verdict {
    smol::block_on(run(disk)).map_err(|error| error.to_string())?
}

#[test]
fn documents_logs_and_binaries_survive_every_crash() {
    sound(documents_logs_and_binaries);
}
