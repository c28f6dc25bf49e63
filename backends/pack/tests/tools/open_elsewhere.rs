//! A store that is being written is verified all the same, and after every kind of death.

use std::sync::Arc;

use larder::Backend;
use larder::io::Disk;
use larder_simulated::disk::CrashModel;

use crate::support::{DIR, Store, key, open};

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
fn a_store_that_is_compacted_in_the_middle_of_it_is_verified() {
    use larder_simulated::disk::{Call, Where};
    let whole = Store::with_everything();
    for path in whole.segments().into_iter().chain(whole.files(".blob")) {
        let mut store = whole.copy();
        let pack = open(&store.disk, DIR);
        store.put(&pack, 90, vec![1; 1 << 20]);
        let writer = pack.clone();
        let hook = move || {
            let record = crate::support::record(&key(90), &[3; 100]);
            writer.write(&key(90), record, larder::Expect::Any).wait().unwrap();
            writer.compact().wait().unwrap();
        };
        store.sim.before(Call::Open, Where::At(path.clone()), hook);
        let report = store.verify();
        assert!(report.is_whole() && report.index_compared, "{}: {:#?}", path.display(), report.damage);
        pack.close().wait().unwrap();
    }
}

#[test]
fn progress_goes_on_to_the_end() {
    let store = Store::with_everything();
    let mut seen = Vec::new();
    larder_pack::tools::verify(&store.disk, DIR.as_ref(), &mut |progress| seen.push(progress)).unwrap();
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    let last = seen.last().unwrap();
    assert_eq!(last.done, last.total);
    seen.clear();
    larder_pack::tools::repair(&store.disk, DIR.as_ref(), "/saved".as_ref(), &mut |progress| {
        seen.push(progress)
    })
    .unwrap();
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    assert_eq!(seen.last().unwrap().done, seen.last().unwrap().total);
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
