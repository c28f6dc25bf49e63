//! A store that is being written is verified all the same, and after every kind of death.

use std::sync::Arc;

use larder::Backend;
use larder::io::Disk;
use larder_simulated::disk::CrashModel;

use crate::support::{DIR, Store, open};

#[test]
fn a_store_that_is_open_is_verified() {
    let mut store = Store::with_everything();
    let pack = open(&store.disk, DIR);
    for round in 0..30_u8 {
        store.put(&pack, usize::from(round), vec![round; 200]);
        let report = store.verify();
        assert!(report.is_whole() && report.index_compared, "round {round}: {:#?}", report.damage);
        assert_eq!(report.stats.keys, store.model.len() as u64);
    }
    pack.close().wait().unwrap();
}

#[test]
fn what_a_power_cut_leaves_is_no_damage_and_is_saved() {
    const STATES: usize = 40;
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    for round in 0..12_u8 {
        store.put(&pack, usize::from(round), vec![round; 500]);
        store.batch(&pack, 70..73, round);
        store.remove(&pack, usize::from(round) / 2);
        if round == 8 {
            pack.compact().wait().unwrap();
        }
        for model in [CrashModel::Killed, CrashModel::AllLost, CrashModel::Ordered, CrashModel::Adversarial] {
            for (number, state) in store.sim.crash_states(model, STATES).enumerate() {
                let disk: Arc<dyn Disk> = Arc::new(state.clone());
                let left = Store { sim: state, disk, model: store.model.clone() };
                let report = left.verify();
                assert!(report.is_whole(), "round {round}, {model:?} {number}: {:#?}", report.damage);
                assert_eq!(report.stats.keys, left.model.len() as u64, "round {round}, {model:?} {number}");
            }
        }
    }
    pack.close().wait().unwrap();
}
