//! Calls fail from one on, until what was wrong is mended.

use std::panic::{AssertUnwindSafe, catch_unwind};

use larder::{Backend, Durability, ErrorKind, Expect};
use larder_simulated::disk::{Call, Failure, Fault, SimDisk};

use crate::seed;
use crate::simulated::ops::{Op, Script};
use crate::simulated::store::{Content, contents, open, record};
use crate::trial::Trial;

/// From the n-th write on there is no room, until there is: nothing is lost, and what comes then is done.
#[test]
fn the_disk_may_be_full_for_a_while() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let script = Script { reopenings: 0, compactions: 5, ..Script::new(seed(71), 24) };
        let ops = script.ops();
        let disk = SimDisk::new(script.seed);
        open(&disk, durability).unwrap().close().wait().unwrap();
        disk.settle();
        for nth in 1.. {
            let mut trial = Trial::new(&disk, &Content::new(), &script, durability);
            // The store is open before.
            trial.step(&Op::Sync);
            let full = Fault::at(nth).on(Call::WriteAt).on(Call::CreateDir).forever();
            trial.disk.inject(full.fails(Failure::Full));
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                for op in &ops {
                    trial.step(op);
                }
                let fired = trial.disk.faults_fired();
                let before = trial.errors;
                trial.disk.heal();
                trial.run(&ops);
                assert!(trial.errors == before, "what comes after fails too");
                assert_eq!(trial.poisoned, 0);
                trial.end();
                fired
            }));
            match outcome {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => panic!(
                    "seed {}, {durability:?}, full from write {nth} on: {:?}",
                    script.seed,
                    trial.disk.trace()
                ),
            }
        }
    }
}

/// A medium that has failed altogether: the store is poisoned, and reads go on.
#[test]
fn a_medium_that_takes_nothing_any_more_can_be_read() {
    for durability in [Durability::Synced, Durability::Flushed] {
        let script = Script::new(seed(72), 30);
        let disk = SimDisk::new(script.seed);
        let store = open(&disk, durability).unwrap();
        let mut content = Content::new();
        for op in script.ops() {
            op.run(&store, &content).unwrap();
            op.apply(&mut content);
        }
        for call in [Call::WriteAt, Call::Sync, Call::SyncDir, Call::SetLen, Call::Rename, Call::Remove] {
            disk.inject(Fault::always().on(call).fails(Failure::Io));
        }
        let key = &script.universe()[0];
        let error = store.write(key, record(key, "x"), Expect::Any).wait().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Poisoned), "{error}");
        let error = store.write(key, record(key, "y"), Expect::Any).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
        let error = store.sync().wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
        assert_eq!(contents(&store, &script.universe()).unwrap(), content, "seed {}", script.seed);
        drop(store);
        // Opening makes things durable, and cannot.
        open(&disk, durability).unwrap_err();
        disk.heal();
        let store = open(&disk, durability).unwrap();
        assert_eq!(contents(&store, &script.universe()).unwrap(), content, "seed {}", script.seed);
    }
}
