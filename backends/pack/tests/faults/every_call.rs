//! One call fails: the n-th, for every n.

use std::panic::{AssertUnwindSafe, catch_unwind};

use larder::{Backend, Durability};
use larder_simulated::disk::{Call, Failure, Fault, SimDisk};

use crate::seed;
use crate::simulated::ops::Script;
use crate::simulated::store::{Content, contents, open};
use crate::trial::Trial;

const READS: [Call; 2] = [Call::ReadAt, Call::ReadAtCached];
const OPENS: [Call; 5] = [Call::Open, Call::OpenCached, Call::List, Call::Syncer, Call::LockFile];
const CHANGES: [Call; 9] = [
    Call::Open,
    Call::Rename,
    Call::Remove,
    Call::CreateDir,
    Call::LockFile,
    Call::WriteAt,
    Call::SetLen,
    Call::Sync,
    Call::SyncDir,
];

/// A store in use: a part of the operations done, and the process killed.
fn prepared(script: &Script, durability: Durability) -> (SimDisk, Content) {
    let disk = SimDisk::new(script.seed);
    let store = open(&disk, durability).unwrap();
    let mut content = Content::new();
    let before = Script { seed: script.seed + 1000, ..*script };
    for op in before.ops() {
        op.run(&store, &content).unwrap();
        op.apply(&mut content);
    }
    store.sync().wait().unwrap();
    assert_eq!(contents(&store, &script.universe()).unwrap(), content);
    disk.settle();
    (disk, content)
}

/// Runs the script with every call of these failing in turn. Counts those after which an error came back.
fn every(
    name: &str,
    script: Script,
    durability: Durability,
    calls: &[Call],
    twist: impl Fn(Fault) -> Fault,
) -> u64 {
    let on = |nth| calls.iter().fold(Fault::at(nth), |fault, call| fault.on(*call));
    each(name, script, durability, |nth| vec![twist(on(nth))])
}

/// The same with several faults at a time.
fn each(name: &str, script: Script, durability: Durability, faults: impl Fn(u64) -> Vec<Fault>) -> u64 {
    let script = Script { seed: seed(script.seed), ..script };
    let (disk, content) = prepared(&script, durability);
    let ops = script.ops();
    let (mut failed, mut poisoned) = (0, 0);
    for nth in 1.. {
        let mut trial = Trial::new(&disk, &content, &script, durability);
        faults(nth).into_iter().for_each(|fault| trial.disk.inject(fault));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            trial.run(&ops);
            let fired = trial.disk.faults_fired();
            trial.end();
            fired
        }));
        let Ok(fired) = outcome else {
            let trace = trial.disk.trace();
            let failing = trace
                .iter()
                .rev()
                .find(|line| line.contains(": ") && !line.contains("not found") && !line.contains("exists"))
                .cloned()
                .unwrap_or_default();
            let last = trace.iter().rev().take(90).rev().cloned().collect::<Vec<_>>().join("\n  ");
            panic!(
                "{name}, {durability:?}, seed {}, call {nth} ({failing}); the last calls:\n  {last}",
                script.seed
            );
        };
        if fired == 0 {
            println!(
                "{name}, {durability:?}, seed {}: {} calls failed, {failed} seen, {poisoned} poisoned",
                script.seed,
                nth - 1
            );
            return failed;
        }
        failed += u64::from(trial.errors > 0);
        poisoned += trial.poisoned;
    }
    0
}

fn script(seed: u64) -> Script {
    Script { compactions: 8, reopenings: 8, ..Script::new(seed, 20) }
}

#[test]
fn any_call_may_fail() {
    let failed = every("any", script(61), Durability::Synced, &Call::ALL, |fault| fault.fails(Failure::Io));
    assert!(failed > 100, "{failed}");
}

#[test]
fn any_call_may_fail_where_nothing_is_synced() {
    let failed = every("any", script(62), Durability::Flushed, &Call::ALL, |fault| fault.fails(Failure::Io));
    assert!(failed > 100, "{failed}");
}

#[test]
fn any_change_may_fail_after_its_effect() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let failed = every("after", script(63), durability, &CHANGES, |fault| fault.fails_after(Failure::Io));
        assert!(failed > 10, "{failed}");
    }
}

#[test]
fn the_disk_may_be_full_at_any_change() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let failed = every("full", script(64), durability, &CHANGES, |fault| fault.fails(Failure::Full));
        assert!(failed > 10, "{failed}");
    }
}

#[test]
fn too_many_files_may_be_open_whenever_one_is_opened() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let failed =
            every("files", script(65), durability, &OPENS, |fault| fault.fails(Failure::TooManyFiles));
        assert!(failed > 3, "{failed}");
    }
}

#[test]
fn short_writes_are_noticed_by_nobody() {
    let failed = every("short writes", script(66), Durability::Synced, &[Call::WriteAt], Fault::shortens);
    assert_eq!(failed, 0);
}

#[test]
fn short_reads_are_noticed_by_nobody() {
    let failed =
        every("short reads", Script { len: 10, ..script(67) }, Durability::Synced, &READS, Fault::shortens);
    assert_eq!(failed, 0);
}

#[test]
fn a_write_may_stop_halfway() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let failed = each("halfway", script(68), durability, |nth| {
            let (short, rest) = (Fault::at(nth).on(Call::WriteAt), Fault::at(nth + 1).on(Call::WriteAt));
            vec![short.shortens(), rest.fails(Failure::Full)]
        });
        assert!(failed > 10, "{failed}");
    }
}

/// And what was written of it cannot be taken away either.
#[test]
fn a_write_may_stop_halfway_and_stay() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let script = Script { seed: seed(68), ..script(68) };
        let (disk, content) = prepared(&script, durability);
        let failed = each("halfway, for good", script, durability, |nth| {
            let (short, rest) = (Fault::at(nth).on(Call::WriteAt), Fault::at(nth + 1).on(Call::WriteAt));
            let halfway = vec![short.shortens(), rest.fails(Failure::Io)];
            // The first to fail is the one after the write. Those before set the length ahead.
            let mut trial = Trial::new(&disk, &content, &script, durability);
            let before = trial.disk.calls(Call::SetLen);
            halfway.iter().for_each(|fault| trial.disk.inject(fault.clone()));
            script.ops().iter().take_while(|op| (trial.step(op), trial.disk.faults_fired()).1 < 2).count();
            let trace = trial.disk.trace();
            let written = trace.iter().rposition(|line| line.contains("write_at") && line.contains(": "));
            let Some(written) = written else { return halfway };
            let after = trace[written..].iter().filter(|line| line.contains("set_len")).count() as u64;
            let cut = Fault::at(trial.disk.calls(Call::SetLen) - before - after + 1);
            let cut = cut.times(1 + nth % 3).on(Call::SetLen).fails(Failure::Io);
            halfway.into_iter().chain([cut]).collect()
        });
        assert!(failed > 10, "{failed}");
    }
}

/// A sync that fails and has lost its data, as on Linux: what is acknowledged after the store was opened again is there.
#[test]
fn a_sync_may_fail_and_lose_what_it_should_have_kept() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let failed = every("lost", script(69), durability, &[Call::Sync], |fault| fault.loses(Failure::Io));
        assert!(failed > 5, "{failed}");
    }
}

#[test]
fn any_change_of_large_values_may_fail() {
    let script = Script { blobs: 70, keys: 3, ..Script { len: 5, ..script(70) } };
    for durability in [Durability::Synced, Durability::Flushed] {
        let failed = every("blobs", script, durability, &CHANGES, |fault| fault.fails(Failure::Io));
        assert!(failed > 5, "{failed}");
        let failed =
            every("blobs, after", script, durability, &CHANGES, |fault| fault.fails_after(Failure::Io));
        assert!(failed > 5, "{failed}");
    }
}
