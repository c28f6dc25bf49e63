//! Syncs that fail and lose what they should have kept, and the power cuts after that.

use ::larder::{Backend, Durability, Error, Expect, Key};
use larder_simulated::disk::{Call, CrashModel, Exploration, Failure, Fault, SimDisk};

use crate::support::*;

/// A sync fails once and loses the data; the next one says that all is well. Nothing may be acknowledged
/// that was lost, by no sync of the run.
pub(crate) fn lying_after_a_failure(disk: SimDisk) -> Verdict {
    let disk = prepared(disk);
    let mut failed = 0;
    for durability in [Durability::Synced, Durability::Flushed] {
        for call in [Call::Sync, Call::SyncDir, Call::SyncAll] {
            for nth in 1.. {
                let mut run = Run::begin(&disk, durability);
                run.disk.inject(Fault::at(nth).on(call).loses(Failure::Io));
                for (round, key) in ["old", "new", "old", "wide", "new"].into_iter().enumerate() {
                    let (key, value) = (Key::from(key), format!("{round}{}", "x".repeat(700)));
                    run.note(&key, Some(value.clone().into_bytes()), |store| {
                        store.write(&key, record(&key, value), Expect::Any).wait().is_ok()
                    });
                    run.note(&"kept".into(), None, |store| {
                        store.remove(&"kept".into(), Expect::Any).wait().is_ok()
                    });
                    run.try_sync();
                }
                if run.disk.faults_fired() == 0 {
                    break;
                }
                failed += 1;
                // A close is no acknowledgement.
                run.close();
                let recording = run.disk.recorded();
                for model in [CrashModel::AllLost, CrashModel::Adversarial] {
                    let exploration = Exploration::new(model, 12).before_syncs().until_wrong(1);
                    let explored = exploration.run(&recording, |crash| run.judge(crash, model));
                    if let Some(violation) = explored.violations.first() {
                        return Err(format!(
                            "{durability:?}, {call} {nth} loses its data, {model:?}: {violation}"
                        ));
                    }
                }
            }
        }
    }
    println!("{:26} {failed} syncs failed", "failed syncs");
    if failed < 12 { Err(format!("only {failed} syncs failed")) } else { Ok(()) }
}

#[test]
fn after_a_sync_that_lost_data_nothing_is_acknowledged_that_is_not_there() {
    sound(lying_after_a_failure);
}

/// Whatever sync fails: a change that is refused without a word of doubt has not happened, neither for who
/// reads on nor for who opens the store again.
#[test]
fn a_change_that_is_refused_without_doubt_has_not_happened() {
    let disk = prepared(SimDisk::new(31));
    let (mut refused, mut doubtful) = (0, 0);
    for call in [Call::Sync, Call::SyncDir, Call::SyncAll] {
        for nth in 1.. {
            let run = Run::begin(&disk, Durability::Synced);
            run.disk.inject(Fault::at(nth).on(call).fails(Failure::Io));
            let (new, kept) = (Key::from("new"), Key::from("kept"));
            let before = [get(&run.store, &new).unwrap(), get(&run.store, &kept).unwrap()];
            let write = run.store.write(&new, record(&new, "value"), Expect::Any).wait().map(drop);
            let remove = run.store.remove(&kept, Expect::Any).wait().map(drop);
            if run.disk.faults_fired() == 0 {
                break;
            }
            let again = open(&run.disk, Durability::Synced, 32).unwrap();
            for ((key, done), before) in [(&new, write), (&kept, remove)].into_iter().zip(before) {
                let Err(error) = done else { continue };
                if Error::is_ambiguous(&error) {
                    doubtful += 1;
                    continue;
                }
                refused += 1;
                assert_eq!(get(&run.store, key).unwrap(), before, "{call} {nth}: {key}, {error}");
                assert_eq!(get(&again, key).unwrap(), before, "{call} {nth}: {key} reopened, {error}");
            }
        }
    }
    assert!(refused > 0 && doubtful > 0, "{refused} refused, {doubtful} doubtful");
}
