//! A segment that could not be made: the one before it goes on.

use std::path::PathBuf;

use larder::Durability;
use larder_simulated::disk::{Call, CrashModel, Failure, Fault, SimDisk, Where};

use crate::history::History;
use crate::simulated::ops::Script;
use crate::simulated::store::{STORE, open};
use crate::{Extent, seed, survives};

#[test]
fn a_segment_that_could_not_be_made_survives_no_crash() {
    use larder::Backend;
    let script = Script { compactions: 0, reopenings: 0, largest: 1600, ..Script::new(seed(13), 30) };
    let next = Where::At(PathBuf::from(STORE).join("00000002.log"));
    for durability in [Durability::Synced, Durability::Flushed] {
        let faults = [
            Fault::at(1).on(Call::Open).fails_after(Failure::Io),
            Fault::at(1).on(Call::WriteAt).fails_after(Failure::Full),
            Fault::at(1).on(Call::Sync).fails_after(Failure::Io),
        ];
        for fault in faults {
            let disk = SimDisk::new(script.seed);
            open(&disk, durability).unwrap().close().wait().unwrap();
            disk.settle();
            disk.inject(fault.clone().within(next.clone()));
            let history = History::run(script.seed, &script.ops(), script.universe(), durability, &disk);
            assert_eq!(disk.faults_fired(), 1, "{fault:?}");
            let models = [CrashModel::AllLost, CrashModel::Adversarial];
            survives("no next segment", &history, &models, Extent { cap: 3, nested: 0, before_syncs: true });
        }
    }
}
