//! Figures: those that the writer keeps count of are those of the log.

use larder::Backend;
use larder_pack::Pack;
use larder_pack::tools::Stats;

use crate::support::{DIR, Store, open, options};

/// Without what depends on what is loaded into memory, and on the moment.
fn comparable(stats: Stats) -> Stats {
    let mut stats = stats;
    stats.index_bytes = 0;
    stats
}

fn stats(pack: &Pack) -> Stats {
    pack.stats().wait().unwrap()
}

#[test]
fn what_the_writer_counts_is_what_the_log_holds() {
    let mut store = Store::with_everything();
    let pack = open(&store.disk, DIR);
    assert_eq!(comparable(stats(&pack)), comparable(store.verify().stats));
    for round in 0..40_u8 {
        store.put(&pack, usize::from(round) % 7, vec![round; 300]);
        store.remove(&pack, usize::from(round) % 11);
        store.batch(&pack, 70..74, round);
        if round % 10 == 9 {
            pack.compact().wait().unwrap();
        }
        let (counted, verified) = (stats(&pack), store.verify());
        assert!(verified.is_whole(), "round {round}: {:#?}", verified.damage);
        assert_eq!(comparable(counted), comparable(verified.stats), "round {round}");
        assert_eq!(counted.keys, store.model.len() as u64);
    }
    assert!(stats(&pack).index_bytes > 0);
    pack.close().wait().unwrap();
}

#[test]
fn who_only_reads_counts_the_same() {
    let mut store = Store::with_everything();
    let pack = open(&store.disk, DIR);
    let reader = pollster::block_on(options(&store.disk).open_read_only(DIR)).unwrap();
    for round in 0..10_u8 {
        store.put(&pack, usize::from(round), vec![round; 300]);
        store.remove(&pack, usize::from(round) + 20);
        reader.refresh().wait().unwrap();
        assert_eq!(comparable(stats(&reader)), comparable(stats(&pack)), "round {round}");
    }
    pack.close().wait().unwrap();
}
