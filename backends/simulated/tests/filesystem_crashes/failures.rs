//! Syncs that fail and lose what they should have kept, and the power cuts after that.

use ::larder::{Backend, Durability, Expect, Key};
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
