//! Histories of real stores under real threads: they are linearizable, and a store that lies is found out.

#[path = "real/liar.rs"]
mod liar;
#[path = "real/traffic.rs"]
mod traffic;

use std::sync::Arc;

use futures::TryStreamExt;
use larder::{Durability, Larder, Together};
use larder_filesystem::Options;
use larder_memory::Memory;
use larder_simulated::check::{Checker, Consistency, Decided, Rule};
use larder_simulated::history::{History, Recorder, json};
use liar::{Liar, Lie};
use traffic::{Traffic, record};

#[track_caller]
fn assert_linearizable(history: &History) -> Decided {
    let decided = Checker::new().decide(history);
    assert!(decided.verdict.is_linearizable(), "{}", decided.verdict);
    decided
}

fn files(directory: &tempfile::TempDir) -> Larder {
    let options = Options::default().durability(Durability::Flushed);
    Larder::new(pollster::block_on(options.open(directory.path())).unwrap())
}

#[test]
fn memory_under_threads_is_linearizable() {
    let traffic = Traffic { seed: 1, clients: 6, operations: 4_000, keys: 3, batches: true };
    let history = record(&[Larder::new(Memory::new())], traffic);
    assert_eq!(history.len(), 24_000);
    let decided = assert_linearizable(&history);
    assert!(decided.by_search > 5, "{decided:?}");
}

#[test]
fn a_linearizable_history_keeps_every_weaker_promise() {
    let traffic = Traffic { seed: 4, clients: 4, operations: 200, keys: 2, batches: true };
    let history = record(&[Larder::new(Memory::new())], traffic);
    for consistency in [Consistency::Sequential, Consistency::ReadYourWrites, Consistency::MonotonicReads] {
        let verdict = Checker::new().consistency(consistency).check(&history);
        assert!(verdict.is_linearizable(), "{consistency:?}: {verdict}");
    }
}

#[test]
fn files_under_threads_are_linearizable() {
    let directory = tempfile::tempdir().unwrap();
    let traffic = Traffic { seed: 2, clients: 4, operations: 400, keys: 2, batches: false };
    assert_linearizable(&record(&[files(&directory)], traffic));
}

#[test]
fn two_handles_on_one_directory_are_linearizable_together() {
    let directory = tempfile::tempdir().unwrap();
    let larders = [files(&directory), files(&directory)];
    let traffic = Traffic { seed: 3, clients: 4, operations: 200, keys: 1, batches: false };
    assert_linearizable(&record(&larders, traffic));
}

#[test]
fn a_recorded_history_survives_json_lines() {
    let traffic = Traffic { seed: 5, clients: 3, operations: 300, keys: 2, batches: true };
    let history = record(&[Larder::new(Memory::new())], traffic);
    let mut text = Vec::new();
    json::write(&history, &mut text).unwrap();
    assert_eq!(json::read(&String::from_utf8(text).unwrap()).unwrap(), history);
}

/// Some rounds of two clients, who take turns. The lie is told in the middle.
async fn rounds(liar: &Arc<Liar>, recorder: &Recorder) -> larder::Result<()> {
    let lying = Larder::over(Arc::clone(liar) as Arc<_>);
    let (ada, bob) = (recorder.larder(0, &lying), recorder.larder(1, &lying));
    for round in 0..60u64 {
        if round == 30 {
            liar.arm();
        }
        ada.assoc("value", &round).await?;
        bob.get::<u64>("value").await?;
        ada.assoc("pair", &serde_json::json!({"one": round, "two": round})).await?;
        bob.get::<serde_json::Value>("pair").await?;
        bob.update_in("count", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
        ada.get::<u64>("count").await?;
        ada.append("log", &round).await?;
        bob.log::<u64>("log").await?;
        bob.bassoc("binary", vec![round as u8; 1000]).await?;
        if let Some(binary) = ada.bget("binary").await? {
            binary.bytes().await?;
        }
        ada.multi_assoc([("left", round), ("right", round)], Together::Atomic).await?;
        bob.multi_get::<u64, _>(["left", "right"]).await?;
        bob.assoc("gone", &round).await?;
        ada.dissoc("gone").await?;
        bob.exists("gone").await?;
        ada.keys().try_collect::<Vec<_>>().await?;
    }
    Ok(())
}

#[test]
fn a_store_that_tells_the_truth_is_believed() {
    let liar = Arc::new(Liar::new(&Larder::new(Memory::new()), Lie::Stale));
    let recorder = Recorder::new();
    let lying = Larder::over(Arc::clone(&liar) as Arc<_>);
    pollster::block_on(async {
        let ada = recorder.larder(0, &lying);
        for n in 0..30 {
            ada.assoc("value", &n).await.unwrap();
            ada.get::<u64>("value").await.unwrap();
        }
    });
    assert_linearizable(&recorder.history());
}

#[test]
fn every_lie_is_found_out_and_explained_with_few_operations() {
    for lie in Lie::ALL {
        let liar = Arc::new(Liar::new(&Larder::new(Memory::new()), lie));
        let recorder = Recorder::new();
        pollster::block_on(rounds(&liar, &recorder)).unwrap();
        assert!(liar.has_lied(), "{lie:?}");
        let verdict = Checker::new().check(&recorder.history());
        let violation = verdict.violation().unwrap_or_else(|| panic!("{lie:?} was believed: {verdict}"));
        println!("{lie:?}: {verdict}");
        let rule = match lie {
            Lie::Unlisted | Lie::ListedTwice => Rule::ListedOnce,
            Lie::ListedGone => Rule::NotListed,
            _ => Rule::Linearizable,
        };
        assert_eq!(violation.rule, rule, "{lie:?}");
        assert!((1..=4).contains(&violation.offending.len()), "{lie:?}: {verdict}");
    }
}
